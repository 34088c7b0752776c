import type { Admin } from 'kafkajs'
import { loadPaymentCodecs, type PaymentCodecs } from '../../../src/avro/payment-codecs.ts'
import { createSchemaRegistry } from '../../../src/avro/schema-registry.ts'
import { createGroupOffsets } from '../../../src/kafka/group-offsets.ts'
import { createKafka } from '../../../src/kafka/kafka-client.ts'
import { createPartitionReader } from '../../../src/kafka/partition-reader.ts'
import type { PaymentState } from '../../../src/payment/apply-event.ts'
import type { StatusChangeRecord } from '../../../src/payment/status-change.ts'
import { noTotals, type Totals, type TotalsDelta } from '../../../src/payment/totals.ts'
import { RedisStateStore } from '../../../src/processor/redis-state-store.ts'
import { type CommitMetadata, fromMetadataText } from '../../../src/processor/view-marker.ts'
import { RedisClient } from '../../../src/redis/redis-client.ts'
import type { InRecord } from '../../../src/stream/record.ts'
import type { TopicId } from '../../../src/topics.ts'
import type { Deployment } from './deployment.ts'
import { eventually } from './eventually.ts'
import { groupLag } from './group-lag.ts'
import { createAdmin } from './kafkajs-client.ts'

/** A record with the partition it was read from. */
export interface ReadRecord extends InRecord {
  readonly partition: number
}

/** Observes a deployment from outside: topics as a read_committed reader sees them, committed offsets, totals. */
export class Observer {
  readonly codecs: PaymentCodecs
  readonly kafka: ReturnType<typeof createKafka>
  readonly admin: Admin
  /** For faults and for reading the view; connects on first use. */
  readonly redis: RedisClient
  readonly store: RedisStateStore
  readonly #deployment: Deployment

  private constructor(deployment: Deployment, codecs: PaymentCodecs, kafka: ReturnType<typeof createKafka>) {
    const { config, logger } = deployment
    this.#deployment = deployment
    this.codecs = codecs
    this.kafka = kafka
    this.admin = createAdmin(config.kafka)
    this.redis = new RedisClient(config.redis, logger)
    this.store = new RedisStateStore(this.redis, config.environment, config.processor.group)
  }

  static async create(deployment: Deployment): Promise<Observer> {
    const { config, topics, logger } = deployment
    const registry = createSchemaRegistry(config.registry)
    const kafka = createKafka({ connection: config.kafka, clientId: 'observer', logger })
    const observer = new Observer(deployment, await loadPaymentCodecs(registry, topics, Date.now), kafka)
    await observer.admin.connect()
    await observer.redis.connected()
    return observer
  }

  async close(): Promise<void> {
    this.redis.close()
    await this.admin.disconnect()
    await this.kafka.queries.close()
  }

