import type { Message } from 'kafkajs'
import { sleep } from '../sleep.ts'
import { type OutRecord, recordBytes } from '../stream/record.ts'
import { isRetriable, NoLeaderError, ProduceReplyError } from './errors.ts'
import { type KafkaBroker, type KafkaCluster, type ProducerIdentity, recoverCluster } from './kafkajs-cluster.ts'
import { NO_LEADER } from './kafkajs-metadata.ts'
import { type ProduceConnection, type ProducedPartition, produceTo } from './produce-request.ts'
import { within } from './within.ts'

export interface LeaderProducerOptions {
  readonly cluster: KafkaCluster
  /** Null for a producer without an identity, whose retries may be appended twice. */
  readonly identity: () => ProducerIdentity | null
  /** Largest record batch, bytes; below every topic's `max.message.bytes`. */
  readonly batchBytesMax: number
  /** How long the leader may wait for the other replicas, ms. */
  readonly replicasTimeoutMs: number
  /** How long a retriable failure is retried, ms. */
  readonly retryForMs: number
  /** Sends one request to a leader. Defaults to the real one. */
  readonly produce?: typeof produceTo
}

/** Offsets of the appended records: the first, and the one after the last. */
export interface AppendedRange {
  readonly first: bigint
  readonly next: bigint
}

/** One record batch for one partition. */
interface Entry {
  readonly topic: string
  readonly partition: number
  readonly messages: readonly Message[]
  readonly firstSequence: number
  readonly deadline: number
  /** Number of failed attempts. */
  failures: number
  readonly resolve: (baseOffset: bigint) => void
  readonly reject: (error: unknown) => void
}

const BATCH_RECORDS_MAX = 5_000
/** Limits a request: its batches together stay far below the broker's limit of 100 MB. */
const ENTRIES_PER_REQUEST_MAX = 16
/** Pause before the first retry; doubles with each further one, up to the maximum. */
const RETRY_PAUSE_MS = 50
const RETRY_PAUSE_MAX_MS = 1_000
const REQUEST_MARGIN_MS = 2_000
const RECOVERY_MAX_MS = 10_000

/**
 * Appends record batches with acks from all in-sync replicas, one request per leader at a time: appends made while one
 * is in flight share the next, whichever partition they are for.
 *
 * Replaces kafkajs's producer, which is unsafe with several partitions in one call: when leaders move it can
 * acknowledge records that it never sent, and resend a batch with a different sequence number. Here every batch has its
 * own result, which must name its partition, and keeps its sequence number, so that a leader that already has the batch
 * appends it only once.
 *
 * A failing partition does not affect the others: each is judged by its own result, and only failed batches are
 * retried, with growing pauses. Until it succeeds again it shares neither requests nor a connection with healthy
 * partitions, because a leader answers a request only when its slowest partition is done, and answers the requests of a
 * connection in order.
 *
 * The caller appends to each partition sequentially: concurrent appends to the same partition have no defined order.
 */
export class LeaderProducer {
  readonly #options: LeaderProducerOptions
  readonly #topics = new Set<string>()
  /** Queued batches, by leader and connection. */
  readonly #waiting = new Map<string, Entry[]>()
  readonly #busy = new Set<string>()
  /** Partitions whose last result was a failure. */
  readonly #failing = new Set<string>()
  readonly #leaders = new Set<KafkaBroker>()
  /** Next sequence number of every partition, for a producer with an identity. */
  readonly #sequences = new Map<string, number>()

  constructor(options: LeaderProducerOptions) {
    this.#options = options
  }

