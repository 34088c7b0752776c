import { sleep } from '../sleep.ts'
import { type OutRecord, recordBytes } from '../stream/record.ts'
import type { Purpose } from './client/broker.ts'
import { ClientClosedError, NoLeaderError } from './client/client-errors.ts'
import { type Cluster, NO_LEADER } from './client/cluster.ts'
import type { Connection } from './client/connection.ts'
import { isRetriable, kafkaErrorType, ProduceReplyError } from './errors.ts'
import { type ProducedPartition, type ProducerIdentity, produceTo } from './produce-request.ts'

export interface LeaderProducerOptions {
  readonly cluster: Pick<Cluster, 'topic' | 'knownTopic' | 'refresh' | 'broker'>
  /** Null for a producer without an identity, whose retries may be appended twice. */
  readonly identity: () => ProducerIdentity | null
  /** Whether all readers of a topic can read zstd. By default nothing is compressed. */
  readonly compresses?: ((topic: string) => boolean) | undefined
  /** Largest record batch, bytes, before compression; below every topic's `max.message.bytes`. */
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
  readonly records: readonly OutRecord[]
  readonly firstSequence: number
  readonly compressed: boolean
  readonly deadline: number
  /** Deadline for the previous transaction to finish ending. */
  readonly concurrentUntil: number
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

/**
 * Appends record batches with acks from all in-sync replicas, one request per leader at a time: appends made while one
 * is in flight share the next, whichever partition they are for.
 *
 * Every batch has its own result, which must name its partition, and keeps its sequence number when it is resent, so that
 * a leader that already has the batch appends it only once.
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
  /** Queued batches, by leader and connection. */
  readonly #waiting = new Map<string, Entry[]>()
  readonly #busy = new Set<string>()
  /** Partitions whose last result was a failure. */
  readonly #failing = new Set<string>()
  /** Partitions whose leader is looked up before the next append: the last one failed when there was no time to look it up. */
  readonly #outdated = new Set<string>()
  /** Connections used for appends within a transaction. */
  readonly #connections = new Set<Connection>()
  /** Next sequence number of every partition, for a producer with an identity. */
  readonly #sequences = new Map<string, number>()

  constructor(options: LeaderProducerOptions) {
    this.#options = options
  }

  /** Whether every connection used for an append is still open. */
  get connected(): boolean {
    return [...this.#connections].every(({ isOpen }) => isOpen)
  }

  /** Looks up the leaders of a topic's partitions; free after the first call. */
  async know(topic: string): Promise<void> {
    await this.#options.cluster.topic(topic)
  }

  /** Restarts the sequence numbers, as a new producer epoch requires. */
  restartSequences(): void {
    this.#sequences.clear()
  }

  /**
   * Appends records, in order, in as many batches as the limits require. Rejects with the protocol's error,
   * KafkaConnectionError or ProduceReplyError; then the outcome is unknown.
   */
  async append(topic: string, partition: number, records: readonly OutRecord[]): Promise<AppendedRange> {
    await this.know(topic)
    const place = placeOf({ topic, partition })
    if (this.#outdated.has(place)) {
      // Only this partition waits for it: the answer may take a while, and other leaders are well.
      await this.#options.cluster.refresh([topic])
      this.#outdated.delete(place)
    }
    let first = -1n
    let next = -1n
    for (const batch of batchesOf(records, this.#options.batchBytesMax)) {
      const firstSequence = this.#sequences.get(place) ?? 0
      const base = await this.#send(topic, partition, batch, firstSequence)
      if (this.#options.identity() !== null) {
        this.#sequences.set(place, firstSequence + batch.length)
      }
      first = first < 0n ? base : first
      next = base + BigInt(batch.length)
    }
    return { first, next }
  }

  #send(topic: string, partition: number, records: readonly OutRecord[], firstSequence: number): Promise<bigint> {
    const now = performance.now()
    const deadline = now + this.#options.retryForMs
    const concurrentUntil = now + this.#options.replicasTimeoutMs
    return new Promise((resolve, reject) => {
      const limits = { deadline, concurrentUntil, failures: 0 }
      const compressed = this.#options.compresses?.(topic) ?? false
      this.#dispatch({ topic, partition, records, firstSequence, compressed, ...limits, resolve, reject })
    })
  }

  #dispatch(entry: Entry): void {
    const topic = this.#options.cluster.knownTopic(entry.topic)
    if (topic === undefined) {
      entry.reject(new ClientClosedError())
      return
    }
    const leader = topic.leaders[entry.partition]
    if (leader === undefined) {
      entry.reject(new Error(`${entry.topic} has no partition ${entry.partition}`))
      return
    }
    if (leader === NO_LEADER) {
      void this.#again(entry, new NoLeaderError(entry.topic, entry.partition))
      return
    }
    const on: Purpose = this.#failing.has(placeOf(entry)) ? 'second' : 'main'
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

  async #sendAll(way: string, leader: number, on: Purpose): Promise<void> {
    for (let waiting = this.#waiting.get(way); waiting !== undefined; waiting = this.#waiting.get(way)) {
      const entries = waiting.splice(0, ENTRIES_PER_REQUEST_MAX)
      if (waiting.length === 0) {
        this.#waiting.delete(way)
      }
      await this.#request(leader, on, entries)
    }
    this.#busy.delete(way)
  }

