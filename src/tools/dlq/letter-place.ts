import type { TopicNames } from '../../topics.ts'

/** The two topics of dead letters. */
export const LETTER_TOPICS = ['rawDeadLetters', 'eventDeadLetters'] as const
export type LetterTopic = (typeof LETTER_TOPICS)[number]

/** Where a dead letter is. */
export interface LetterPlace {
  readonly topic: LetterTopic
  readonly partition: number
  readonly offset: bigint
}

/** As people write it: `payments.callbacks.dlq[2]@41`. */
export function placeText(place: LetterPlace, topics: TopicNames): string {
  return `${topics[place.topic]}[${place.partition}]@${place.offset}`
}

/** Null if the text is not a place in one of the two topics. */
export function toPlace(text: string, topics: TopicNames): LetterPlace | null {
  const [, name, partition, offset] = /^(.+)\[(\d{1,6})\]@(\d{1,18})$/.exec(text) ?? []
  const topic = LETTER_TOPICS.find((one) => topics[one] === name)
  return topic === undefined ? null : { topic, partition: Number(partition), offset: BigInt(offset ?? 0) }
}
