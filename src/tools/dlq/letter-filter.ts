import type { LetterTopic } from './letter-place.ts'
import type { StoredLetter } from './stored-letter.ts'

/** Selects dead letters. An omitted field matches all. */
export interface LetterFilter {
  readonly topic?: LetterTopic
  readonly provider?: string
  readonly source?: string
  readonly reason?: string
  /** Became a dead letter at or after, and before, these times, ms since the epoch. */
  readonly since?: number
  readonly until?: number
}

/** @param reason the latest reason: a redrive may have found a different one than the record names. */
export function isSelected(filter: LetterFilter, letter: StoredLetter, reason: string): boolean {
  const { topic, provider, source, since, until } = filter
  return (
    (topic === undefined || topic === letter.place.topic) &&
    (provider === undefined || provider === letter.provider) &&
    (source === undefined || source === letter.source) &&
    (filter.reason === undefined || filter.reason === reason) &&
    (since === undefined || letter.at >= since) &&
    (until === undefined || letter.at < until)
  )
}
