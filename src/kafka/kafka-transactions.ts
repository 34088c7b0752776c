import type { Kafka, Producer, Transaction } from 'kafkajs'
import type { PartitionTransactions, TransactionScope } from '../stream/transactions.ts'
import { kafkaErrorType } from './errors.ts'
import type { OutRecord } from './record.ts'
import { namedPartition, sendToPartition } from './send-to-partition.ts'

export interface KafkaTransactionsOptions {
  readonly transactionalId: string
  /** The broker aborts a transaction that stays open longer, ms. */
  readonly transactionTimeoutMs: number
  readonly group: string
  readonly inputTopic: string
  readonly inputPartition: number
  /** Largest produce request, bytes; below every output topic's `max.message.bytes`. */
  readonly requestBytesMax: number
  /** Called for every transaction that did not end with a commit for certain. */
  readonly onFailed?: () => void
}

/**
 * The transactions of one input partition: one transactional producer whose id names the partition, because kafkajs
 * speaks the offset commit of Kafka before KIP-447 and only a producer id per partition fences a former owner.
 *
 * Opening it runs InitProducerId: every older producer of the same id is fenced and its open transaction is ended, so a
 * committed offset that is read afterwards is final.
 */
export async function openKafkaTransactions(
  kafka: Kafka,
  options: KafkaTransactionsOptions,
): Promise<PartitionTransactions> {
  const producer = kafka.producer({
    transactionalId: options.transactionalId,
    transactionTimeout: options.transactionTimeoutMs,
    maxInFlightRequests: 1,
    createPartitioner: namedPartition,
    // Right after a commit the broker often answers CONCURRENT_TRANSACTIONS for a few ms: ask again soon.
    retry: { initialRetryTime: 10, multiplier: 1, factor: 0, retries: 1_000 },
  })
  try {
    await producer.connect()
    return new KafkaTransactions(producer, options, await producer.transaction())
  } catch (error) {
    await producer.disconnect().catch(() => {})
    throw error
  }
}

class KafkaTransactions implements PartitionTransactions {
  readonly #producer: Producer
  readonly #options: KafkaTransactionsOptions
  /** The transaction that InitProducerId brought along; the first batch uses it. */
  #initial: Transaction | undefined

  constructor(producer: Producer, options: KafkaTransactionsOptions, initial: Transaction) {
    this.#producer = producer
    this.#options = options
    this.#initial = initial
  }

  async run(work: (scope: TransactionScope) => Promise<void>): Promise<void> {
    const transaction = this.#initial ?? (await this.#producer.transaction())
    this.#initial = undefined
    // No abort on failure: after any error the outcome is unknown and this producer is never used again. The next
    // owner's InitProducerId ends what is still open.
    try {
      await work(this.#scopeOf(transaction))
      await transaction.commit()
    } catch (error) {
      this.#options.onFailed?.()
      throw error
    }
  }

  async close(): Promise<void> {
    await this.#producer.disconnect()
  }

  #scopeOf(transaction: Transaction): TransactionScope {
    const { group, inputTopic, inputPartition, requestBytesMax } = this.#options
    return {
      append: (topic: string, partition: number, records: readonly OutRecord[]) =>
        sendToPartition((batch) => transaction.sendBatch(batch), topic, partition, records, requestBytesMax),
      commitOffset: async (next: bigint, metadata: string) => {
        const topics = [
          { topic: inputTopic, partitions: [{ partition: inputPartition, offset: String(next), metadata }] },
        ]
        // kafkajs retries CONCURRENT_TRANSACTIONS for records but not for offsets.
        for (let attempt = 1; ; attempt += 1) {
          try {
            await transaction.sendOffsets({ consumerGroupId: group, topics } as Parameters<
              Transaction['sendOffsets']
            >[0])
            return
          } catch (error) {
            if (kafkaErrorType(error) !== 'CONCURRENT_TRANSACTIONS' || attempt >= 1_000) {
              throw error
            }
            await new Promise((resolve) => setTimeout(resolve, 4))
          }
        }
      },
    }
  }
}
