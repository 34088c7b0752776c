import type { Kafka } from 'kafkajs'
import { sleep } from '../sleep.ts'
import { OpenAgain } from '../stream/partition-task.ts'
import type { OutRecord } from '../stream/record.ts'
import type { PartitionTransactions, TransactionScope } from '../stream/transactions.ts'
import { isCoordinatorNotReady, isRetriable, kafkaErrorType, stopIfRefused } from './errors.ts'
import {
  COORDINATOR_OF,
  createCluster,
  type KafkaBroker,
  type KafkaCluster,
  type ProducerIdentity,
  recoverCluster,
} from './kafkajs-cluster.ts'
import { type AppendedRange, LeaderProducer } from './leader-producer.ts'
import { isOffsetDecided } from './offset-decided.ts'
import { within } from './within.ts'

export interface KafkaTransactionsOptions {
  readonly transactionalId: string
  /** The broker aborts a transaction that stays open longer, ms. Also how long a request is retried. */
  readonly transactionTimeoutMs: number
  readonly group: string
  readonly inputTopic: string
  readonly inputPartition: number
  /** Largest record batch, bytes; below every output topic's `max.message.bytes`. */
  readonly requestBytesMax: number
  /** Called for every transaction that is not known to have been committed. */
  readonly onFailed?: () => void
}

/**
 * The transactions of one input partition: one transactional producer whose id names the partition, because kafkajs
 * uses the offset commit from before KIP-447, with which only a transactional id per partition fences a former owner.
 *
 * Opening it runs InitProducerId: every older producer with the same id is fenced and its open transaction is ended, so
 * a committed offset read afterwards is final.
 *
 * The requests are kafkajs's, the protocol is ours: kafkajs's own transactions look up the coordinator before every
 * request and await each request in turn (13 round trips per transaction; here 4), and assign a new sequence number to
 * a resent record. A transaction is
 *
 *     AddPartitionsToTxn and AddOffsetsToTxn -> Produce, one request per leader -> TxnOffsetCommit -> EndTxn
 */
export async function openKafkaTransactions(
  kafka: Kafka,
  options: KafkaTransactionsOptions,
): Promise<PartitionTransactions> {
  const cluster = createCluster(kafka)
  try {
    await cluster.connect()
    const transactions = new KafkaTransactions(cluster, options)
    await transactions.fenceFormerOwners()
    return transactions
  } catch (error) {
    await cluster.disconnect().catch(() => {})
    throw stopIfRefused(error, `the transactions of ${options.transactionalId}`)
  }
}

/** Right after a commit the coordinator answers CONCURRENT_TRANSACTIONS for a few ms. */
const CONCURRENT_PAUSE_MS = 3
const RETRY_PAUSE_MS = 50
const REQUEST_MAX_MS = 12_000

class KafkaTransactions implements PartitionTransactions {
  readonly #cluster: KafkaCluster
  readonly #options: KafkaTransactionsOptions
  readonly #coordinators = new Map<keyof typeof COORDINATOR_OF, KafkaBroker>()
  readonly #producer: LeaderProducer
  #identity: ProducerIdentity
  /** Producers that `fence` took over, besides those of our own id. */
  readonly #others: ProducerIdentity[] = []
  #closed = false

