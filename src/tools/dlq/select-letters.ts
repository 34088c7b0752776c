import type { TopicNames } from '../../topics.ts'
import type { LetterFilter } from './letter-filter.ts'
import { LETTER_TOPICS, type LetterPlace, placeText, toPlace } from './letter-place.ts'

/** Which dead letters: these, or all open ones that the filter selects. */
export type Selection =
  | { readonly places: readonly LetterPlace[] }
  | { readonly places: null; readonly filter: LetterFilter }

/**
 * Returns the selection if exactly one of places, a filter and `all` was given; otherwise a message that says what is wrong. A
 * command that changes dead letters must never apply to all of them by mistake.
 */
export function selectLetters(
  topics: TopicNames,
  places: readonly string[],
  filter: LetterFilter,
  all: boolean,
): Selection | string {
  const isFiltered = Object.keys(filter).length > 0
  if (Number(places.length > 0) + Number(isFiltered) + Number(all) !== 1) {
    return 'select dead letters by places, by filters, or with --all'
  }
  if (places.length === 0) {
    return { places: null, filter }
  }
  const found = new Map<string, LetterPlace>()
  for (const text of places) {
    const place = toPlace(text, topics)
    if (place === null) {
      return notAPlace(text, topics)
    }
    // Written twice, it is still one dead letter.
    found.set(placeText(place, topics), place)
  }
  return { places: [...found.values()] }
}

export function notAPlace(text: string, topics: TopicNames): string {
  const [callbacks, events] = LETTER_TOPICS.map((topic) => topics[topic])
  return `${text} is not the place of a dead letter: write ${callbacks}[partition]@offset or ${events}[partition]@offset`
}
