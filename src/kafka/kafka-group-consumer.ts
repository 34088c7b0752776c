import type { Batch, Consumer, Kafka, KafkaMessage } from 'kafkajs'
import { sleep } from '../sleep.ts'
import type { FetchedBatch, GroupConsumer, GroupConsumerEvents } from '../stream/group-consumer.ts'
import { DefinedStop } from '../stream/partition-task.ts'
import { refusalOf, stopIfUnreadable } from './errors.ts'
import { stopIfShared, type TopicsOfGroup, topicsOfGroup } from './group-topics.ts'
import { OffsetOutOfRangeError } from './kafkajs-offsets.ts'
import { leaderEpochOf, toInRecord } from './partition-reader.ts'
import { within } from './within.ts'

export interface KafkaGroupConsumerOptions {
  readonly group: string
  readonly topic: string
  readonly sessionTimeoutMs: number
  /** Asks the brokers if not given. */
  readonly topicsOfGroup?: TopicsOfGroup
}

/** Longer than kafkajs tries (kafkajs-coordinator.ts): what is given up does not happen later. */
const COMMIT_MAX_MS = 15_000
const START_AGAIN_AFTER_MS = 500
/** The coordinator looks for dead members now and then. */
const SESSION_MARGIN_MS = 3_000
const LOOK_AGAIN_AFTER_MS = 300
/** A partition in doubt waits for the next one, and so does a member that has to learn of a rebalance. */
const HEARTBEAT_EVERY_MS = 300

/** The consumer was not running, so that the offset was not sent. */
class CommitNotSentError extends Error {
  readonly code = 'COMMIT_NOT_SENT'
  readonly retriable = true

  constructor(topic: string, partition: number) {
    super(`the offset of ${topic}[${partition}] was not committed: the consumer is not running`)
    this.name = 'CommitNotSentError'
  }
}

/** GroupConsumer over kafkajs's consumer. */
export class KafkaGroupConsumer implements GroupConsumer {
  readonly #consumer: Consumer
  readonly #group: string
  readonly #topic: string
  readonly #sessionTimeoutMs: number
  readonly #topicsOfGroup: TopicsOfGroup
  /** What the coordinator has just taken, by partition. */
  readonly #committed = new Map<number, string>()
  #stopped = false

