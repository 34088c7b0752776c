import { sleep } from '../../sleep.ts'
import type { Fetched } from '../../stream/fetched.ts'
import type { Broker } from './broker.ts'
import { assertNoError, onlyPartition, protocolError } from './client-errors.ts'
import type { Cluster } from './cluster.ts'
import { readRecordBatches } from './read-record-batches.ts'
import { ANY_EPOCH, FETCH, READ_COMMITTED } from './requests.ts'
import type { ValueOf } from './wire-types.ts'

export interface FetchLimits {
  /** How long the leader may wait for the first record, ms. */
  readonly maxWaitMs: number
  /** Limit of a response. */
  readonly maxBytes: number
  /** Limit of one partition in a response. A larger first batch is returned whole. */
  readonly partitionBytesMax: number
  /** How long transient failures are retried, ms. Unlimited by default. */
  readonly retryForMs?: number
}

/** A reader's position. */
export interface FetchPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** Id of the topic being read; a topic of the same name with another id is reported as `other-topic`. */
  readonly topicId: string
  /** Epoch of the leader that wrote the record before `offset`: the current leader checks that its log still has that record. */
  readonly leaderEpoch?: number | undefined
}

type Answered = ValueOf<typeof FETCH.response>['topics'][number]['partitions'][number]

const OFFSET_OUT_OF_RANGE = 1
const UNKNOWN_TOPIC_ID = 100
const INCONSISTENT_TOPIC_ID = 103
/** Time beyond `maxWaitMs` after which an unanswered fetch fails, ms. */
const ANSWER_MAX_MS = 6_000
const RETRY_PAUSE_MS = 50
const RETRY_PAUSE_MAX_MS = 1_000

/**
 * Fetches records on demand, each reader from its own offset. A broker answers the requests of a connection in order and holds
 * a fetch until there are records, so every partition has its own connection. Aborting a fetch closes that connection, because
 * the next fetch would have to wait for the abandoned response.
 *
 * A problem with the reader's position is a result. Transient failures (a leader moves, a broker is unavailable) are retried.
 * Anything else rejects: a refusal, or UnreadableBatchError.
 */
export class Fetcher {
  readonly #cluster: Cluster
  readonly #limits: FetchLimits

  constructor(cluster: Cluster, limits: FetchLimits) {
    this.#cluster = cluster
    this.#limits = limits
  }

  /** Rejects with the signal's reason as soon as it aborts. */
  fetch(place: FetchPlace, signal: AbortSignal): Promise<Fetched> {
    const { promise, resolve, reject } = Promise.withResolvers<Fetched>()
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    this.#retried(place, signal)
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', abort))
    return promise
  }

  async #retried(place: FetchPlace, signal: AbortSignal): Promise<Fetched> {
    const { topic, partition } = place
    const deadline = performance.now() + (this.#limits.retryForMs ?? Number.POSITIVE_INFINITY)
    for (let failures = 0; ; failures += 1) {
      signal.throwIfAborted()
      try {
        if (failures > 0) {
          await this.#cluster.refresh([topic])
        }
        if (failures === 0 && (await this.#otherTopic(place)) !== null) {
          // A broker that has not learned of the present topic yet may have said so.
          await this.#cluster.refresh([topic])
        }
        const otherId = await this.#otherTopic(place)
        if (otherId !== null) {
          return { kind: 'other-topic', topicId: otherId }
        }
        const answer = await this.#ask(await this.#cluster.leaderOf(topic, partition), place, signal)
        return toFetched(answer, place)
      } catch (error) {
        signal.throwIfAborted()
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

  async #ask(leader: Broker, place: FetchPlace, signal: AbortSignal): Promise<Answered> {
    const { topicId, partition, offset, leaderEpoch } = place
    const { maxWaitMs, maxBytes, partitionBytesMax } = this.#limits
    const one = { partition, offset, lastFetchedEpoch: leaderEpoch ?? ANY_EPOCH, maxBytes: partitionBytesMax }
    const topics = [{ id: topicId, partitions: [one] }]
    const body = { maxWaitMs, maxBytes, isolationLevel: READ_COMMITTED, topics }
    const on = `fetch ${topicId} ${partition}` as const
    await leader.connection(on)
    signal.throwIfAborted()
    const end = () => leader.end(on)
    signal.addEventListener('abort', end, { once: true })
    try {
      const answer = await leader.send(FETCH, body, { deadlineMs: maxWaitMs + ANSWER_MAX_MS, on })
      assertNoError(answer.errorCode)
      return onlyPartition(answer.topics)
    } finally {
      signal.removeEventListener('abort', end)
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
      // The retry refreshes the metadata, which shows whether it is another topic.
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