  async records(topic: TopicId): Promise<readonly ReadRecord[]> {
    const reader = createPartitionReader(this.kafka)
    const all: ReadRecord[] = []
    for (const partition of this.#partitions()) {
      await reader.read(this.#deployment.topics[topic], partition, 0n, (records) => {
        all.push(...records.map((record) => ({ ...record, headers: record.headers, partition })))
      })
    }
    return all
  }

  /** Every record of `changes`, by partition and offset. */
  async changes(): Promise<readonly StatusChangeRecord[]> {
    return (await this.records('changes')).map((record) => this.codecs.change.decode(record.value as Buffer))
  }

  /** The last state of every payment in `current`. */
  async current(): Promise<ReadonlyMap<string, PaymentState>> {
    const states = new Map<string, PaymentState>()
    for (const { key, value } of await this.records('current')) {
      if (value === null) {
        states.delete(String(key))
      } else {
        states.set(String(key), this.codecs.state.decode(value))
      }
    }
    return states
  }

  /** The bytes of the last record of every payment in `current`, by partition. */
  async currentBytes(): Promise<readonly ReadonlyMap<string, Buffer>[]> {
    const partitions = this.#partitions().map(() => new Map<string, Buffer>())
    for (const { partition, key, value } of await this.records('current')) {
      if (value === null) {
        partitions[partition]?.delete(String(key))
      } else {
        partitions[partition]?.set(String(key), value)
      }
    }
    return partitions
  }

  /** What the view in Redis holds, by partition. */
  async viewBytes(): Promise<readonly ReadonlyMap<string, Buffer>[]> {
    return Promise.all(
      this.#partitions().map(async (partition) => {
        const payments = new Map<string, Buffer>()
        for await (const [key, bytes] of this.store.scan(partition)) {
          payments.set(key, bytes)
        }
        return payments
      }),
    )
  }

  /** The Redis keys of this deployment and no others. */
  async viewKeys(): Promise<readonly string[]> {
    return this.redis.run((redis) => redis.keys(`{${this.#deployment.config.environment}.*`))
  }

  /** Empties the view of this deployment only, as flushing Redis does for all. */
  async deleteView(): Promise<number> {
    const keys = await this.viewKeys()
    return keys.length === 0 ? 0 : this.redis.run((redis) => redis.del(...keys))
  }

  /** The members of a group with the partitions that each has, by member id. */
  async assignments(group: string): Promise<ReadonlyMap<string, readonly number[]>> {
    const { groups } = await this.admin.describeGroups([group])
    return new Map(
      (groups[0]?.members ?? []).map(({ memberId, memberAssignment }) => [memberId, partitionsOf(memberAssignment)]),
    )
  }

  /** The committed offset of a partition of the events, with its metadata. */
  async committed(partition: number): Promise<{ readonly offset: bigint; readonly metadata: CommitMetadata | null }> {
    const { config, topics } = this.#deployment
    const { offset, metadata } = await createGroupOffsets(this.kafka).committed(
      config.processor.group,
      topics.events,
      partition,
    )
    return { offset, metadata: fromMetadataText(metadata) }
  }

  /** The totals in the committed offsets, summed over all partitions. */
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
    const lags = await Promise.all([
      groupLag(this.kafka, config.normalizer.group, topics.raw),
      groupLag(this.kafka, config.processor.group, topics.events),
    ])
    return lags.reduce((sum, lag) => sum + lag, 0n)
  }

  /**
   * Resolves once both stages have nothing left to process and all output is readable.
   *
   * @param everyMs How often to look: each time costs the broker a few requests.
   */
  async caughtUp(timeoutMs = 180_000, everyMs = 50): Promise<void> {
    await eventually(
      async () => {
        const lag = await this.lag()
        if (lag !== 0n) {
          throw new Error(`${lag} records are still to be processed\n${this.#deployment.lastWords}`)
        }
        await this.#outputsVisible()
      },
      { timeoutMs, everyMs },
    )
  }

  /**
   * The coordinator answers a commit before its markers are in every partition, so the offset can be visible before the
   * outputs. Throws while a transaction is open in one of them.
   */
  async #outputsVisible(): Promise<void> {
    const reader = createPartitionReader(this.kafka)
    for (const id of ['changes', 'current', 'eventDeadLetters'] as const) {
      const topic = this.#deployment.topics[id]
      for (const { partition, high } of await this.admin.fetchTopicOffsets(topic)) {
        const { end } = await reader.range(topic, partition)
        if (end < BigInt(high)) {
          throw new Error(`${topic}[${partition}] is visible up to ${end} of ${high} only`)
        }
      }
    }
  }

  #partitions(): readonly number[] {
    return Array.from({ length: this.#deployment.config.kafka.partitions }, (_, partition) => partition)
  }

  async #committedTotals(): Promise<readonly Totals[]> {
    const { config, topics } = this.#deployment
    const [found] = await this.admin.fetchOffsets({ groupId: config.processor.group, topics: [topics.events] })
    return (found?.partitions ?? []).flatMap(({ metadata }) => {
      const parsed = fromMetadataText(metadata)
      return parsed === null ? [] : [parsed.totals]
    })
  }
}

/** Parses an assignment with one topic in the consumer protocol: version, topic count, name, partitions, user data. */
function partitionsOf(assignment: Buffer): readonly number[] {
  if (assignment.length < 8 || assignment.readInt32BE(2) === 0) {
    return []
  }
  const at = 8 + assignment.readInt16BE(6)
  return Array.from({ length: assignment.readInt32BE(at) }, (_, index) => assignment.readInt32BE(at + 4 + 4 * index))
}