  async #request(leader: number, on: Purpose, entries: readonly Entry[]): Promise<void> {
    const { cluster, identity, replicasTimeoutMs, produce = produceTo } = this.#options
    let answers: readonly ProducedPartition[]
    try {
      const broker = cluster.broker(leader)
      const request = { identity: identity(), timeoutMs: replicasTimeoutMs, batches: entries }
      const { connection, partitions } = await produce(broker, request, on)
      if (request.identity !== null) {
        this.#connections.add(connection)
      }
      answers = partitions
    } catch (error) {
      // The outcome of every batch is unknown.
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
    const concurrentForMs = entry.concurrentUntil - performance.now()
    if (kafkaErrorType(error) === 'CONCURRENT_TRANSACTIONS' && concurrentForMs > 0) {
      this.#failing.delete(placeOf(entry))
      await sleep(concurrentPauseMs(this.#options.replicasTimeoutMs - concurrentForMs))
      this.#dispatch(entry)
      return
    }
    const pauseMs = Math.min(RETRY_PAUSE_MS * 2 ** entry.failures, RETRY_PAUSE_MAX_MS)
    if (!isRetriable(error) || performance.now() >= entry.deadline) {
      this.#outdated.add(placeOf(entry))
      entry.reject(error)
      return
    }
    entry.failures += 1
    await sleep(pauseMs)
    try {
      await this.#options.cluster.refresh([entry.topic])
    } catch (failure) {
      // While no broker answers, the deadline decides. A refusal, or a client that was closed, is final.
      await this.#again(entry, failure)
      return
    }
    this.#dispatch(entry)
  }
}

/**
 * Pause before a request that was answered CONCURRENT_TRANSACTIONS, with no effect, is sent again, ms. Right after a commit the
 * previous transaction ends within a few ms; it takes longer if one of its markers cannot be written.
 */
export function concurrentPauseMs(waitedMs: number): number {
  return Math.min(Math.max(3, waitedMs / 4), 100)
}

function placeOf({ topic, partition }: { readonly topic: string; readonly partition: number }): string {
  return `${topic} ${partition}`
}

function* batchesOf(records: readonly OutRecord[], bytesMax: number): Iterable<readonly OutRecord[]> {
  let batch: OutRecord[] = []
  let bytes = 0
  for (const record of records) {
    const size = recordBytes(record)
    if (batch.length > 0 && (batch.length >= BATCH_RECORDS_MAX || bytes + size > bytesMax)) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(record)
    bytes += size
  }
  if (batch.length > 0) {
    yield batch
  }
}
