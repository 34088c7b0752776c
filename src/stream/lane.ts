import type { Logger } from '../observability/log.ts'
import type { FetchedBatch } from './group-consumer.ts'
import { GrowingDistance } from './growing-distance.ts'
import { definedStopOf, OpenAgain, type PartitionTask } from './partition-task.ts'
import type { InRecord } from './record.ts'
import { passesByItself, shortReason } from './short-reason.ts'
import type { LogPlace } from './topic-logs.ts'

/** How the lane steers the consumer, for its own partition. */
export interface LaneControl {
  pause(): void
  resume(): void
  seek(offset: bigint): void
  /** Resolves at the next successful heartbeat or join that still lists the partition; never if it is gone. */
  confirmed(signal: AbortSignal): Promise<void>
  /** This lane's share of `LaneLimits.queuedBytesMax`, as many lanes as there are now. */
  queuedBytesMax(): number
  /** The process must end, with this reason. */
  fatal(error: Error): void
}

export interface LaneLimits {
  /** Above this the partition is paused, below half of it resumed. */
  readonly queuedRecordsMax: number
  /**
   * The same in bytes, for all lanes of the stage together: each has an equal share, and may exceed it by the last fetch.
   * What is being processed counts.
   */
  readonly queuedBytesMax: number
  /** Most records that the task gets at once. */
  readonly chunkRecordsMax: number
  /**
   * Shortest time from the begin of one chunk to the next, ms, unless a whole chunk is waiting. A lone record is
   * processed at once; a steady trickle is gathered, because a chunk costs the broker the same whatever it holds.
   */
  readonly chunkIntervalMs: number
  /** Pause between two calls of the task's `idle`, ms. */
  readonly idleIntervalMs: number
}

export type LaneState = 'opening' | 'open' | 'doubt' | 'closed'

interface Queued {
  readonly records: readonly InRecord[]
  /** Offset after the last one of the batch, whether it was visible or not. */
  readonly next: bigint
  readonly bytes: number
}

/** The same gap again and again is not a race but missing data. */
const GAPS_IN_A_ROW_MAX = 20

/**
 * One assigned partition: a bounded queue between the consumer, which must never wait, and the task, which may.
 *
 * Two cursors say where it is. `expect` is the next offset to accept and moves when a batch is queued; `done` is the
 * next offset to process and moves when the task has committed. Everything the consumer brings is judged by `expect`:
 * what is below was seen, what begins above is a gap, and the consumer is sent back.
 *
 * That is right as long as the log is the one that was read before. Whatever speaks against it (another leader's epoch, an
 * end below `expect`, an offset that the log does not have, a join) makes the lane ask the task before anything else is
 * accepted or processed: see `suspect`.
 */
export class Lane {
  readonly partition: number
  readonly #task: PartitionTask
  readonly #control: LaneControl
  readonly #limits: LaneLimits
  readonly #logger: Logger
  readonly #abort = new AbortController()
  readonly #finished: Promise<void>

  #state: LaneState = 'opening'
  #queue: Queued[] = []
  #queuedRecords = 0
  #queuedBytes = 0
  #expect = 0n
  #done = 0n
  #highWatermark = 0n
  #progress = 0
  /** Where the last record that was accepted ended; null if that is not known. */
  #read: LogPlace | null = null
  /** Whether the log may not be the one any more that was read. */
  #suspected = false
  #verifying = false
  /** A later epoch than that of `#read` which the log was verified under; -1 if there is none. */
  #verifiedEpoch = -1
  #gapsInARow = 0
  #paused = true
  #draining = false
  #nextIdleAt = 0
  #nextChunkAt = 0
  #wake: (() => void) | undefined
  #trouble: string | null = null
  readonly #doubts = new GrowingDistance()

  constructor(partition: number, task: PartitionTask, control: LaneControl, limits: LaneLimits, logger: Logger) {
    this.partition = partition
    this.#task = task
    this.#control = control
    this.#limits = limits
    this.#logger = logger
    this.#finished = this.#run()
  }

