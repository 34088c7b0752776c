import type { InRecord, OutRecord } from './record.ts'

/**
 * What a person decided about a dead letter; the value in the topic of resolved dead letters. `redriven` and `closed` resolve it.
 * `stays`: a redrive failed, and the dead letter stays open with the reason `newReason`.
 */
export interface ResolvedLetter {
  readonly how: 'redriven' | 'closed' | 'stays'
  /** ms since the epoch. */
  readonly at: number
  readonly by: string
  /** Why, in the person's words. */
  readonly reason: string
  /** How often events of this dead letter were published, including the dead letters it descends from. */
  readonly redrives: number
  readonly newReason: string | null
}

/** A dead letter's position. Kafka's id of the topic distinguishes it from a recreated topic with the same name. */
export interface LetterPosition {
  readonly topicId: string
  readonly partition: number
  readonly offset: bigint
}

/** Belongs in the partition with the dead letter's number, so that a reader of one partition needs only that one. */
export function toResolvedRecord({ topicId, partition, offset }: LetterPosition, letter: ResolvedLetter): OutRecord {
  const at = new Date(letter.at).toISOString()
  return { key: `${topicId}/${partition}/${offset}`, value: Buffer.from(JSON.stringify({ ...letter, at })) }
}

/** Null for a record that is not ours. A tombstone makes the dead letter open again. */
export function fromResolvedRecord({ key, value }: Pick<InRecord, 'key' | 'value'>): {
  readonly position: LetterPosition
  readonly letter: ResolvedLetter | null
} | null {
  const [, topicId, partition, offset] = /^([^/]+)\/(\d{1,9})\/(\d{1,18})$/.exec(String(key)) ?? []
  if (topicId === undefined || partition === undefined || offset === undefined) {
    return null
  }
  const position = { topicId, partition: Number(partition), offset: BigInt(offset) }
  if (value === null) {
    return { position, letter: null }
  }
  const letter = toLetter(value)
  return letter === null ? null : { position, letter }
}

/** The decision in a record if it is about a dead letter of this topic and partition; otherwise null. */
export function decisionIn(
  record: Pick<InRecord, 'key' | 'value'>,
  topicId: string,
  partition: number,
): { readonly offset: bigint; readonly letter: ResolvedLetter | null } | null {
  const found = fromResolvedRecord(record)
  const isMeant = found?.position.topicId === topicId && found.position.partition === partition
  return isMeant ? { offset: found.position.offset, letter: found.letter } : null
}

function toLetter(value: Buffer): ResolvedLetter | null {
  let parsed: unknown
  try {
    parsed = JSON.parse(value.toString())
  } catch {
    return null
  }
  if (typeof parsed !== 'object' || parsed === null) {
    return null
  }
  const { how, at, by, reason, redrives, newReason } = parsed as Record<string, unknown>
  if (how !== 'redriven' && how !== 'closed' && how !== 'stays') {
    return null
  }
  return {
    how,
    at: typeof at === 'string' ? Date.parse(at) : Number.NaN,
    by: typeof by === 'string' ? by : '',
    reason: typeof reason === 'string' ? reason : '',
    redrives: typeof redrives === 'number' && Number.isSafeInteger(redrives) && redrives >= 0 ? redrives : 0,
    newReason: typeof newReason === 'string' ? newReason : null,
  }
}
