import { sleep } from '../sleep.ts'
import { OpenAgain } from '../stream/partition-task.ts'
import type { OutRecord } from '../stream/record.ts'
import type { PartitionTransactions, TransactionScope } from '../stream/transactions.ts'
import type { Broker } from './client/broker.ts'
import { assertNoError, ClientClosedError } from './client/client-errors.ts'
import type { Cluster, CoordinatorKind } from './client/cluster.ts'
import type { Connection } from './client/connection.ts'
import {
  ADD_OFFSETS_TO_TXN,
  ADD_PARTITIONS_TO_TXN,
  END_TXN,
  END_TXN_RENEWING,
  INIT_PRODUCER_ID,
  TXN_OFFSET_COMMIT,
  TXN_OFFSET_COMMIT_ADDING,
} from './client/requests.ts'
import { asStop, isCoordinatorNotReady, isRetriable, kafkaErrorType, orStop } from './errors.ts'
import type { KafkaClient } from './kafka-client.ts'
import { type AppendedRange, concurrentPauseMs, LeaderProducer } from './leader-producer.ts'
import { isOffsetDecided } from './offset-decided.ts'
import type { ProducerIdentity } from './produce-request.ts'

export interface KafkaTransactionsOptions {
  readonly transactionalId: string
  /** The broker aborts a transaction that stays open longer, ms. Also how long a request is retried. */
  readonly transactionTimeoutMs: number
  readonly group: string
  readonly inputTopic: string
  readonly inputPartition: number
  /** See LeaderProducerOptions. */
  readonly compresses?: (topic: string) => boolean
  /** Largest record batch, bytes; below every output topic's `max.message.bytes`. */
  readonly requestBytesMax: number
  /** Once it has aborted, nobody is fenced any more. */
  readonly signal?: AbortSignal
  /** Called for every transaction that is not known to have been committed. */
  readonly onFailed?: () => void
}

/**
 * The transactions of one input partition: one transactional producer whose id names the partition, so that its successor
 * fences it.
 *
 * Opening it runs InitProducerId: every older producer with the same id is fenced and its open transaction is ended, so
 * a committed offset read afterwards is final.
 *
 * Where the brokers' feature `transaction.version` is 2 (KIP-890), appends and offset commits join the transaction implicitly,
 * and every commit gives the producer a new epoch, so that a delayed request cannot become part of the next transaction:
 *
 *     Produce, one request per leader -> TxnOffsetCommit -> EndTxn
 *
 * Elsewhere partitions and offset are announced first; the partitions of one turn share a request:
 *
 *     AddPartitionsToTxn and AddOffsetsToTxn -> Produce, one request per leader -> TxnOffsetCommit -> EndTxn
 */
export async function openKafkaTransactions(
  kafka: KafkaClient,
  options: KafkaTransactionsOptions,
): Promise<PartitionTransactions> {
  const cluster = kafka.cluster()
  try {
    const transactions = new KafkaTransactions(cluster, options)
    await transactions.fenceFormerOwners()
    return transactions
  } catch (error) {
    await cluster.close()
    throw asStop(error, `the transactions of ${options.transactionalId}`)
  }
}

const RETRY_PAUSE_MS = 50
const TRANSACTION_VERSION = 'transaction.version'

type TopicPartitions = readonly { readonly name: string; readonly partitions: readonly number[] }[]

class KafkaTransactions implements PartitionTransactions {
  readonly #cluster: Cluster
  readonly #options: KafkaTransactionsOptions
  /** Connections to the coordinators that were used. */
  readonly #connections = new Set<Connection>()
  readonly #producer: LeaderProducer
  #identity: ProducerIdentity
  /** Producers with other transactional ids that `fence` took over. */
  readonly #others: ProducerIdentity[] = []
  #closed = false

