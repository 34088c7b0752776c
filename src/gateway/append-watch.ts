import type { Health } from '../observability/health.ts'
import type { Logger } from '../observability/log.ts'

/** Name of the gateway's own component in Health. */
const APPEND_COMPONENT = 'append'

/**
 * Not ready is believed for so long after the last failure. Readiness takes the traffic away, and only traffic can show
 * that the broker is back, so it must run out by itself.
 */
const NOT_READY_MS = 10_000
/** One line per surprise, not one per request. */
const LOG_INTERVAL_MS = 10_000

/** Follows whether callbacks reach the broker, for readiness and for the log: one line when that ends, one when it is back. */
export class AppendWatch {
  readonly #health: Pick<Health, 'set'>
  readonly #logger: Pick<Logger, 'info' | 'warn'>
  readonly #now: () => number
  #failing = false
  #refused = 0
  #warnedAt = Number.NEGATIVE_INFINITY
  #warned = false

  constructor(health: Pick<Health, 'set'>, logger: Pick<Logger, 'info' | 'warn'>, now: () => number) {
    this.#health = health
    this.#logger = logger
    this.#now = now
    health.set(APPEND_COMPONENT, true)
  }

  /** A callback was refused because of the broker, or of what waits for it. */
  failed(reason: string, err?: unknown): void {
    const now = this.#now()
    this.#failing = true
    this.#refused += 1
    this.#health.set(APPEND_COMPONENT, false, reason, { forMs: NOT_READY_MS })
    if (now - this.#warnedAt >= LOG_INTERVAL_MS) {
      this.#logger.warn(
        { reason, refused: this.#refused, err },
        'callbacks are answered 503, the broker does not take them',
      )
      this.#warnedAt = now
      this.#warned = true
    }
  }

  /** A callback was acknowledged. On the hot path: nothing to do while all is well. */
  succeeded(): void {
    if (!this.#failing) {
      return
    }
    this.#failing = false
    this.#health.set(APPEND_COMPONENT, true)
    if (this.#warned) {
      this.#logger.info({ refused: this.#refused }, 'the broker takes callbacks again')
      this.#warned = false
      this.#refused = 0
    }
  }
}