  /** Whether every connection used for an append is still open. */
  get connected(): boolean {
    return [...this.#leaders].every((leader) => leader.isConnected())
  }

  /** Looks up the leaders of a topic's partitions; free after the first call. */
  async know(topic: string): Promise<void> {
    if (!this.#topics.has(topic)) {
      await this.#options.cluster.addMultipleTargetTopics([topic])
      this.#topics.add(topic)
    }
  }

  /**
   * Appends records, in order, in as many batches as the limits require. Rejects with kafkajs's error or
   * ProduceReplyError; then the outcome is unknown.
   */
  async append(topic: string, partition: number, records: readonly OutRecord[]): Promise<AppendedRange> {
    await this.know(topic)
    const place = placeOf({ topic, partition })
    let first = -1n
    let next = -1n
    for (const messages of batchesOf(records, this.#options.batchBytesMax)) {
      const firstSequence = this.#sequences.get(place) ?? 0
      const base = await this.#send(topic, partition, messages, firstSequence)
      if (this.#options.identity() !== null) {
        this.#sequences.set(place, firstSequence + messages.length)
      }
      first = first < 0n ? base : first
      next = base + BigInt(messages.length)
    }
    return { first, next }
  }

  #send(topic: string, partition: number, messages: readonly Message[], firstSequence: number): Promise<bigint> {
    const deadline = performance.now() + this.#options.retryForMs
    return new Promise((resolve, reject) => {
      this.#dispatch({ topic, partition, messages, firstSequence, deadline, failures: 0, resolve, reject })
    })
  }

  #dispatch(entry: Entry): void {
    const { cluster } = this.#options
    const leader = cluster
      .findTopicPartitionMetadata(entry.topic)
      .find((metadata) => metadata.partitionId === entry.partition)?.leader
    if (leader === undefined) {
      entry.reject(new Error(`${entry.topic} has no partition ${entry.partition}`))
      return
    }
    if (leader === NO_LEADER) {
      void this.#again(entry, new NoLeaderError(entry.topic, entry.partition))
      return
    }
    const on: ProduceConnection = this.#failing.has(placeOf(entry)) ? 'second' : 'first'
    const way = `${leader} ${on}`
    const waiting = this.#waiting.get(way)
    if (waiting === undefined) {
      this.#waiting.set(way, [entry])
    } else {
      waiting.push(entry)
    }
    if (!this.#busy.has(way)) {
      this.#busy.add(way)
      // After this turn: appends that the caller makes in the same turn share the request.
      queueMicrotask(() => void this.#sendAll(way, leader, on))
    }
  }

  async #sendAll(way: string, leader: number, on: ProduceConnection): Promise<void> {
    for (let waiting = this.#waiting.get(way); waiting !== undefined; waiting = this.#waiting.get(way)) {
      const entries = waiting.splice(0, ENTRIES_PER_REQUEST_MAX)
      if (waiting.length === 0) {
        this.#waiting.delete(way)
      }
      await this.#request(leader, on, entries)
    }
    this.#busy.delete(way)
  }

  async #request(leader: number, on: ProduceConnection, entries: readonly Entry[]): Promise<void> {
    const { cluster, identity, replicasTimeoutMs, produce = produceTo } = this.#options
    let answers: readonly ProducedPartition[]
    try {
      const deadlineMs = replicasTimeoutMs + REQUEST_MARGIN_MS
      const broker = await within(deadlineMs, cluster.findBroker({ nodeId: leader }))
      this.#leaders.add(broker)
      const topicData = [...Map.groupBy(entries, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
        topic,
        partitions: ofTopic.map(({ partition, messages, firstSequence }) => ({ partition, messages, firstSequence })),
      }))
      const request = { identity: identity(), timeoutMs: replicasTimeoutMs, topicData }
      answers = await within(deadlineMs, produce(broker, request, on))
    } catch (error) {
      // The outcome of all of them is unknown.
      for (const entry of entries) {
        void this.#again(entry, error)
      }
      return
    }
    for (const entry of entries) {
      const answer = answers.find(({ topic, partition }) => topic === entry.topic && partition === entry.partition)
      if (answer?.error === null && answer.baseOffset >= 0n) {
        this.#failing.delete(placeOf(entry))
        entry.resolve(answer.baseOffset)
      } else if (answer?.error) {
        this.#failing.add(placeOf(entry))
        void this.#again(entry, answer.error)
      } else {
        entry.reject(new ProduceReplyError(entry.topic, entry.partition))
      }
    }
  }

  /** Retries a batch that may still succeed, after a growing pause, at the current leader of its partition. */
  async #again(entry: Entry, error: unknown): Promise<void> {
    const pauseMs = Math.min(RETRY_PAUSE_MS * 2 ** entry.failures, RETRY_PAUSE_MAX_MS)
    if (!isRetriable(error) || performance.now() >= entry.deadline) {
      entry.reject(error)
      return
    }
    entry.failures += 1
    await sleep(pauseMs)
    try {
      await within(RECOVERY_MAX_MS, recoverCluster(this.#options.cluster, error))
    } catch (unreachable) {
      await this.#again(entry, asRetriable(unreachable))
      return
    }
    try {
      this.#dispatch(entry)
    } catch (closed) {
      // The cluster was disconnected meanwhile and no longer knows any leaders.
      entry.reject(closed)
    }
  }
}

function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic} ${partition}`
}

/** kafkajs gives up when no broker answers; here the deadline decides. */
function asRetriable(error: unknown): Error {
  return Object.assign(error as Error, { retriable: true })
}

function* batchesOf(records: readonly OutRecord[], bytesMax: number): Iterable<Message[]> {
  let messages: Message[] = []
  let bytes = 0
  for (const record of records) {
    const size = recordBytes(record)
    if (messages.length > 0 && (messages.length >= BATCH_RECORDS_MAX || bytes + size > bytesMax)) {
      yield messages
      messages = []
      bytes = 0
    }
    messages.push(record as Message)
    bytes += size
  }
  if (messages.length > 0) {
    yield messages
  }
}
