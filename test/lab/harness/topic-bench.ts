import { randomBytes } from 'node:crypto'
import type { Admin } from 'kafkajs'
import { NO_LEADER } from '../../../src/kafka/client/cluster.ts'
import { createKafka } from '../../../src/kafka/kafka-client.ts'
import { type KafkaTransactionsOptions, openKafkaTransactions } from '../../../src/kafka/kafka-transactions.ts'
import { createPartitionReader } from '../../../src/kafka/partition-reader.ts'
import { createLogger } from '../../../src/observability/log.ts'
import type { InRecord } from '../../../src/stream/record.ts'
import type { PartitionTransactions } from '../../../src/stream/transactions.ts'
import type { StackInfo } from '../stack/stack.ts'
import { eventually } from './eventually.ts'
import { createAdmin } from './kafkajs-client.ts'

/** Topics, readers and transactional producers on the real brokers, for tests of the adapters themselves. */
export class TopicBench {
  readonly kafka: ReturnType<typeof createKafka>
  readonly admin: Admin
  readonly reader: ReturnType<typeof createPartitionReader>
  readonly #id = randomBytes(4).toString('hex')
  readonly #open: PartitionTransactions[] = []

  private constructor(stack: StackInfo) {
    const logger = createLogger({ level: 'fatal', role: 'test' })
    this.kafka = createKafka({ connection: { brokers: stack.kafkaBrokers }, clientId: 'topic-bench', logger })
    this.admin = createAdmin({ brokers: stack.kafkaBrokers })
    this.reader = createPartitionReader(this.kafka)
  }

  static async create(stack: StackInfo): Promise<TopicBench> {
    const bench = new TopicBench(stack)
    await bench.admin.connect()
    return bench
  }

  /** A unique name. */
  name(name: string): string {
    return `bench-${this.#id}-${name}`
  }

  async createTopic(name: string, config: Readonly<Record<string, string>> = {}, partitions = 1): Promise<string> {
    const topic = this.name(name)
    const configEntries = Object.entries(config).map(([key, value]) => ({ name: key, value }))
    await this.admin.createTopics({
      waitForLeaders: false,
      topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }],
    })
    await eventually(async () => {
      const { topics } = await this.admin.fetchTopicMetadata({ topics: [topic] })
      const leaders = topics.flatMap((one) => one.partitions.map(({ leader }) => leader))
      if (leaders.length < partitions || leaders.includes(NO_LEADER)) {
        throw new Error(`${topic} is not everywhere yet: ${leaders}`)
      }
    })
    // A broker may be listed as leader before it is one. Nothing within a transaction is retried.
    await Promise.all(Array.from({ length: partitions }, (_, partition) => this.reader.range(topic, partition)))
    return topic
  }

  /** Fences the previous owner of this id. */
  async transactions(
    id: string,
    options: Partial<KafkaTransactionsOptions> & Pick<KafkaTransactionsOptions, 'inputTopic'>,
  ): Promise<PartitionTransactions> {
    const transactions = await openKafkaTransactions(this.kafka, {
      transactionalId: this.name(id),
      transactionTimeoutMs: 30_000,
      group: this.name('group'),
      inputPartition: 0,
      requestBytesMax: 1_900_000,
      ...options,
    })
    this.#open.push(transactions)
    return transactions
  }

  /** What a read_committed reader sees of partition 0. */
  async read(topic: string, from = 0n): Promise<{ records: InRecord[]; start: bigint; end: bigint }> {
    const records: InRecord[] = []
    const range = await this.reader.read(topic, 0, from, (portion) => {
      records.push(...portion)
    })
    return { records, ...range }
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.map((transactions) => transactions.close().catch(() => {})))
    await this.admin.disconnect()
  }
}
