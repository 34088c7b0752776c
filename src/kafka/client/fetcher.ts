import { sleep } from '../../sleep.ts'
import type { InRecord } from '../../stream/record.ts'
import type { LogPlace } from '../../stream/topic-logs.ts'
import type { Broker } from './broker.ts'
import { protocolError } from './client-errors.ts'
import type { Cluster } from './cluster.ts'
import { readRecordBatches } from './read-record-batches.ts'
import { FETCH } from './requests.ts'
import type { ValueOf } from './wire-types.ts'

export interface FetchLimits {
  /** How long the leader may wait for `minBytes`, ms. */
  readonly maxWaitMs: number
  readonly minBytes: number
  /** Of a response. */
  readonly maxBytes: number
  /** Of one partition in it. A larger first batch is returned whole. */
  readonly partitionBytesMax: number
  /** How long a failure that may pass is retried, ms. Without limit by default. */
  readonly retryForMs?: number
}

/** Where a reader stands. */
export interface FetchPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** The id of the topic that is read; any other topic of this name is a problem. */
  readonly topicId: string
  /** Epoch of the leader that wrote the record before `offset`: the leader checks that its log still has it. */
  readonly leaderEpoch?: number | undefined
}

export type Fetched =
  | {
      readonly kind: 'records'
      /** What a read_committed reader sees; may be empty. */
      readonly records: readonly InRecord[]
      /** The next offset to fetch. Equal to the requested one if there was nothing to read. */
      readonly next: bigint
      /** Where what was read ends; null if nothing was read. */
      readonly end: LogPlace | null
      readonly highWatermark: bigint
      readonly lastStableOffset: bigint
      readonly pinnedBytes: number
    }
  /** The log does not have the offset: it begins later or ends earlier. */
  | { readonly kind: 'out-of-range' }
  /** The log has lost its end since the place was read: `at` is where its records of that epoch end. */
  | { readonly kind: 'truncated'; readonly at: LogPlace }
  /** The topic was deleted and created again. */
  | { readonly kind: 'other-topic'; readonly topicId: string }

type Answered = ValueOf<typeof FETCH.response>['topics'][number]['partitions'][number]

interface Pull {
  readonly place: FetchPlace
  readonly signal: AbortSignal
  readonly resolve: (answer: Answered) => void
  readonly reject: (error: unknown) => void
}

const ANY = -1
const READ_COMMITTED = 1
const OFFSET_OUT_OF_RANGE = 1
const UNKNOWN_TOPIC_OR_PARTITION = 3
const UNKNOWN_TOPIC_ID = 100
const INCONSISTENT_TOPIC_ID = 103
/** A leader that does not answer a fetch for this long beyond its wait is left for another, ms. */
const ANSWER_MAX_MS = 6_000
const RETRY_PAUSE_MS = 50
const RETRY_PAUSE_MAX_MS = 1_000

/**
 * Fetches records for readers that ask for them: each pulls from its own offset when it has room. Pulls for partitions of one
 * leader share a request, one at a time: what is asked while a request is in flight goes into the next.
 *
 * What concerns the reader's position is an answer: `out-of-range`, `truncated`, `other-topic`. It is never corrected here.
 * What may pass (a leader moves, a broker is away) is retried. The rest rejects: a refusal, or
 * UnreadableBatchError.
 */
export class Fetcher {
  readonly #cluster: Cluster
  readonly #limits: FetchLimits
  readonly #waiting = new Map<Broker, Pull[]>()
  readonly #busy = new Set<Broker>()

  constructor(cluster: Cluster, limits: FetchLimits) {
    this.#cluster = cluster
    this.#limits = limits
  }

  /** Rejects with the signal's reason once it aborts. */
  async fetch(place: FetchPlace, signal: AbortSignal): Promise<Fetched> {
    const { topic, partition } = place
    const deadline = performance.now() + (this.#limits.retryForMs ?? Number.POSITIVE_INFINITY)
    for (let failures = 0; ; failures += 1) {
      signal.throwIfAborted()
      try {
        if (failures > 0) {
          await this.#cluster.refresh([topic])
        }
        const otherId = await this.#otherTopic(place)
        if (otherId !== null) {
          return { kind: 'other-topic', topicId: otherId }
        }
        const answer = await this.#ask(await this.#cluster.leaderOf(topic, partition), place, signal)
        return toFetched(answer, place)
      } catch (error) {
        if ((error as { retriable?: boolean }).retriable !== true || performance.now() >= deadline) {
          throw error
        }
        this.#cluster.noteRetry(error)
      }
      await sleep(Math.min(RETRY_PAUSE_MS * 2 ** failures, RETRY_PAUSE_MAX_MS), signal)
    }
  }

  async #otherTopic({ topic, topicId }: FetchPlace): Promise<string | null> {
    const { id } = await this.#cluster.topic(topic)
    return id === topicId ? null : id
  }