  constructor(cluster: KafkaCluster, options: KafkaTransactionsOptions) {
    this.#cluster = cluster
    this.#options = options
    this.#identity = { transactionalId: options.transactionalId, producerId: '-1', producerEpoch: 0 }
    this.#producer = new LeaderProducer({
      cluster,
      identity: () => this.#identity,
      batchBytesMax: options.requestBytesMax,
      replicasTimeoutMs: options.transactionTimeoutMs,
      // No retries within a transaction: after any error its outcome is unknown, and only a new owner's InitProducerId
      // settles it.
      retryForMs: 0,
    })
  }

  async fenceFormerOwners(): Promise<void> {
    const { transactionalId, transactionTimeoutMs } = this.#options
    const { producerId, producerEpoch } = await this.#onCoordinator('transaction', (broker) =>
      broker.initProducerId({ transactionalId, transactionTimeout: transactionTimeoutMs }),
    )
    this.#identity = { transactionalId, producerId, producerEpoch }
  }

  async fence(transactionalId: string): Promise<void> {
    if (transactionalId === this.#options.transactionalId) {
      return
    }
    try {
      this.#others.push(await this.#initOther(transactionalId))
    } catch (error) {
      throw stopIfRefused(error, `the transactions of ${transactionalId}, whose owner must be fenced`)
    }
  }

  /** Its coordinator is usually not the same broker as ours, and is needed only for this. */
  #initOther(transactionalId: string): Promise<ProducerIdentity> {
    return this.#retried(async () => {
      const broker = await this.#coordinatorOf(transactionalId)
      const { producerId, producerEpoch } = await broker.initProducerId({
        transactionalId,
        transactionTimeout: this.#options.transactionTimeoutMs,
      })
      return { transactionalId, producerId, producerEpoch }
    }, true)
  }

  async run(work: (scope: TransactionScope) => Promise<void>): Promise<void> {
    try {
      this.#assertConnected()
      const transaction = new OngoingTransaction(this)
      await work(transaction)
      await transaction.settled()
      // Sent once and never retried: an error here leaves the outcome unknown. There is no abort either; a transaction
      // that is still open is ended by the next owner's InitProducerId.
      const coordinator = await this.#coordinator('transaction')
      await within(REQUEST_MAX_MS, coordinator.endTxn({ ...this.#identity, transactionResult: true }))
    } catch (error) {
      this.#options.onFailed?.()
      const { transactionalId, group } = this.#options
      throw stopIfRefused(error, `a transaction of ${transactionalId} in group ${group}`)
    }
  }

  async settle(topics: readonly string[], outcome: 'commit' | 'abort'): Promise<void> {
    const partitions = [this.#options.inputPartition]
    await Promise.all([this.addPartitions(topics.map((topic) => ({ topic, partitions }))), this.addOffsets()])
    const coordinator = await this.#coordinator('transaction')
    await within(REQUEST_MAX_MS, coordinator.endTxn({ ...this.#identity, transactionResult: outcome === 'commit' }))
    // EndTxn is answered before the markers are written, InitProducerId only once they are.
    await this.fenceFormerOwners()
    for (const { transactionalId } of this.#others.splice(0)) {
      await this.#settleOther(transactionalId, topics, outcome)
    }
  }

  /** What a producer left undecided is ended by the next transaction of the same producer, and of no other. */
  async #settleOther(transactionalId: string, topics: readonly string[], outcome: 'commit' | 'abort'): Promise<void> {
    const { group, inputPartition } = this.#options
    const identity = await this.#initOther(transactionalId)
    const broker = await this.#coordinatorOf(transactionalId)
    const partitions = [inputPartition]
    await this.#retried(() =>
      broker.addPartitionsToTxn({ ...identity, topics: topics.map((topic) => ({ topic, partitions })) }),
    )
    await this.#retried(() => broker.addOffsetsToTxn({ ...identity, groupId: group }))
    await within(REQUEST_MAX_MS, broker.endTxn({ ...identity, transactionResult: outcome === 'commit' }))
    this.#others.push(await this.#initOther(transactionalId))
  }

  #coordinatorOf(transactionalId: string): Promise<KafkaBroker> {
    this.#assertOpen()
    return this.#cluster.findGroupCoordinator({
      groupId: transactionalId,
      coordinatorType: COORDINATOR_OF.transaction,
    })
  }

  async offsetDecided(): Promise<boolean> {
    const { group, inputTopic, inputPartition } = this.#options
    return this.#onCoordinator('group', (broker) => isOffsetDecided(broker, group, inputTopic, inputPartition))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#cluster.disconnect()
  }

  async addPartitions(topics: { topic: string; partitions: number[] }[]): Promise<void> {
    await this.#onCoordinator('transaction', (broker) => broker.addPartitionsToTxn({ ...this.#identity, topics }))
  }

  async addOffsets(): Promise<void> {
    const { group } = this.#options
    await this.#onCoordinator('transaction', (broker) => broker.addOffsetsToTxn({ ...this.#identity, groupId: group }))
  }

  async commitOffset(next: bigint, metadata: string): Promise<void> {
    const { group, inputTopic, inputPartition } = this.#options
    const topics = [{ topic: inputTopic, partitions: [{ partition: inputPartition, offset: String(next), metadata }] }]
    await this.#onCoordinator('group', (broker) =>
      broker.txnOffsetCommit({ ...this.#identity, groupId: group, topics }),
    )
  }

  append(topic: string, partition: number, records: readonly OutRecord[]): Promise<AppendedRange> {
    this.#assertOpen()
    return this.#producer.append(topic, partition, records)
  }

  /**
   * A broker that restarted, or lost its partitions, since the last commit may have ended that transaction half-way
   * (settle-outputs.ts). Continuing would tie it to the outcome of the next transaction; opening again checks first.
   */
  #assertConnected(): void {
    if (!this.#producer.connected || [...this.#coordinators.values()].some((broker) => !broker.isConnected())) {
      throw new TransactionConnectionLostError()
    }
  }

  /** Requests still in progress at close must not reconnect. */
  #assertOpen(): void {
    if (this.#closed) {
      throw new Error('the transactions are closed')
    }
  }

  async #coordinator(kind: keyof typeof COORDINATOR_OF): Promise<KafkaBroker> {
    this.#assertOpen()
    const known = this.#coordinators.get(kind)
    if (known !== undefined) {
      return known
    }
    const { group, transactionalId } = this.#options
    const found = await this.#cluster.findGroupCoordinator({
      groupId: kind === 'group' ? group : transactionalId,
      coordinatorType: COORDINATOR_OF[kind],
    })
    this.#coordinators.set(kind, found)
    return found
  }

  /** For requests that may be resent: the coordinator treats a repeat as the same request. */
  #onCoordinator<T>(kind: keyof typeof COORDINATOR_OF, request: (broker: KafkaBroker) => Promise<T>): Promise<T> {
    return this.#retried(async () => request(await this.#coordinator(kind)))
  }

  /** @param isOutcomeKnown Whether a failed request may be resent, whether or not it took effect. */
  async #retried<T>(request: () => Promise<T>, isOutcomeKnown = this.#identity.producerId === '-1'): Promise<T> {
    const deadline = performance.now() + this.#options.transactionTimeoutMs
    for (;;) {
      try {
        return await within(REQUEST_MAX_MS, request())
      } catch (error) {
        if (performance.now() > deadline) {
          throw error
        }
        if (kafkaErrorType(error) === 'CONCURRENT_TRANSACTIONS') {
          await sleep(CONCURRENT_PAUSE_MS)
        } else if (isCoordinatorNotReady(error) || (isOutcomeKnown && isRetriable(error))) {
          // Only requests that certainly had no effect, or before there is a transaction whose outcome could be
          // unknown.
          await sleep(RETRY_PAUSE_MS)
          this.#coordinators.clear()
          await within(REQUEST_MAX_MS, recoverCluster(this.#cluster, error))
        } else {
          throw error
        }
      }
    }
  }
}

