import type { Health } from '../observability/health.ts'
import type { Logger } from '../observability/log.ts'
import { GrowingDistance } from '../stream/growing-distance.ts'

/** Name of the gateway's own component in Health. */
const APPEND_COMPONENT = 'append'

/**
 * How long the gateway stays "not ready" after the last failure. While it is not ready it gets no traffic, and only traffic
 * can show that the broker has recovered, so the state expires by itself.
 */
const NOT_READY_MS = 10_000
/**
 * A process whose last success is at most this old stays ready: one unhealthy partition of raw must not keep away the
 * callbacks that belong to the others.
 */
const OF_USE_MS = 2_000
/** A partial failure counts as over once nothing has been refused for this long. */
const QUIET_MS = 10_000

/**
 * Tracks whether callbacks reach the broker, for readiness and the log: one line when they stop, more at growing intervals
 * while that lasts, and one when it is over.
 */
export class AppendWatch {
  readonly #health: Pick<Health, 'set'>
  readonly #logger: Pick<Logger, 'info' | 'warn'>
  readonly #now: () => number
  readonly #distance = new GrowingDistance()
  #failing = false
  #ready = true
  #refused = 0
  #succeededAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY
  #warned = false

  /** `now`: a clock that is never set, ms. */
  constructor(health: Pick<Health, 'set'>, logger: Pick<Logger, 'info' | 'warn'>, now: () => number) {
    this.#health = health
    this.#logger = logger
    this.#now = now
    health.set(APPEND_COMPONENT, true)
  }

  /** A callback was refused because the broker failed or too much waits for it. */
  failed(reason: string, err?: unknown): void {
    const now = this.#now()
    this.#failing = true
    this.#failedAt = now
    this.#refused += 1
    if (now - this.#succeededAt > OF_USE_MS) {
      this.#ready = false
      this.#health.set(APPEND_COMPONENT, false, reason, { forMs: NOT_READY_MS })
    }
    if (this.#distance.met(reason, now) !== null) {
      this.#logger.warn(
        { reason, refused: this.#refused, err },
        'callbacks are answered 503 because the broker does not accept them',
      )
      this.#warned = true
    }
  }

  /** A callback was acknowledged. On the hot path, so it does almost nothing while all is well. */
  succeeded(): void {
    this.#succeededAt = this.#now()
    if (!this.#failing) {
      return
    }
    const wasReady = this.#ready
    this.#ready = true
    this.#health.set(APPEND_COMPONENT, true)
    if (wasReady && this.#succeededAt - this.#failedAt < QUIET_MS) {
      return
    }
    this.#failing = false
    this.#distance.over()
    if (this.#warned) {
      this.#logger.info({ refused: this.#refused }, 'the broker accepts callbacks again')
      this.#warned = false
      this.#refused = 0
    }
  }
}