  get state(): LaneState {
    return this.#state
  }

  /** Next offset to process. */
  get done(): bigint {
    return this.#done
  }

  /** Next offset that is known to be committed. */
  get committed(): bigint {
    return this.#task.committed ?? this.#done
  }

  /**
   * Changes whenever anything was achieved: committed, or restored while it opens. That it opened again is nothing: a task
   * that always fails would open for ever. A server that is away is waited for, and each attempt counts.
   */
  get pulse(): string {
    return `${this.committed} ${this.#progress}`
  }

  /** Why it was last in doubt, in a few words; null once something was processed, or was found to be done, since. */
  get trouble(): string | null {
    return this.#trouble
  }

  get queuedRecords(): number {
    return this.#queuedRecords
  }

  /** Takes a batch, or says that it must come again. Synchronous. */
  offer(batch: FetchedBatch): boolean {
    if (this.#state !== 'open' || this.#draining || this.#suspected || this.#verifying) {
      return false
    }
    if (batch.highWatermark < this.#expect || this.#isOfAnotherLeader(batch.end)) {
      this.suspect(batch.end?.leaderEpoch)
      return false
    }
    this.#highWatermark = batch.highWatermark
    if (batch.fetchedOffset > this.#expect) {
      this.#gap(batch.fetchedOffset)
      return false
    }
    this.#gapsInARow = 0
    const next = batch.lastOffset + 1n
    if (next > this.#expect) {
      this.#enqueue(recordsFrom(batch.records, this.#expect), next, batch.pinnedBytes)
      this.#read = batch.end ?? this.#read
    }
    return true
  }

  /**
   * Something says that the log may have lost records, or be another one: nothing is accepted or processed until the task
   * has looked. Synchronous; called as often as one likes.
   *
   * @param leaderEpoch The epoch that made it so, if it was one.
   */
  suspect(leaderEpoch = -1): void {
    if (this.#state === 'open' && !this.#draining) {
      this.#suspected = true
      this.#verifiedEpoch = leaderEpoch
      this.#setPaused(true)
      this.#wakeUp()
    }
  }

  /** The consumer passed a stretch without visible records; only believed if it begins where we are. Synchronous. */
  skipped(firstOffset: bigint, lastOffset: bigint): void {
    const next = lastOffset + 1n
    const accepts = this.#state === 'open' && !this.#suspected && !this.#verifying
    if (accepts && firstOffset <= this.#expect && next > this.#expect) {
      this.#enqueue([], next, 0)
    }
  }

  /**
   * The group has rejoined and the partition is still ours. kafkajs now fetches from the last committed offset it
   * remembers, and keeps a pause: both are set again.
   */
  reassigned(): void {
    if (this.#state !== 'open') {
      // A consumer that kafkajs started anew has forgotten the pause, and would fetch what is refused.
      this.#control.pause()
      return
    }
    // Where it reads on is set once the log was looked at: kafkajs also joins because the topic was deleted, or a leader lost.
    this.suspect()
  }

  /**
   * Starts nothing new and resolves when what was running is finished and committed. What only waits (for Redis, for
   * the group) has begun nothing and is given up, at once or after `graceMs`.
   */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true
    this.#wakeUp()
    const giveUp = setTimeout(() => this.#abort.abort(), this.#state === 'open' ? graceMs : 0)
    await this.#finished
    clearTimeout(giveUp)
  }