  constructor(cluster: Cluster, options: KafkaTransactionsOptions) {
    this.#cluster = cluster
    this.#options = options
    // Not known before `fenceFormerOwners`.
    this.#identity = {
      transactionalId: options.transactionalId,
      producerId: -1n,
      producerEpoch: -1,
      addsPartitions: false,
    }
    this.#producer = new LeaderProducer({
      cluster,
      identity: () => this.#identity,
      compresses: options.compresses,
      batchBytesMax: options.requestBytesMax,
      replicasTimeoutMs: options.transactionTimeoutMs,
      // No retries within a transaction: after any error its outcome is unknown, and only a new owner's InitProducerId
      // settles it.
      retryForMs: 0,
    })
  }

  /** Whether appends and offset commits join the transaction implicitly. */
  get addsThemselves(): boolean {
    return this.#identity.addsPartitions
  }

  async fenceFormerOwners(): Promise<void> {
    this.#identity = await this.#init(this.#options.transactionalId)
    this.#producer.restartSequences()
  }

  async fence(transactionalId: string): Promise<void> {
    if (transactionalId === this.#options.transactionalId) {
      return
    }
    const asked = `the transactions of ${transactionalId}, whose owner must be fenced`
    this.#others.push(await orStop(asked, () => this.#init(transactionalId)))
  }

  #init(transactionalId: string): Promise<ProducerIdentity> {
    const { transactionTimeoutMs, signal } = this.#options
    const body = { transactionalId, transactionTimeoutMs }
    return this.#onCoordinator(
      'transaction',
      transactionalId,
      async (broker) => {
        signal?.throwIfAborted()
        const { errorCode, producerId, producerEpoch } = await broker.send(INIT_PRODUCER_ID, body)
        assertNoError(errorCode)
        const addsPartitions = (await broker.connection('main')).featureLevel(TRANSACTION_VERSION) >= 2
        return { transactionalId, producerId, producerEpoch, addsPartitions }
      },
      true,
    )
  }

  async run(work: (scope: TransactionScope) => Promise<void>): Promise<void> {
    try {
      this.#assertConnected()
      const transaction = new OngoingTransaction(this)
      await work(transaction)
      await transaction.settled()
      if (transaction.isEmpty) {
        return
      }
      // Sent once and never retried: an error here leaves the outcome unknown. There is no abort either; a transaction
      // that is still open is ended by the next owner's InitProducerId.
      await this.#commit()
    } catch (error) {
      this.#options.onFailed?.()
      const { transactionalId, group } = this.#options
      throw asStop(error, `a transaction of ${transactionalId} in group ${group}`)
    }
  }

  async #commit(): Promise<void> {
    const { transactionalId } = this.#options
    const coordinator = await this.#coordinator('transaction', transactionalId)
    const body = { ...this.#identity, committed: true }
    if (!this.addsThemselves) {
      assertNoError((await coordinator.send(END_TXN, body)).errorCode)
      return
    }
    const { errorCode, producerId, producerEpoch } = await coordinator.send(END_TXN_RENEWING, body)
    assertNoError(errorCode)
    this.#identity = { ...this.#identity, producerId, producerEpoch }
    this.#producer.restartSequences()
  }

  async settle(topics: readonly string[], outcome: 'commit' | 'abort'): Promise<void> {
    await this.#settle(this.#identity, topics, outcome)
    // EndTxn is answered before the markers are written, InitProducerId only once they are.
    await this.fenceFormerOwners()
    for (const { transactionalId } of this.#others.splice(0)) {
      await this.#settle(await this.#init(transactionalId), topics, outcome)
      this.#others.push(await this.#init(transactionalId))
    }
  }

  /**
   * Ends what a producer left undecided. Only the next transaction of the same producer can, so this runs one that contains the
   * same partitions and nothing else. It announces them, whatever the protocol version.
   */
  async #settle(identity: ProducerIdentity, topics: readonly string[], outcome: 'commit' | 'abort'): Promise<void> {
    const partitions = [this.#options.inputPartition]
    await Promise.all([
      this.#addPartitions(
        identity,
        topics.map((name) => ({ name, partitions })),
      ),
      this.#addOffsets(identity),
    ])
    const coordinator = await this.#coordinator('transaction', identity.transactionalId)
    const { errorCode } = await coordinator.send(END_TXN, { ...identity, committed: outcome === 'commit' })
    assertNoError(errorCode)
  }

  async offsetDecided(): Promise<boolean> {
    const { group, inputTopic, inputPartition } = this.#options
    return this.#onCoordinator('group', group, (broker) => isOffsetDecided(broker, group, inputTopic, inputPartition))
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#cluster.close()
  }

  addPartitions(topics: TopicPartitions): Promise<void> {
    return this.#addPartitions(this.#identity, topics)
  }

  addOffsets(): Promise<void> {
    return this.#addOffsets(this.#identity)
  }

  #addPartitions(identity: ProducerIdentity, topics: TopicPartitions): Promise<void> {
    return this.#onCoordinator('transaction', identity.transactionalId, async (broker) => {
      const answer = await broker.send(ADD_PARTITIONS_TO_TXN, { ...identity, topics })
      for (const { errorCode } of answer.topics.flatMap(({ partitions }) => partitions)) {
        // A partition that could have been added fails because of another one, whose error says why.
        if (errorCode !== OPERATION_NOT_ATTEMPTED) {
          assertNoError(errorCode)
        }
      }
    })
  }

  #addOffsets(identity: ProducerIdentity): Promise<void> {
    const { group } = this.#options
    return this.#onCoordinator('transaction', identity.transactionalId, async (broker) => {
      assertNoError((await broker.send(ADD_OFFSETS_TO_TXN, { ...identity, group })).errorCode)
    })
  }

  async commitOffset(next: bigint, metadata: string): Promise<void> {
    const { group, inputTopic, inputPartition } = this.#options
    const topics = [{ name: inputTopic, partitions: [{ partition: inputPartition, offset: next, metadata }] }]
    const type = this.addsThemselves ? TXN_OFFSET_COMMIT_ADDING : TXN_OFFSET_COMMIT
    await this.#onCoordinator('group', group, async (broker) => {
      const answer = await broker.send(type, { ...this.#identity, group, topics })
      assertNoError(answer.topics[0]?.partitions[0]?.errorCode ?? UNKNOWN)
    })
  }

  append(topic: string, partition: number, records: readonly OutRecord[]): Promise<AppendedRange> {
    this.#assertOpen()
    return this.#producer.append(topic, partition, records)
  }

  /**
   * A broker that restarted, or lost its partitions, since the last commit may have left that transaction half-ended
   * (settle-outputs.ts). Continuing would give it the outcome of the next transaction; opening again checks first.
   */
  #assertConnected(): void {
    if (!this.#producer.connected || [...this.#connections].some(({ isOpen }) => !isOpen)) {
      throw new TransactionConnectionLostError()
    }
  }

  /** Requests still in progress at close must not reconnect. */
  #assertOpen(): void {
    if (this.#closed) {
      throw new ClientClosedError()
    }
  }

  async #coordinator(kind: CoordinatorKind, key: string): Promise<Broker> {
    this.#assertOpen()
    const broker = await this.#cluster.coordinatorOf(kind, key)
    // The coordinator of another producer is needed only to fence and settle it.
    if (kind === 'group' || key === this.#options.transactionalId) {
      const connection = await broker.connection('main')
      if (kind === 'transaction' && !this.#connections.has(connection)) {
        connection.onEnd(() => this.#abandon(connection))
      }
      this.#connections.add(connection)
    }
    return broker
  }

  /**
   * Without its coordinator a transaction has failed. Leaders and the group's coordinator ask the transaction's coordinator before
   * they append, and if that one is frozen, they answer only after the brokers' `request.timeout.ms` (30 s).
   */
  #abandon(coordinator: Connection): void {
    if (this.#connections.has(coordinator)) {
      this.#cluster.disconnect('the coordinator of the transaction is gone')
    }
  }

  /**
   * For requests that may be resent: the coordinator treats a repeat as the same request.
   *
   * @param isOutcomeKnown Whether a request without an answer may be resent: only outside a transaction, where nothing is
   * undecided yet.
   */
  async #onCoordinator<T>(
    kind: CoordinatorKind,
    key: string,
    request: (broker: Broker) => Promise<T>,
    isOutcomeKnown = false,
  ): Promise<T> {
    const since = performance.now()
    for (;;) {
      try {
        return await request(await this.#coordinator(kind, key))
      } catch (error) {
        const waitedMs = performance.now() - since
        if (waitedMs > this.#options.transactionTimeoutMs) {
          throw error
        }
        if (kafkaErrorType(error) === 'CONCURRENT_TRANSACTIONS') {
          await sleep(concurrentPauseMs(waitedMs))
        } else if (isCoordinatorNotReady(error) || (isOutcomeKnown && isRetriable(error))) {
          // Either the request certainly had no effect, or there is no transaction yet whose outcome could be unknown.
          await sleep(RETRY_PAUSE_MS)
          this.#cluster.forgetCoordinator(kind, key)
          if (isOutcomeKnown) {
            // Closed connections of earlier attempts no longer matter.
            this.#forgetEnded()
          }
        } else {
          throw error
        }
      }
    }
  }

  #forgetEnded(): void {
    for (const connection of this.#connections) {
      if (!connection.isOpen) {
        this.#connections.delete(connection)
      }
    }
  }
}

