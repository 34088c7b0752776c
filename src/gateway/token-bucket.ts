/** The bucket holds what comes in so many seconds: the backlog that a provider sends after an outage is legitimate. */
const BURST_SECONDS = 2

/** A rate limit: tokens come in at a constant rate, every request takes one, and what is not taken is kept for a while. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #capacity: number
  #tokens: number
  #filledAtMs: number

  /** Full at the start. `nowMs` of a clock that never goes back. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#capacity = Math.max(1, perSecond * BURST_SECONDS)
    this.#tokens = this.#capacity
    this.#filledAtMs = nowMs
  }

  /** Whether there was a token; it is taken. */
  take(nowMs: number): boolean {
    const filled = this.#tokens + ((nowMs - this.#filledAtMs) / 1_000) * this.#perSecond
    this.#tokens = Math.min(this.#capacity, filled)
    this.#filledAtMs = nowMs
    if (this.#tokens < 1) {
      return false
    }
    this.#tokens -= 1
    return true
  }

  /** Whole seconds, at least one, until there is a token; as of the last take. */
  get secondsUntilNext(): number {
    return Math.max(1, Math.ceil((1 - this.#tokens) / this.#perSecond))
  }
}