  #ask(leader: Broker, place: FetchPlace, signal: AbortSignal): Promise<Answered> {
    const { promise, resolve, reject } = Promise.withResolvers<Answered>()
    this.#waiting.set(leader, [...(this.#waiting.get(leader) ?? []), { place, signal, resolve, reject }])
    if (!this.#busy.has(leader)) {
      this.#busy.add(leader)
      // After this turn: readers that ask in the same turn share the request.
      queueMicrotask(() => void this.#sendAll(leader))
    }
    return promise
  }

  async #sendAll(leader: Broker): Promise<void> {
    for (let pulls = this.#take(leader); pulls.length > 0; pulls = this.#take(leader)) {
      await this.#send(leader, pulls)
      // The readers run first, and those that have room ask again.
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#busy.delete(leader)
  }

  /** One pull for each partition; those of readers that no longer want it are rejected. */
  #take(leader: Broker): readonly Pull[] {
    const waiting = this.#waiting.get(leader) ?? []
    this.#waiting.delete(leader)
    const wanted = new Map<string, Pull>()
    for (const pull of waiting) {
      const key = `${pull.place.topicId} ${pull.place.partition}`
      if (pull.signal.aborted) {
        pull.reject(pull.signal.reason)
      } else if (wanted.has(key)) {
        this.#waiting.set(leader, [...(this.#waiting.get(leader) ?? []), pull])
      } else {
        wanted.set(key, pull)
      }
    }
    return [...wanted.values()]
  }

  async #send(leader: Broker, pulls: readonly Pull[]): Promise<void> {
    const { maxWaitMs, minBytes, maxBytes, partitionBytesMax } = this.#limits
    const byTopic = Map.groupBy(pulls, ({ place }) => place.topicId)
    const body = {
      replicaId: ANY,
      maxWaitMs,
      minBytes,
      maxBytes,
      isolationLevel: READ_COMMITTED,
      sessionId: 0,
      sessionEpoch: ANY,
      topics: [...byTopic].map(([id, ofTopic]) => ({
        id,
        partitions: ofTopic.map(({ place: { partition, offset, leaderEpoch } }) => ({
          partition,
          currentLeaderEpoch: ANY,
          offset,
          lastFetchedEpoch: leaderEpoch ?? ANY,
          logStartOffset: -1n,
          maxBytes: partitionBytesMax,
        })),
      })),
      forgotten: [],
      rackId: '',
    }
    try {
      const options = { deadlineMs: maxWaitMs + ANSWER_MAX_MS, on: 'fetch' } as const
      const { errorCode, topics } = await leader.send(FETCH, body, options)
      for (const { place, resolve, reject } of pulls) {
        const ofTopic = topics.find(({ id }) => id === place.topicId)?.partitions
        const answer = ofTopic?.find(({ partition }) => partition === place.partition)
        if (answer === undefined) {
          reject(protocolError(errorCode === 0 ? UNKNOWN_TOPIC_OR_PARTITION : errorCode))
        } else {
          resolve(answer)
        }
      }
    } catch (error) {
      for (const { reject } of pulls) {
        reject(error)
      }
    }
  }
}

function toFetched(answer: Answered, { offset, leaderEpoch, topic, partition }: FetchPlace): Fetched {
  const { errorCode, diverging, highWatermark, lastStableOffset, records, abortedTransactions } = answer
  switch (errorCode) {
    case 0:
      break
    case OFFSET_OUT_OF_RANGE:
      return { kind: 'out-of-range' }
    case UNKNOWN_TOPIC_ID:
    case INCONSISTENT_TOPIC_ID:
      // The next look at the metadata tells whether it is another topic.
      throw protocolError(errorCode)
    default:
      throw Object.assign(protocolError(errorCode), { topic, partition })
  }
  if (diverging !== undefined && leaderEpoch !== undefined) {
    return { kind: 'truncated', at: { offset: diverging.endOffset, leaderEpoch: diverging.leaderEpoch } }
  }
  const read = readRecordBatches(records ?? Buffer.alloc(0), offset, abortedTransactions)
  return { kind: 'records', ...read, highWatermark, lastStableOffset }
}
