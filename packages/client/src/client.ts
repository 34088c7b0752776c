import { SchemaRegistry } from '@kafkajs/confluent-schema-registry'
import {
  type Admin,
  type Consumer,
  type EachBatchPayload,
  Kafka,
  logLevel,
  type OffsetsByTopicPartition,
} from 'kafkajs'
import type { ChangeHandler, StoringHandler } from './change.ts'
import type { ChangeStore } from './change-store.ts'
import { ClientError } from './client-error.ts'
import { CurrentFollower } from './current-follower.ts'
import type { FollowedPartition } from './followed-partition.ts'
import { CHANGE_SCHEMA, type PaymentStatus, type PaymentStatusChange, STATUS_SCHEMA } from './generated/records.ts'
import { partitionOf, readZstd } from './kafkajs-internals.ts'
import { Lanes } from './lanes.ts'
import type { OpenOptions } from './open-options.ts'
import { RecordDecoder } from './record-decoder.ts'
import { Teller } from './teller.ts'
import { TopicLogs } from './topic-logs.ts'

export type { Change, ChangeHandler, PaymentForgotten, PaymentState, PaymentStep, StoringHandler } from './change.ts'
export type { ChangeStore } from './change-store.ts'
// biome-ignore lint/performance/noBarrelFile: the entry of a published package.
export { ClientError, type ClientErrorCode } from './client-error.ts'
export type * from './generated/records.ts'
export type { Observation, Observe } from './observation.ts'
export type { OpenOptions } from './open-options.ts'
export { compareVersions, isNewer, type Version } from './version.ts'

/**
 * Connects to a paystatus installation. Rejects with UNREACHABLE or WRONG_TOPICS. A registry that does not answer is waited for;
 * `observe` is told so.
 *
 * With `table: 'all'` it resolves once the table holds every payment. Nothing is handed over before `onChange`.
 */
export async function open(options: OpenOptions): Promise<PaystatusClient> {
  readZstd()
  const kafka = new Kafka({
    clientId: 'paystatus-client',
    logLevel: logLevel.NOTHING,
    ...options.kafka,
    brokers: [...options.brokers],
  })
  const logs = new TopicLogs(kafka)
  const prefix = options.topicPrefix ?? ''
  const topics = {
    changes: options.changesTopic ?? `${prefix}payments.status.changes`,
    current: options.currentTopic ?? `${prefix}payments.status.current`,
  }
  const admin = kafka.admin()
  try {
    await logs.connect([topics.changes, topics.current]).catch((error: unknown) => {
      throw isUnknownTopic(error) ? wrongTopics(topics, 'not both exist', error) : error
    })
    const [changes, current] = [logs.partitionCount(topics.changes), logs.partitionCount(topics.current)]
    if (changes === 0 || changes !== current) {
      throw wrongTopics(topics, `they have ${changes} and ${current} partitions`)
    }
    await admin.connect()
  } catch (error) {
    await Promise.allSettled([logs.disconnect(), admin.disconnect()])
    throw error instanceof ClientError ? error : unreachable(options.brokers, error as Error)
  }
  const client = new PaystatusClient(kafka, admin, logs, topics, options)
  await client.begin()
  return client
}

function isUnknownTopic(error: unknown): boolean {
  return (error as { readonly type?: unknown }).type === 'UNKNOWN_TOPIC_OR_PARTITION'
}

function unreachable(brokers: readonly string[], cause: Error): ClientError {
  const message = `cannot use Kafka at ${brokers.join(', ')}: ${cause.message}. Check brokers, and kafka.ssl and kafka.sasl`
  return new ClientError('UNREACHABLE', message, { cause })
}

function wrongTopics(topics: { readonly changes: string; readonly current: string }, what: string, cause?: unknown) {
  const message = `${topics.changes} and ${topics.current} are not those of one installation: ${what}. Check topicPrefix and permissions.`
  return new ClientError('WRONG_TOPICS', message, { cause })
}

/** The payments of an installation, kept up to date: see {@link open}. */
export class PaystatusClient {
  readonly #options: OpenOptions
  readonly #kafka: Kafka
  readonly #admin: Admin
  readonly #logs: TopicLogs
  readonly #topics: { readonly changes: string; readonly current: string }
  readonly #partitions: number
  readonly #statusDecoder: RecordDecoder<PaymentStatus>
  readonly #changeDecoder: RecordDecoder<PaymentStatusChange>
  readonly #follower: CurrentFollower
  readonly #stop = new AbortController()
  readonly #ended = Promise.withResolvers<void>()
  #consumer: Consumer | undefined
  #lanes: Lanes | undefined
  #stopping: Promise<void> | undefined
  #failure: ClientError | undefined

