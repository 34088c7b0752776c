import type { Health } from '../observability/health.ts'
import type { Logger } from '../observability/log.ts'
import { GrowingDistance } from '../stream/growing-distance.ts'

/** Name of the gateway's own component in Health. */
const APPEND_COMPONENT = 'append'

/**
 * Not ready is believed for so long after the last failure. Readiness takes the traffic away, and only traffic can show
 * that the broker is back, so it must run out by itself.
 */
const NOT_READY_MS = 10_000
/**
 * Who had success as lately as this is of use: one sick partition of raw must not take the callbacks away that belong into
 * others, as a process that is not ready gets none.
 */
const OF_USE_MS = 2_000
/** Trouble with some partitions is over once nothing was refused for so long. */
const QUIET_MS = 10_000

/**
 * Follows whether callbacks reach the broker, for readiness and for the log: a line when that ends, again at growing
 * distances while it lasts, and one when it is over.
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
    this.#failedAt = now
    this.#refused += 1
    if (now - this.#succeededAt > OF_USE_MS) {
      this.#ready = false
      this.#health.set(APPEND_COMPONENT, false, reason, { forMs: NOT_READY_MS })
    }
    if (this.#distance.met(reason, now) !== null) {
      this.#logger.warn(
        { reason, refused: this.#refused, err },
        'callbacks are answered 503, the broker does not take them',
      )
      this.#warned = true
    }
  }

  /** A callback was acknowledged. On the hot path: next to nothing to do while all is well. */
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
      this.#logger.info({ refused: this.#refused }, 'the broker takes callbacks again')
      this.#warned = false
      this.#refused = 0
    }
  }
}
