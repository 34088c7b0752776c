import type { AvroCodec } from '../../avro/codec.ts'
import type { ReachCrashPoint } from '../../crash-point.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { AppendLog } from '../../stream/append-log.ts'
import { partitionOf } from '../../stream/partition-of.ts'
import type { OutRecord } from '../../stream/record.ts'

export interface PacedEventsPorts {
  /** `payments.events`. */
  readonly log: Pick<AppendLog, 'append' | 'partitions'>
  readonly codec: Pick<AvroCodec<PaymentEvent>, 'encode'>
  /** Monotonic, ms. */
  readonly clock: () => number
  readonly sleep: (ms: number) => Promise<void>
  readonly crashPoint?: ReachCrashPoint | undefined
}

/** Events per append. */
const AT_ONCE_MAX = 500
/** One append contains the events of this period, ms, so that a low rate is even. */
const AT_ONCE_MS = 100

/** Publishes events to `payments.events`, at least once, and on average no faster than the given rate. */
export class PacedEvents {
  readonly #ports: PacedEventsPorts
  readonly #ratePerSecond: number
  readonly #atOnce: number
  readonly #partitions = new Set<number>()
  #waiting: PaymentEvent[] = []
  #published = 0
  #startedAt: number | null = null

  /** @param ratePerSecond above 0 */
  constructor(ports: PacedEventsPorts, ratePerSecond: number) {
    this.#ports = ports
    this.#ratePerSecond = ratePerSecond
    this.#atOnce = Math.min(AT_ONCE_MAX, Math.max(1, Math.floor((ratePerSecond * AT_ONCE_MS) / 1_000)))
  }

  /** Number of events that all in-sync replicas have. */
  get published(): number {
    return this.#published
  }

  /** The partitions of the published events. */
  get partitions(): ReadonlySet<number> {
    return this.#partitions
  }

  /** Resolves when less than one batch is waiting. Rejects with AppendError; the outcome of the batch is then unknown. */
  async add(events: readonly PaymentEvent[]): Promise<void> {
    this.#waiting.push(...events)
    while (this.#waiting.length >= this.#atOnce) {
      await this.#append(this.#waiting.splice(0, this.#atOnce))
    }
  }

  /** Resolves when everything added is acknowledged. */
  async flush(): Promise<void> {
    await this.#append(this.#waiting.splice(0))
  }

  async #append(events: readonly PaymentEvent[]): Promise<void> {
    if (events.length === 0) {
      return
    }
    const { log, codec, clock, sleep, crashPoint } = this.#ports
    this.#startedAt ??= clock()
    const waitMs = this.#startedAt + (1_000 * this.#published) / this.#ratePerSecond - clock()
    if (waitMs > 0) {
      await sleep(waitMs)
    }
    const out = events.map((event): OutRecord => ({ key: Buffer.from(event.paymentKey), value: codec.encode(event) }))
    const byPartition = Map.groupBy(out, ({ key }) => partitionOf(key as Buffer, log.partitions))
    crashPoint?.('reprocess:before-append')
    await Promise.all([...byPartition].map(([partition, records]) => log.append(partition, records)))
    crashPoint?.('reprocess:after-append')
    this.#published += events.length
    for (const partition of byPartition.keys()) {
      this.#partitions.add(partition)
    }
  }
}
