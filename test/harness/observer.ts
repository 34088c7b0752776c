import { loadPaymentCodecs, type PaymentCodecs } from '../../src/avro/payment-codecs.ts'
import { createSchemaRegistry } from '../../src/avro/schema-registry.ts'
import { createGroupOffsets } from '../../src/kafka/group-offsets.ts'
import { createKafka } from '../../src/kafka/kafka-client.ts'
import { createPartitionReader } from '../../src/kafka/partition-reader.ts'
import type { InRecord } from '../../src/kafka/record.ts'
import type { PaymentState } from '../../src/payment/apply-event.ts'
import type { StatusChangeRecord } from '../../src/payment/status-change.ts'
import { noTotals, type Totals, type TotalsDelta } from '../../src/processor/totals.ts'
import { fromMetadataText } from '../../src/processor/view-marker.ts'
import type { TopicId } from '../../src/topics.ts'
import type { Deployment } from './deployment.ts'
import { eventually } from './eventually.ts'

/** A record with the partition it was read from. */
export interface ReadRecord extends InRecord {
  readonly partition: number
}

/** Looks at a deployment from outside: topics as a read_committed reader sees them, committed offsets, totals. */
export class Observer {
  readonly #deployment: Deployment
  readonly #codecs: PaymentCodecs
  readonly #kafka: ReturnType<typeof createKafka>
  readonly #admin: ReturnType<ReturnType<typeof createKafka>['admin']>

  private constructor(deployment: Deployment, codecs: PaymentCodecs, kafka: ReturnType<typeof createKafka>) {
    this.#deployment = deployment
    this.#codecs = codecs
    this.#kafka = kafka
    this.#admin = kafka.admin()
  }

  static async create(deployment: Deployment): Promise<Observer> {
    const { config, topics, logger } = deployment
    const registry = createSchemaRegistry({ url: config.registry.url })
    const kafka = createKafka({ brokers: config.kafka.brokers, clientId: 'observer', logger })
    const observer = new Observer(deployment, await loadPaymentCodecs(registry, topics, Date.now), kafka)
    await observer.#admin.connect()
    return observer
  }

  async close(): Promise<void> {
    await this.#admin.disconnect()
  }

  async records(topic: TopicId): Promise<readonly ReadRecord[]> {
    const reader = createPartitionReader(this.#kafka)
    const all: ReadRecord[] = []
    for (let partition = 0; partition < this.#deployment.config.kafka.partitions; partition += 1) {
      await reader.read(this.#deployment.topics[topic], partition, 0n, (records) => {
        all.push(...records.map((record) => ({ ...record, partition })))
      })
    }
    return all
  }

  /** Every record of `changes`, by partition and offset. */
  async changes(): Promise<readonly StatusChangeRecord[]> {
    return (await this.records('changes')).map((record) => this.#codecs.change.decode(record.value as Buffer))
  }

  /** The last state of every payment in `current`. */
  async current(): Promise<ReadonlyMap<string, PaymentState>> {
    const states = new Map<string, PaymentState>()
    for (const { key, value } of await this.records('current')) {
      if (value === null) {
        states.delete(String(key))
      } else {
        states.set(String(key), this.#codecs.state.decode(value))
      }
    }
    return states
  }

  /** What the committed offsets say of all partitions together. */
  async totals(): Promise<TotalsDelta> {
    const sum = noTotals()
    for (const totals of await this.#committedTotals()) {
      for (const field of Object.keys(sum) as (keyof TotalsDelta)[]) {
        sum[field] += totals[field]
      }
    }
    return sum
  }

  /** How many records the two groups still have to process. */
  async lag(): Promise<bigint> {
    const { config, topics } = this.#deployment
    const offsets = createGroupOffsets(this.#admin)
    let lag = 0n
    for (const [group, topic] of [
      [config.normalizer.group, topics.raw],
      [config.processor.group, topics.events],
    ] as const) {
      const ends = await offsets.highWatermarks(topic)
      for (const [partition, end] of ends) {
        const { offset } = await offsets.committed(group, topic, partition)
        lag += end - (offset < 0n ? 0n : offset)
      }
    }
    return lag
  }

  /** Resolves once nothing is left to process in both stages. */
  async caughtUp(timeoutMs = 60_000): Promise<void> {
    await eventually(
      async () => {
        const lag = await this.lag()
        if (lag !== 0n) {
          throw new Error(`${lag} records are still to be processed`)
        }
      },
      { timeoutMs },
    )
  }

  async #committedTotals(): Promise<readonly Totals[]> {
    const { config, topics } = this.#deployment
    const [found] = await this.#admin.fetchOffsets({ groupId: config.processor.group, topics: [topics.events] })
    return (found?.partitions ?? []).flatMap(({ metadata }) => {
      const parsed = fromMetadataText(metadata)
      return parsed === null ? [] : [parsed.totals]
    })
  }
}