  /** The partition is gone: stops at once, whatever is queued is somebody else's now. */
  async close(): Promise<void> {
    this.#state = 'closed'
    this.#abort.abort()
    this.#clearQueue()
    this.#wakeUp()
    // A pause survives reassignment in kafkajs: without this a returning partition would stay silent.
    this.#control.resume()
    await this.#finished
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    while (!this.#isClosed() && !this.#draining) {
      try {
        await this.#open(signal)
        await this.#processUntilStopped(signal)
        if (this.#state === 'open') {
          await this.#task.drained(signal)
        }
      } catch (error) {
        if (this.#isClosed() || signal.aborted) {
          break
        }
        const stop = definedStopOf(error)
        if (stop !== undefined) {
          this.#control.fatal(stop)
          break
        }
        if (this.#draining) {
          // Nothing opens again, so there is nothing to ask the group for.
          break
        }
        await this.#doubt(error as Error, signal)
      }
    }
    await this.#task.close().catch((error: Error) => {
      this.#logger.debug({ partition: this.partition, err: error }, 'closing the partition task failed')
    })
    this.#state = 'closed'
  }

  async #open(signal: AbortSignal): Promise<void> {
    this.#state = 'opening'
    this.#setPaused(true)
    this.#clearQueue()
    const start = await this.#task.open(signal, () => {
      this.#progress += 1
    })
    if (this.#isClosed()) {
      return
    }
    this.#expect = start.offset
    this.#done = start.offset
    this.#highWatermark = start.highWatermark
    this.#read = start.read
    this.#suspected = false
    this.#gapsInARow = 0
    this.#state = 'open'
    this.#control.seek(start.offset)
    this.#setPaused(false)
  }

  async #processUntilStopped(signal: AbortSignal): Promise<void> {
    while (this.#state === 'open' && !this.#draining) {
      if (this.#suspected) {
        await this.#verify()
        continue
      }
      const early = this.#nextChunkAt - performance.now()
      if (early > 0 && this.#queue.length > 0 && this.#queuedRecords < this.#limits.chunkRecordsMax) {
        await this.#somethingToDo(early)
        continue
      }
      const chunk = this.#takeChunk()
      if (chunk !== undefined) {
        this.#nextChunkAt = performance.now() + this.#limits.chunkIntervalMs
        await this.#task.process(chunk.records, chunk.next, signal)
        this.#done = chunk.next
        this.#allIsWell()
        this.#queuedBytes -= chunk.bytes
        this.#resumeIfThereIsRoom()
      } else if (this.#gapsInARow > GAPS_IN_A_ROW_MAX) {
        throw new Error(`the consumer skips offset ${this.#expect} again and again`)
      } else if (this.#done >= this.#highWatermark && performance.now() >= this.#nextIdleAt) {
        await this.#task.idle(signal)
        this.#allIsWell()
        this.#nextIdleAt = performance.now() + this.#limits.idleIntervalMs
      } else {
        await this.#somethingToDo(this.#limits.idleIntervalMs)
      }
    }
  }

  /** Rejects with DefinedStop or OpenAgain. While the leader does not answer there is nothing to do but to ask again. */
  async #verify(): Promise<void> {
    this.#suspected = false
    this.#verifying = true
    try {
      await this.#task.verify(this.#expect, this.#read)
    } catch (error) {
      if (definedStopOf(error) !== undefined || error instanceof OpenAgain) {
        throw error
      }
      this.#logger.debug(
        { partition: this.partition, err: error },
        'cannot tell whether the log is the same: asks again',
      )
      await this.#somethingToDo(this.#limits.idleIntervalMs)
      this.suspect(this.#verifiedEpoch)
      return
    } finally {
      this.#verifying = false
    }
    // Meanwhile it may have become suspect again.
    if (this.#state === 'open' && !this.#suspected) {
      this.#control.seek(this.#expect)
      this.#setPaused(this.#isFull())
    }
  }

  /** Epochs only rise along a log; one that is not that of the last record was not there before, or is another log's. */
  #isOfAnotherLeader(end: LogPlace | null): boolean {
    return (
      end !== null &&
      this.#read !== null &&
      end.leaderEpoch !== this.#read.leaderEpoch &&
      end.leaderEpoch !== this.#verifiedEpoch
    )
  }

  /**
   * An error leaves the outcome unknown, and the partition may belong to somebody else. Opening again at once would
   * fence the rightful owner, so the group has to confirm first.
   */
  async #doubt(error: Error, signal: AbortSignal): Promise<void> {
    this.#state = 'doubt'
    this.#setPaused(true)
    this.#clearQueue()
    this.#tellDoubt(error)
    await this.#task.close().catch(() => {})
    await this.#control.confirmed(signal).catch(() => {})
  }

  #tellDoubt(error: Error): void {
    const text = 'lane in doubt: waits for the group, then opens again'
    if (error instanceof OpenAgain) {
      this.#logger.debug({ partition: this.partition, err: error }, text)
      return
    }
    if (passesByItself(error)) {
      this.#progress += 1
    }
    this.#trouble = shortReason(error)
    const times = this.#doubts.met(this.#trouble, performance.now())
    const level = times === null ? 'debug' : 'warn'
    this.#logger[level]({ partition: this.partition, err: error, times }, text)
  }

  #allIsWell(): void {
    if (this.#trouble !== null) {
      this.#trouble = null
      this.#doubts.over()
    }
  }

  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  #gap(fetchedOffset: bigint): void {
    this.#gapsInARow += 1
    this.#logger.debug({ partition: this.partition, fetchedOffset, expect: this.#expect }, 'gap: seeks back')
    this.#control.seek(this.#expect)
    this.#wakeUp()
  }

  #enqueue(records: readonly InRecord[], next: bigint, bytes: number): void {
    this.#expect = next
    this.#queue.push({ records, next, bytes })
    this.#queuedRecords += records.length
    this.#queuedBytes += bytes
    if (this.#isFull()) {
      this.#setPaused(true)
    }
    this.#wakeUp()
  }

  #isFull(): boolean {
    return this.#queuedRecords > this.#limits.queuedRecordsMax || this.#queuedBytes > this.#control.queuedBytesMax()
  }

  /**
   * Whole batches up to the chunk's size; a batch that is larger is cut. `bytes` is what is free once it is processed: the
   * memory of a batch is, when its last record is.
   */
  #takeChunk(): { records: readonly InRecord[]; next: bigint; bytes: number } | undefined {
    const first = this.#queue.shift()
    if (first === undefined) {
      return undefined
    }
    const max = this.#limits.chunkRecordsMax
    let records = first.records
    let next = first.next
    let bytes = first.bytes
    if (records.length > max) {
      const rest = records.slice(max)
      records = records.slice(0, max)
      next = (rest[0] as InRecord).offset
      this.#queue.unshift({ records: rest, next: first.next, bytes: first.bytes })
      bytes = 0
    } else {
      for (let more = this.#queue[0]; more !== undefined; more = this.#queue[0]) {
        if (records.length + more.records.length > max) {
          break
        }
        records = records.concat(more.records)
        next = more.next
        this.#queue.shift()
        bytes += more.bytes
      }
    }
    this.#queuedRecords -= records.length
    this.#resumeIfThereIsRoom()
    return { records, next, bytes }
  }

  #resumeIfThereIsRoom(): void {
    if (
      this.#paused &&
      this.#state === 'open' &&
      !this.#draining &&
      !this.#suspected &&
      !this.#verifying &&
      this.#queuedRecords < this.#limits.queuedRecordsMax / 2 &&
      this.#queuedBytes < this.#control.queuedBytesMax() / 2
    ) {
      this.#setPaused(false)
    }
  }

  /** Resolves when there may be work, at the latest after `waitMs`. */
  async #somethingToDo(waitMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, waitMs)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.#wake = undefined
  }

  #wakeUp(): void {
    this.#wake?.()
  }

  #setPaused(paused: boolean): void {
    this.#paused = paused
    if (paused) {
      this.#control.pause()
    } else {
      this.#control.resume()
    }
  }

  #clearQueue(): void {
    this.#queue = []
    this.#queuedRecords = 0
    this.#queuedBytes = 0
  }
}

/** The records at or after an offset; the array itself if that is all of them. */
function recordsFrom(records: readonly InRecord[], offset: bigint): readonly InRecord[] {
  const first = records[0]
  return first === undefined || first.offset >= offset ? records : records.filter((record) => record.offset >= offset)
}