/** A broker of the last transaction is gone, or closed an idle connection. The next transaction has not begun. */
class TransactionConnectionLostError extends OpenAgain {
  readonly code = 'TRANSACTION_CONNECTION_LOST'

  constructor() {
    super('the connection to a broker of the last transaction was closed')
    this.name = 'TransactionConnectionLostError'
  }
}

/** A transaction in progress, with what it has announced to its coordinator so far. */
class OngoingTransaction implements TransactionScope {
  readonly #transactions: KafkaTransactions
  readonly #added = new Set<string>()
  #announcing: { readonly topics: Map<string, number[]>; readonly done: Promise<void> } | undefined
  #offsetsAdded: Promise<void> | undefined

  constructor(transactions: KafkaTransactions) {
    this.#transactions = transactions
  }

  async append(topic: string, partition: number, records: readonly OutRecord[]) {
    await this.#announce(topic, partition)
    return this.#transactions.append(topic, partition, records)
  }

  async commitOffset(next: bigint, metadata: string): Promise<void> {
    await this.#addOffsets()
    await this.#transactions.commitOffset(next, metadata)
  }

  /** Waits for requests in progress: none may be pending when the transaction ends. */
  async settled(): Promise<void> {
    await this.#announcing?.done
    await this.#offsetsAdded
  }

  /** The partitions of all appends made in the same turn go in one request; the offsets are announced in parallel. */
  #announce(topic: string, partition: number): Promise<void> {
    const place = `${topic} ${partition}`
    if (this.#added.has(place)) {
      return this.#announcing?.done ?? Promise.resolve()
    }
    this.#added.add(place)
    if (this.#announcing === undefined) {
      const topics = new Map<string, number[]>()
      const done = Promise.resolve().then(async () => {
        this.#announcing = undefined
        const request = [...topics].map(([name, partitions]) => ({ topic: name, partitions }))
        await Promise.all([this.#transactions.addPartitions(request), this.#addOffsets()])
      })
      this.#announcing = { topics, done }
    }
    const { topics, done } = this.#announcing
    topics.set(topic, [...(topics.get(topic) ?? []), partition])
    return done
  }

  #addOffsets(): Promise<void> {
    this.#offsetsAdded ??= this.#transactions.addOffsets()
    return this.#offsetsAdded
  }
}
