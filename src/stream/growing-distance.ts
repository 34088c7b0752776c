/** Pause between the first two lines about a condition, ms; each later one is twice as long, up to the most. */
const FIRST_MS = 10_000
const MOST_MS = 600_000
/** How many conditions are told apart (I10); what comes beyond them shares one. */
const CONDITIONS_MAX = 32

interface Condition {
  saidAt: number
  metAt: number
  waitMs: number
  /** How often it was met since it was last said. */
  times: number
}

/**
 * Decides when a condition that lasts is said again: at once, then after 10 s, 20 s, 40 s … at most every 10 minutes. A log
 * that says the same three times a second hides everything else. Pure: the time is an argument, ms.
 */
export class GrowingDistance {
  readonly #conditions = new Map<string, Condition>()

  /** The condition was met. Returns how often since it was last said, this time included; null if it is not to be said now. */
  met(what: string, at: number): number | null {
    const name = this.#nameOf(what)
    const condition = this.#conditions.get(name)
    if (condition === undefined || at - condition.metAt > MOST_MS) {
      this.#conditions.set(name, { saidAt: at, metAt: at, waitMs: FIRST_MS, times: 0 })
      return 1
    }
    condition.metAt = at
    condition.times += 1
    if (at - condition.saidAt < condition.waitMs) {
      return null
    }
    const { times } = condition
    condition.saidAt = at
    condition.waitMs = Math.min(2 * condition.waitMs, MOST_MS)
    condition.times = 0
    return times
  }

  /** What differs in numbers only is the same. */
  #nameOf(what: string): string {
    const name = what.replace(/\d+/g, '#')
    return this.#conditions.has(name) || this.#conditions.size < CONDITIONS_MAX ? name : ''
  }

  /** All is well: the next condition is said soon. Not at once if it was said just now, because it may come and go. */
  over(): void {
    for (const condition of this.#conditions.values()) {
      condition.waitMs = FIRST_MS
    }
  }
}
