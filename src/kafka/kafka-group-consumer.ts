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
  /** Defaults to asking the brokers. */
  readonly topicsOfGroup?: TopicsOfGroup
}

/** Longer than kafkajs keeps trying (kafkajs-coordinator.ts), so that a commit given up here does not succeed later. */
const COMMIT_MAX_MS = 15_000
const START_AGAIN_AFTER_MS = 500
/** The coordinator checks for dead members only periodically. */
const SESSION_MARGIN_MS = 3_000
const LOOK_AGAIN_AFTER_MS = 300
/** A partition in doubt waits for the next heartbeat, and so does a member that must learn of a rebalance. */
const HEARTBEAT_EVERY_MS = 300

/** The consumer was not running, so the offset was not sent. */
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
  /** Offsets that the coordinator has just accepted, by partition. */
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
      // Lets single records accumulate briefly: a fetch costs both sides the same however little it returns.
      minBytes: 16 * 1024,
      maxWaitTimeInMs: 20,
      // Also bounds how much memory one record can pin.
      maxBytesPerPartition: 1 << 20,
      maxBytes: 4 << 20,
      readUncommitted: false,
      // After some seconds kafkajs gives up and restarts the consumer, which clears faults that nothing else clears. A
      // needless restart costs one more join.
      retry: { initialRetryTime: 50, maxRetryTime: 500, retries: 20 },
    })
  }

  async start(events: GroupConsumerEvents): Promise<void> {
    const consumer = this.#consumer
    consumer.on('consumer.group_join', ({ payload }) => {
      events.onAssigned(payload.memberAssignment[this.#topic] ?? [])
      // A member that joined at the same moment was not visible to the check before the join.
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
        // At run time not the string that its type declares, but the Long that kafkajs made of it.
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
      // kafkajs resolves a batch without visible records itself and never passes it to eachBatch.
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
      // From the beginning: with any other setting, an out-of-range offset becomes a silent jump to the end.
      await consumer.subscribe({ topic: this.#topic, fromBeginning: true })
    } catch (error) {
      throw this.#stopIfRefused(error)
    }
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 8,
      // Hands the batch over and returns, so that heartbeats and fetching never wait for processing.
      eachBatch: async ({ batch, resolveOffset }) => {
        if (events.onBatch(toFetchedBatch(batch))) {
          resolveOffset(batch.lastOffset())
        }
      },
    })
  }

  /**
   * Runs before the join, because joining alone takes partitions away from the existing members. Dead members remain
   * listed until their session expires, so the check is repeated for that long. A group that is still forming is not
   * waited for: every join is checked, too.
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
          // The join will meet the same error, and is retried for longer.
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
    // A consumer that is restarting resolves without sending anything.
    if (this.#committed.get(partition) !== offset) {
      throw new CommitNotSentError(this.#topic, partition)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#consumer.disconnect()
  }

  /**
   * kafkajs restarts itself only after errors that it calls retriable. One of its own defects, which the death of a
   * broker triggers, is not among them and would end a process that only needs to wait. If the restarted consumer makes
   * no progress, the watchdog handles it.
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

  /** kafkajs throws from these calls once the consumer has stopped; then there is nothing left to control. */
  #quietly(action: () => void): void {
    try {
      action()
    } catch {
      // Stopped or not yet running: the next join sets all of this again.
    }
  }
}

/** Looks through causes, because kafkajs wraps the error that ends a consumer. */
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
