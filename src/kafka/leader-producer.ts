import type { Message } from 'kafkajs'
import { type OutRecord, recordBytes } from '../stream/record.ts'
import { isRetriable, ProduceReplyError } from './errors.ts'
import { type KafkaBroker, type KafkaCluster, type ProducerIdentity, recoverCluster } from './kafkajs-cluster.ts'
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
  readonly resolve: (baseOffset: bigint) => void
  readonly reject: (error: unknown) => void
}

const BATCH_RECORDS_MAX = 5_000
/** Bounds a request: its batches together stay far below the broker's limit of 100 MB. */
const ENTRIES_PER_REQUEST_MAX = 16
const RETRY_PAUSE_MS = 50
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
 * The caller appends to one partition after the other: two appends to one partition at the same time have no order.
 */
export class LeaderProducer {
  readonly #options: LeaderProducerOptions
  readonly #topics = new Set<string>()
  readonly #waiting = new Map<number, Entry[]>()
  readonly #busy = new Set<number>()
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
    const place = `${topic} ${partition}`
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
      this.#dispatch({ topic, partition, messages, firstSequence, deadline, resolve, reject })
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
    const waiting = this.#waiting.get(leader)
    if (waiting === undefined) {
      this.#waiting.set(leader, [entry])
    } else {
      waiting.push(entry)
    }
    if (!this.#busy.has(leader)) {
      this.#busy.add(leader)
      // After this turn: what the caller appends in the same turn shares the request.
      queueMicrotask(() => void this.#sendAll(leader))
    }
  }

  async #sendAll(leader: number): Promise<void> {
    for (let waiting = this.#waiting.get(leader); waiting !== undefined; waiting = this.#waiting.get(leader)) {
      const entries = waiting.splice(0, ENTRIES_PER_REQUEST_MAX)
      if (waiting.length === 0) {
        this.#waiting.delete(leader)
      }
      await this.#request(leader, entries)
    }
    this.#busy.delete(leader)
  }

  async #request(leader: number, entries: readonly Entry[]): Promise<void> {
    const { cluster, identity, replicasTimeoutMs } = this.#options
    try {
      const deadlineMs = replicasTimeoutMs + REQUEST_MARGIN_MS
      const broker = await within(deadlineMs, cluster.findBroker({ nodeId: leader }))
      this.#leaders.add(broker)
      const produced = broker.produce({
        ...identity(),
        // All in-sync replicas: a success that one broker's death can undo is no success.
        acks: -1,
        timeout: replicasTimeoutMs,
        compression: 0,
        topicData: [...Map.groupBy(entries, ({ topic }) => topic)].map(([topic, ofTopic]) => ({
          topic,
          partitions: ofTopic.map(({ partition, messages, firstSequence }) => ({ partition, messages, firstSequence })),
        })),
      })
      const { topics } = await within(deadlineMs, produced)
      for (const entry of entries) {
        const reply = topics
          .find(({ topicName }) => topicName === entry.topic)
          ?.partitions.find(({ partition }) => partition === entry.partition)
        const base = BigInt(reply?.baseOffset ?? '-1')
        if (reply?.errorCode === 0 && base >= 0n) {
          entry.resolve(base)
        } else {
          entry.reject(new ProduceReplyError(entry.topic, entry.partition))
        }
      }
    } catch (error) {
      // kafkajs tells the first partition's error only, so none of the batches is known to be there.
      void this.#again(entries, error)
    }
  }

  /** Sends again what may still succeed, to whoever leads the partition by now. */
  async #again(entries: readonly Entry[], error: unknown): Promise<void> {
    const now = performance.now()
    const passing = isRetriable(error)
    const again = entries.filter((entry) => passing && now < entry.deadline)
    for (const entry of entries) {
      if (!again.includes(entry)) {
        entry.reject(error)
      }
    }
    if (again.length === 0) {
      return
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_PAUSE_MS))
    try {
      await within(RECOVERY_MAX_MS, recoverCluster(this.#options.cluster, error))
    } catch (unreachable) {
      await this.#again(again, asRetriable(unreachable))
      return
    }
    for (const entry of again) {
      try {
        this.#dispatch(entry)
      } catch (closed) {
        // The cluster was disconnected meanwhile and knows no leaders any more.
        entry.reject(closed)
      }
    }
  }
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
