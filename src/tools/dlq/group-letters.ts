import { compareTexts } from '../../payment/compare-texts.ts'
import type { LetterPlace, LetterTopic } from './letter-place.ts'
import type { OpenLetter } from './open-letters.ts'

const HOUR_MS = 3_600_000
export const AGES = [
  ['hour', HOUR_MS],
  ['day', 24 * HOUR_MS],
  ['week', 7 * 24 * HOUR_MS],
  ['older', Number.POSITIVE_INFINITY],
] as const satisfies readonly (readonly [string, number])[]
export type Age = (typeof AGES)[number][0]

/** Dead letters with the same topic, provider, source, reason and age. Times are ms since the epoch. */
export interface LetterGroup {
  readonly topic: LetterTopic
  readonly provider: string
  readonly source: string
  readonly reason: string
  /** The shortest of the time spans in `AGES` that includes the age of each. */
  readonly age: Age
  readonly count: number
  readonly oldestAt: number
  readonly newestAt: number
  /** The place of the oldest. */
  readonly oldest: LetterPlace
}

export interface GroupedLetters {
  /** Most numerous first. */
  readonly groups: readonly LetterGroup[]
  readonly count: number
  /** Dead letters that are in none of the groups, because there are too many groups. */
  readonly ungrouped: number
}

/** Bounds the memory, because other programs may write into the topics (I10). */
const GROUPS_MAX = 1_000

/** Groups dead letters. No I/O; memory depends only on the number of groups. */
export class LetterGroups {
  readonly #groups = new Map<string, { -readonly [K in keyof LetterGroup]: LetterGroup[K] }>()
  readonly #now: number
  #count = 0
  #ungrouped = 0

  /** @param now ms since the epoch. */
  constructor(now: number) {
    this.#now = now
  }

  add({ letter, reason }: OpenLetter): void {
    const { place, provider, source, at } = letter
    const age = ageOf(this.#now - at)
    const key = [place.topic, provider, source, reason, age].join(' ')
    const group = this.#groups.get(key)
    this.#count += 1
    if (group === undefined) {
      if (this.#groups.size >= GROUPS_MAX) {
        this.#ungrouped += 1
        return
      }
      const { topic } = place
      const times = { oldestAt: at, newestAt: at }
      this.#groups.set(key, { topic, provider, source, reason, age, count: 1, ...times, oldest: place })
      return
    }
    group.count += 1
    group.newestAt = Math.max(group.newestAt, at)
    if (at < group.oldestAt) {
      group.oldestAt = at
      group.oldest = place
    }
  }

  grouped(): GroupedLetters {
    const groups = [...this.#groups].toSorted(([keyA, a], [keyB, b]) => b.count - a.count || compareTexts(keyA, keyB))
    return { groups: groups.map(([, group]) => group), count: this.#count, ungrouped: this.#ungrouped }
  }
}

function ageOf(ms: number): Age {
  return AGES.find(([, most]) => ms < most)?.[0] ?? 'older'
}
