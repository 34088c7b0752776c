import type { Health } from '../observability/health.ts'
import type { Logger } from '../observability/log.ts'
import type { Metrics } from '../observability/metrics.ts'
import { GrowingDistance } from '../stream/growing-distance.ts'

/** Tracks which partitions are waiting for Redis and reports it to the health check, the metrics and the log. */
export class RedisWaits {
  readonly #waiting = new Set<number>()
  readonly #health: Health
  readonly #metrics: Metrics
  readonly #logger: Logger
  readonly #distance = new GrowingDistance()
  #warned = false

  constructor(health: Health, metrics: Metrics, logger: Logger) {
    this.#health = health
    this.#metrics = metrics
    this.#logger = logger
    health.set('redis', true)
  }

  has(partition: number): boolean {
    return this.#waiting.has(partition)
  }

  reportOf(partition: number) {
    return {
      waiting: (reason: string) => {
        if (!this.#waiting.has(partition)) {
          this.#metrics.processor.redisWaits.inc()
        }
        this.#waiting.add(partition)
        this.#health.set('redis', false, reason)
        const times = this.#distance.met(reason, performance.now())
        if (times !== null) {
          this.#warned = true
          this.#logger.warn(
            { reason, times, partitions: this.#waiting.size },
            'waiting for Redis; nothing is committed meanwhile',
          )
        }
      },
      going: () => {
        this.#waiting.delete(partition)
        if (this.#waiting.size === 0) {
          this.#health.set('redis', true)
          this.#distance.over()
          if (this.#warned) {
            this.#warned = false
            this.#logger.info('Redis answers again')
          }
        }
      },
    }
  }
}
