/** Pause between the first two log lines about a condition, ms; each later pause is twice as long, up to MOST_MS. */
const FIRST_MS = 10_000
const MOST_MS = 600_000
/** Most conditions that are tracked separately (I10); all further ones share one entry. */
const CONDITIONS_MAX = 32

interface Condition {
  saidAt: number
  metAt: number
  waitMs: number
  /** How often it occurred since it was last logged. */
  times: number
}

/**
 * Decides when a lasting condition is logged: at once, then after 10 s, 20 s, 40 s … and finally every 10 minutes. A log that
 * repeats a line three times a second hides everything else. Pure: the time is an argument, ms.
 */
export class GrowingDistance {
  readonly #conditions = new Map<string, Condition>()

  /** Records an occurrence. Returns the number of occurrences since the last log line, this one included; null to log nothing. */
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

  /** Texts that differ only in numbers are the same condition. */
  #nameOf(what: string): string {
    const name = what.replace(/\d+/g, '#')
    return this.#conditions.has(name) || this.#conditions.size < CONDITIONS_MAX ? name : ''
  }

  /** The conditions have ended: resets their pauses. One that returns at once is not logged immediately, because it may flap. */
  over(): void {
    for (const condition of this.#conditions.values()) {
      condition.waitMs = FIRST_MS
    }
  }
}