const OPERATION_NOT_ATTEMPTED = 55
const UNKNOWN = -1

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
  /** True until something is sent that needs a commit. */
  isEmpty = true

  constructor(transactions: KafkaTransactions) {
    this.#transactions = transactions
  }

  async append(topic: string, partition: number, records: readonly OutRecord[]) {
    this.isEmpty = false
    await this.#announce(topic, partition)
    return this.#transactions.append(topic, partition, records)
  }

  async commitOffset(next: bigint, metadata: string): Promise<void> {
    this.isEmpty = false
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
    if (this.#transactions.addsThemselves) {
      return Promise.resolve()
    }
    if (this.#added.has(place)) {
      return this.#announcing?.done ?? Promise.resolve()
    }
    this.#added.add(place)
    if (this.#announcing === undefined) {
      const topics = new Map<string, number[]>()
      const done = Promise.resolve().then(async () => {
        this.#announcing = undefined
        const request = [...topics].map(([name, partitions]) => ({ name, partitions }))
        await Promise.all([this.#transactions.addPartitions(request), this.#addOffsets()])
      })
      this.#announcing = { topics, done }
    }
    const { topics, done } = this.#announcing
    topics.set(topic, [...(topics.get(topic) ?? []), partition])
    return done
  }

  #addOffsets(): Promise<void> {
    if (this.#transactions.addsThemselves) {
      return Promise.resolve()
    }
    this.#offsetsAdded ??= this.#transactions.addOffsets()
    return this.#offsetsAdded
  }
}
