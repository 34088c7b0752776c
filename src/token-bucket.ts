/** Capacity, in seconds of the rate: the backlog that a provider sends after an outage is legitimate. */
const BURST_SECONDS = 2

/** A rate limit: tokens arrive at a constant rate up to the capacity, and every request takes one. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #capacity: number
  #tokens: number
  #filledAtMs: number

  /** Starts full. `nowMs` must come from a monotonic clock. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond
    this.#capacity = Math.max(1, perSecond * BURST_SECONDS)
    this.#tokens = this.#capacity
    this.#filledAtMs = nowMs
  }

  /** Takes a token; false if there is none. */
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

  /** Whole seconds until the next token, at least one; computed at the last `take`. */
  get secondsUntilNext(): number {
    return Math.max(1, Math.ceil((1 - this.#tokens) / this.#perSecond))
  }
}
