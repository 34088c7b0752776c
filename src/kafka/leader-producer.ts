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
  /** Null for a producer without one, whose repeats are appended again. */
  readonly identity: () => ProducerIdentity | null
  /** Largest record batch, bytes; below every topic's `max.message.bytes`. */
  readonly batchBytesMax: number
  /** How long the leader may wait for the other replicas, ms. */
  readonly replicasTimeoutMs: number
  /** How long a failure that can pass is tried again, ms. */
  readonly retryForMs: number
  /** One request to a leader; the real one if not given. */
  readonly produce?: typeof produceTo
}

/** Offsets of what was appended: of the first record, and the one after the last. */
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
  /** How often it failed. */
  failures: number
  readonly resolve: (baseOffset: bigint) => void
  readonly reject: (error: unknown) => void
}

const BATCH_RECORDS_MAX = 5_000
/** Bounds a request: its batches together stay far below the broker's limit of 100 MB. */
const ENTRIES_PER_REQUEST_MAX = 16
/** Before the first repetition; twice as long before each further one, up to the most. */
const RETRY_PAUSE_MS = 50
const RETRY_PAUSE_MAX_MS = 1_000
const REQUEST_MARGIN_MS = 2_000
const RECOVERY_MAX_MS = 10_000

/**
 * Appends record batches, with acks of all in-sync replicas, one request to a leader at a time: what is appended while
 * one is on its way shares the next, whichever partition it is for.
 *
 * Takes the place of kafkajs's producer, which is unsafe with several partitions in one call: when leaders move it can
 * acknowledge what it never sent, and give a repeated batch another sequence. Here every batch has its own answer, which
 * must name its partition, and keeps its sequence, so that a leader that has it already appends it once.
 *
 * A partition that fails costs the others nothing: each is judged by its own answer, and only what failed is repeated, with
 * growing pauses. Until it succeeds again it shares neither request nor connection with those that work, because a leader
 * answers a request when its slowest partition is done, and the requests of a connection one after the other.
 *
 * The caller appends to one partition after the other: two appends to one partition at the same time have no order.
 */
export class LeaderProducer {
  readonly #options: LeaderProducerOptions
  readonly #topics = new Set<string>()
  /** What waits for a leader, by the leader and the connection. */
  readonly #waiting = new Map<string, Entry[]>()
  readonly #busy = new Set<string>()
  /** Partitions whose last answer was a failure. */
  readonly #failing = new Set<string>()
  readonly #leaders = new Set<KafkaBroker>()
  /** Next sequence of every partition, for a producer with an identity. */
  readonly #sequences = new Map<string, number>()

  constructor(options: LeaderProducerOptions) {
    this.#options = options
  }

  /** Whether every connection that something was appended on is still there. */
  get connected(): boolean {
    return [...this.#leaders].every((leader) => leader.isConnected())
  }

  /** Learns who leads the partitions of a topic. Costs nothing the second time. */
  async know(topic: string): Promise<void> {
    if (!this.#topics.has(topic)) {
      await this.#options.cluster.addMultipleTargetTopics([topic])
      this.#topics.add(topic)
    }
  }

  /**
   * Appends records, in order, in as many batches as the limits ask for. Rejects with kafkajs's error or
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
      // After this turn: what the caller appends in the same turn shares the request.
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
      // Nothing is known of any of them.
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

  /** Sends again what may still succeed, after a pause that grows, to whoever leads the partition by then. */
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
      // The cluster was disconnected meanwhile and knows no leaders any more.
      entry.reject(closed)
    }
  }
}

function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic} ${partition}`
}

/** No broker answers: kafkajs gives up on it, but the deadline decides. */
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