  /** Use {@link open}. */
  constructor(
    kafka: Kafka,
    admin: Admin,
    logs: TopicLogs,
    topics: { readonly changes: string; readonly current: string },
    options: OpenOptions,
  ) {
    this.#kafka = kafka
    this.#admin = admin
    this.#logs = logs
    this.#topics = topics
    this.#options = options
    this.#partitions = logs.partitionCount(topics.changes)
    const registry =
      typeof options.registry === 'string' ? new SchemaRegistry({ host: options.registry }) : options.registry
    this.#statusDecoder = new RecordDecoder(STATUS_SCHEMA, registry)
    this.#changeDecoder = new RecordDecoder(CHANGE_SCHEMA, registry)
    this.#follower = new CurrentFollower({
      logs,
      topic: topics.current,
      decoder: this.#statusDecoder,
      observe: this.#observe,
      fail: this.#fail,
    })
    // Whoever does not wait for it learns of a failure from the other calls.
    this.#ended.promise.catch(() => {})
  }

  /** Resolves after `stop`. Rejects with a ClientError if the client fails for good; then it has stopped itself. */
  get closed(): Promise<void> {
    return this.#ended.promise
  }

  /** @internal Part of `open`. */
  async begin(): Promise<void> {
    if (this.#options.table === 'all') {
      await this.#orFailure(
        Promise.all(
          Array.from({ length: this.#partitions }, async (_, partition) => {
            const followed = this.#follower.follow(partition)
            await followed.reached(await this.#logs.end(this.#topics.current, partition, 'all'))
            followed.isReady = true
          }),
        ),
      )
    }
  }

  /**
   * Joins the group and tells the handler every change of the partitions that are assigned to this instance. Resolves once the
   * first assigned partitions are open: their tables are complete, and a group that begins has been told every payment.
   *
   * With a store, the handler works in a transaction of it and takes effect exactly once. Without one, it is told every change
   * at least once: compare `change.version` with what you stored.
   *
   * Rejects with AWAY_TOO_LONG, UNREADABLE, CONSUMER_CRASHED, or WRONG_USE if it was called before.
   */
  onChange(handler: ChangeHandler): Promise<void>
  onChange<Tx>(handler: StoringHandler<Tx>, store: ChangeStore<Tx>): Promise<void>
  async onChange<Tx>(handler: StoringHandler<Tx>, store?: ChangeStore<Tx>): Promise<void> {
    if (this.#consumer !== undefined || this.#stop.signal.aborted) {
      throw new ClientError('WRONG_USE', 'onChange can be called once, and not after stop')
    }
    const { concurrency = 1, groupId } = this.#options
    const teller =
      store === undefined
        ? Teller.atLeastOnce(handler as ChangeHandler, concurrency, this.#observe)
        : Teller.exactlyOnce(handler, store, concurrency, this.#observe)
    const { sessionTimeout = 30_000, heartbeatInterval = 3_000, rebalanceTimeout = 60_000 } = this.#options
    const consumer = this.#kafka.consumer({
      groupId,
      sessionTimeout,
      heartbeatInterval,
      rebalanceTimeout,
      readUncommitted: false,
      maxWaitTimeInMs: 500,
      maxBytesPerPartition: 512 * 1024,
      // The handler's errors are not kafkajs's; its own are tried again until the client is stopped.
      retry: { initialRetryTime: 300, maxRetryTime: 10_000, retries: Number.MAX_SAFE_INTEGER },
    })
    this.#consumer = consumer
    const lanes = new Lanes({
      follower: this.#follower,
      unfollows: this.#options.table !== 'all',
      signal: this.#stop.signal,
      fail: this.#fail,
      lane: (partition, followed, signal) => ({
        partition,
        followed,
        signal,
        changesTopic: this.#topics.changes,
        currentTopic: this.#topics.current,
        logs: this.#logs,
        changeDecoder: this.#changeDecoder,
        statusDecoder: this.#statusDecoder,
        teller,
        committed: (one) => this.#committed(one),
        commit: (one, offset, metadata) =>
          consumer.commitOffsets([{ topic: this.#topics.changes, partition: one, offset: String(offset), metadata }]),
        observe: this.#observe,
        now: Date.now,
      }),
      observe: this.#observe,
    })
    this.#lanes = lanes
    const joined = Promise.withResolvers<void>()
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      lanes.assign(payload.memberAssignment[this.#topics.changes] ?? [])
      joined.resolve()
    })
    consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
      if (restart) {
        this.#observe({ type: 'trouble', error })
      } else {
        this.#fail(new ClientError('CONSUMER_CRASHED', `kafkajs gave up: ${error.message}`, { cause: error }))
      }
    })
    await consumer.connect()
    await consumer.subscribe({ topic: this.#topics.changes, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      // One batch of each partition can wait for its turn, so that a slow one does not hold up the heartbeats of the others.
      partitionsConsumedConcurrently: this.#partitions,
      eachBatch: (payload) => this.#take(consumer, lanes, payload),
    })
    await this.#orFailure(joined.promise.then(() => lanes.opened()))
  }

  /**
   * What is true of a payment now; undefined if there is none, or if it was forgotten.
   *
   * Throws NOT_READY before the table is complete, and NOT_ASSIGNED if the payment is in a partition of another instance: open
   * with `table: 'all'` to know all payments everywhere.
   */
  get(paymentKey: string): PaymentStatus | undefined {
    const { table } = this.#readyTable(partitionOf(paymentKey, this.#partitions))
    const row = table.get(paymentKey)
    return row && this.#statusDecoder.decode(row.value)
  }

  /** Every payment of the partitions that this instance knows, in no particular order. */
  *payments(): IterableIterator<PaymentStatus> {
    for (const { table, isReady } of this.#follower.all()) {
      if (isReady) {
        for (const [, { value }] of table.entries()) {
          yield this.#statusDecoder.decode(value)
        }
      }
    }
  }

  /** Lets the handler finish what it is doing, commits, leaves the group and disconnects. */
  async stop(): Promise<void> {
    this.#stopping ??= this.#shutDown()
    await this.#stopping
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #readyTable(partition: number): FollowedPartition {
    const followed = this.#follower.get(partition)
    if (this.#failure !== undefined) {
      throw this.#failure
    }
    if (followed?.isReady) {
      return followed
    }
    const isComing = followed !== undefined || this.#lanes === undefined || !this.#lanes.hasBeenAssigned
    throw isComing
      ? new ClientError('NOT_READY', 'the table is not complete yet: wait for onChange')
      : new ClientError(
          'NOT_ASSIGNED',
          `partition ${partition} is assigned to another instance: open with table: 'all'`,
        )
  }

  async #take(consumer: Consumer, lanes: Lanes, payload: EachBatchPayload): Promise<void> {
    const { batch, heartbeat, resolveOffset, commitOffsetsIfNecessary, isRunning } = payload
    const { topic, partition, messages } = batch
    const lane = lanes.get(partition)
    const last = messages.at(-1)
    if (lane === undefined || last === undefined || !isRunning()) {
      return
    }
    await alive(heartbeat, this.#options.heartbeatInterval ?? 3_000, async (assertAlive) => {
      await lane.opened
      if (BigInt(last.offset) < lane.position) {
        // A group that begins starts at the noted end, not at the first record that Kafka still has.
        consumer.seek({ topic, partition, offset: String(lane.position) })
        return
      }
      await lane.process(messages, async (offset, metadata) => {
        if (lane.isAssigned) {
          await commitOffsetsIfNecessary(toCommit(topic, partition, offset, metadata))
        }
        assertAlive()
      })
      resolveOffset(last.offset)
      this.#observe({ type: 'lag', partition, records: Number(batch.offsetLag()) })
    }).catch((error: unknown) => {
      if (error instanceof ClientError) {
        this.#fail(error)
      } else if (!lane.isClosed) {
        throw error
      }
    })
  }

  async #committed(partition: number) {
    const { changes } = this.#topics
    const [found] = await this.#admin.fetchOffsets({ groupId: this.#options.groupId, topics: [changes] })
    const committed = found?.partitions.find((one) => one.partition === partition)
    const offset = BigInt(committed?.offset ?? -1)
    return { offset: offset < 0n ? null : offset, metadata: committed?.metadata ?? null }
  }

  readonly #observe: (observation: Parameters<NonNullable<OpenOptions['observe']>>[0]) => void = (observation) =>
    this.#options.observe?.(observation)

  readonly #fail = (error: ClientError): void => {
    if (this.#failure === undefined && !this.#stop.signal.aborted) {
      this.#failure = error
      this.#ended.reject(error)
      void this.stop()
    }
  }

  async #orFailure<T>(work: Promise<T>): Promise<T> {
    const failed = this.#ended.promise.then(() => {
      throw new ClientError('WRONG_USE', 'the client was stopped')
    })
    try {
      return await Promise.race([work, failed])
    } catch (error) {
      throw this.#failure ?? error
    }
  }

  async #shutDown(): Promise<void> {
    this.#stop.abort(new Error('the client was stopped'))
    // First the follower: a lane may be waiting for it.
    await this.#follower.stop()
    await this.#lanes?.stop()
    await this.#consumer?.disconnect()
    await Promise.allSettled([this.#admin.disconnect(), this.#logs.disconnect()])
    this.#ended.resolve()
  }
}

/**
 * Keeps the membership in the group while work goes on, which kafkajs does only when it is asked to. `assertAlive` throws once
 * a heartbeat was refused: the partition may belong to another instance by then.
 */
async function alive(
  heartbeat: () => Promise<void>,
  everyMs: number,
  work: (assertAlive: () => void) => Promise<void>,
): Promise<void> {
  let refused: unknown
  const timer = setInterval(() => {
    heartbeat().catch((error: unknown) => {
      refused ??= error
    })
  }, everyMs)
  try {
    await work(() => {
      if (refused !== undefined) {
        throw refused
      }
    })
  } finally {
    clearInterval(timer)
  }
  if (refused !== undefined) {
    throw refused
  }
}

/** kafkajs passes metadata on, which its types leave out. */
function toCommit(topic: string, partition: number, offset: bigint, metadata: string): OffsetsByTopicPartition {
  const one = { partition, offset: String(offset), metadata }
  return { topics: [{ topic, partitions: [one] }] }
}