  constructor(kafka: Kafka, options: KafkaGroupConsumerOptions) {
    this.#group = options.group
    this.#topic = options.topic
    this.#sessionTimeoutMs = options.sessionTimeoutMs
    this.#topicsOfGroup = options.topicsOfGroup ?? topicsOfGroup(kafka)
    this.#consumer = kafka.consumer({
      groupId: options.group,
      sessionTimeout: options.sessionTimeoutMs,
      heartbeatInterval: Math.min(HEARTBEAT_EVERY_MS, Math.floor(options.sessionTimeoutMs / 5)),
      rebalanceTimeout: Math.max(10_000, options.sessionTimeoutMs),
      // A trickle is gathered for a moment: a fetch costs both sides the same whatever it brings.
      minBytes: 16 * 1024,
      maxWaitTimeInMs: 20,
      // Bounds what one record can keep in memory, too.
      maxBytesPerPartition: 1 << 20,
      maxBytes: 4 << 20,
      readUncommitted: false,
      // Gives up after some seconds and starts itself anew, which mends what only a new start mends: a restart in vain is
      // one more join.
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 20 },
    })
  }

  async start(events: GroupConsumerEvents): Promise<void> {
    const consumer = this.#consumer
    consumer.on('consumer.group_join', ({ payload }) => {
      events.onAssigned(payload.memberAssignment[this.#topic] ?? [])
      // Who joined at the same moment as we did was not there before.
      this.#topicsOfGroup(this.#group)
        .then((topics) => stopIfShared(this.#group, this.#topic, topics))
        .catch((error: unknown) => {
          if (error instanceof DefinedStop) {
            events.onCrashed(error)
          }
        })
    })
    consumer.on('consumer.commit_offsets', ({ payload }) => {
      for (const { partition, offset } of payload.topics.flatMap(({ partitions }) => partitions)) {
        // Not the text that its types promise: the event carries the Long that kafkajs made of it.
        this.#committed.set(partition, String(offset))
      }
    })
    consumer.on('consumer.heartbeat', () => events.onHeartbeat())
    consumer.on('consumer.crash', ({ payload }) => {
      const outOfRange = outOfRangeIn(payload.error)
      if (outOfRange?.topic === this.#topic) {
        events.onOutOfRange(outOfRange.partition)
      }
      if (!payload.restart) {
        void this.#startAgain(events, payload.error)
      }
    })
    consumer.on('consumer.start_batch_process', ({ payload }) => {
      // kafkajs resolves a batch without visible records itself and never shows it to eachBatch.
      if (payload.batchSize === 0 && payload.firstOffset !== null) {
        events.onSkipped(payload.partition, BigInt(payload.firstOffset), BigInt(payload.lastOffset))
      }
    })
    await this.#run(events)
  }

  async #run(events: GroupConsumerEvents): Promise<void> {
    const consumer = this.#consumer
    try {
      await this.#refuseSharedGroup()
      if (this.#stopped) {
        return
      }
      await consumer.connect()
      // From the beginning: with anything else an offset out of range becomes a silent jump to the end.
      await consumer.subscribe({ topic: this.#topic, fromBeginning: true })
    } catch (error) {
      throw this.#stopIfRefused(error)
    }
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 8,
      // Hands over and returns, so that heartbeats and fetching never wait for processing.
      eachBatch: async ({ batch, resolveOffset }) => {
        if (events.onBatch(toFetchedBatch(batch))) {
          resolveOffset(batch.lastOffset())
        }
      },
    })
  }

  /**
   * Before joining, because joining alone takes partitions from those who are there. Dead members stay for as long as their
   * session. A group that is just being put together is not waited for: every join is looked at, too.
   */
  async #refuseSharedGroup(): Promise<void> {
    for (const since = performance.now(); !this.#stopped; ) {
      try {
        stopIfShared(this.#group, this.#topic, await this.#topicsOfGroup(this.#group))
        return
      } catch (error) {
        if (!(error instanceof DefinedStop)) {
          if (refusalOf(error) !== null) {
            throw error
          }
          // Whatever it is, joining meets it too, and is tried again for longer.
          return
        }
        if (performance.now() - since > this.#sessionTimeoutMs + SESSION_MARGIN_MS) {
          throw error
        }
      }
      await sleep(LOOK_AGAIN_AFTER_MS)
    }
  }

  pause(partition: number): void {
    this.#quietly(() => this.#consumer.pause([{ topic: this.#topic, partitions: [partition] }]))
  }

  resume(partition: number): void {
    this.#quietly(() => this.#consumer.resume([{ topic: this.#topic, partitions: [partition] }]))
  }

  seek(partition: number, offset: bigint): void {
    this.#quietly(() => this.#consumer.seek({ topic: this.#topic, partition, offset: String(offset) }))
  }

  async commit(partition: number, next: bigint, metadata: string): Promise<void> {
    const offset = String(next)
    this.#committed.delete(partition)
    await within(COMMIT_MAX_MS, this.#consumer.commitOffsets([{ topic: this.#topic, partition, offset, metadata }]))
    // A consumer that is just starting anew says nothing, does nothing, and resolves.
    if (this.#committed.get(partition) !== offset) {
      throw new CommitNotSentError(this.#topic, partition)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#consumer.disconnect()
  }

  /**
   * kafkajs starts itself anew only after errors that it calls retriable. A defect of its own that the death of a broker brings
   * out is none, and would end a process that only has to wait. What does not go on in spite of this is the watchdog's.
   */
  async #startAgain(events: GroupConsumerEvents, crash: unknown): Promise<void> {
    for (let error = this.#stopIfRefused(crash); !this.#stopped; ) {
      if (error instanceof DefinedStop) {
        events.onCrashed(error)
        return
      }
      await sleep(START_AGAIN_AFTER_MS)
      try {
        await this.#run(events)
        return
      } catch (failure) {
        error = this.#stopIfRefused(failure)
      }
    }
  }

  #stopIfRefused(error: unknown): Error {
    return stopIfUnreadable(error, `reading ${this.#topic} in group ${this.#group}`) as Error
  }

  /** kafkajs throws from these once the consumer stopped; then there is nothing left to steer. */
  #quietly(action: () => void): void {
    try {
      action()
    } catch {
      // Stopped or not yet running: the next join sets everything again.
    }
  }
}

/** kafkajs wraps what ends a consumer. */
function outOfRangeIn(error: unknown): OffsetOutOfRangeError | undefined {
  for (let current = error; current instanceof Error; current = current.cause) {
    if (current instanceof OffsetOutOfRangeError) {
      return current
    }
  }
  return undefined
}

function toFetchedBatch(batch: Batch): FetchedBatch {
  const { fetchedOffset, messagesWithinOffset } = batch as Batch & {
    fetchedOffset: string
    messagesWithinOffset: readonly KafkaMessage[]
  }
  const last = messagesWithinOffset.at(-1)
  const leaderEpoch = last === undefined ? undefined : leaderEpochOf(last)
  return {
    partition: batch.partition,
    fetchedOffset: BigInt(fetchedOffset),
    lastOffset: BigInt(batch.lastOffset()),
    highWatermark: BigInt(batch.highWatermark),
    end: last === undefined || leaderEpoch === undefined ? null : { offset: BigInt(last.offset) + 1n, leaderEpoch },
    records: batch.messages.map(toInRecord),
    pinnedBytes: batch.messages[0]?.value?.buffer.byteLength ?? 0,
  }
}
