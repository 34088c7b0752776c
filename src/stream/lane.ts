import type { Logger } from '../observability/log.ts'
import type { FetchedBatch } from './group-consumer.ts'
import { GrowingDistance } from './growing-distance.ts'
import { definedStopOf, OpenAgain, type PartitionTask } from './partition-task.ts'
import type { InRecord } from './record.ts'
import { passesByItself, shortReason } from './short-reason.ts'
import type { LogPlace } from './topic-logs.ts'

/** How a lane controls the consumer, for its own partition only. */
export interface LaneControl {
  pause(): void
  resume(): void
  seek(offset: bigint): void
  /** Resolves at the next successful heartbeat or join that still lists the partition; never if the partition was revoked. */
  confirmed(signal: AbortSignal): Promise<void>
  /** This lane's share of `LaneLimits.queuedBytesMax` at the current number of lanes. */
  queuedBytesMax(): number
  /** The process must exit with this reason. */
  fatal(error: Error): void
}

export interface LaneLimits {
  /** The partition is paused above this and resumed below half of it. */
  readonly queuedRecordsMax: number
  /**
   * The same in bytes, for all lanes of the stage together: each has an equal share and may exceed it by its last fetch.
   * Includes the records being processed.
   */
  readonly queuedBytesMax: number
  /** Maximum number of records passed to the task at once. */
  readonly chunkRecordsMax: number
  /**
   * Minimum time between the starts of two chunks, ms, unless a full chunk is waiting. A lone record is processed at
   * once; a steady trickle is batched, because a chunk costs the broker the same whatever its size.
   */
  readonly chunkIntervalMs: number
  /** Pause between two calls of the task's `idle`, ms. */
  readonly idleIntervalMs: number
}

export type LaneState = 'opening' | 'open' | 'doubt' | 'closed'

interface Queued {
  readonly records: readonly InRecord[]
  /** Offset after the last record of the batch, visible or not. */
  readonly next: bigint
  readonly bytes: number
}

/** A gap that persists is missing data, not a race. */
const GAPS_IN_A_ROW_MAX = 20

/**
 * One assigned partition: a bounded queue between the consumer, which must never wait, and the task, which may.
 *
 * Two cursors track its position. `expect` is the next offset to accept and moves when a batch is queued; `done` is the next
 * offset to process and moves when the task has processed a chunk. Every batch is checked against `expect`: records below it
 * were already accepted; a fetch that starts above it leaves a gap, and the consumer is made to seek back.
 *
 * This holds only while the log is the one read so far. Any sign that it is not (another leader epoch, an end below `expect`,
 * an offset out of range, a rejoin) makes the lane ask the task to verify the log before anything else is accepted or
 * processed: see `suspect`.
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
  /** Where the last accepted record ended; null if unknown. */
  #read: LogPlace | null = null
  /** Whether the log may no longer be the one that was read. */
  #suspected = false
  #verifying = false
  /** A leader epoch other than that of `#read` that led to a verification of the log; -1 if none. */
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

  /** Committed next offset, as far as known. */
  get committed(): bigint {
    return this.#task.committed ?? this.#done
  }

  /**
   * Changes with every progress: a commit, or a step of the restore during `open`. Reopening alone is not progress, or a task
   * that always fails would reopen forever unnoticed. An attempt that failed because a server is unavailable does count.
   */
  get pulse(): string {
    return `${this.committed} ${this.#progress}`
  }

  /** A short reason for the last doubt; null once a chunk or an idle call has succeeded since. */
  get trouble(): string | null {
    return this.#trouble
  }

  get queuedRecords(): number {
    return this.#queuedRecords
  }

  /** Accepts a batch, or returns false if it must be delivered again. Synchronous. */
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
   * The log may have lost records or been replaced: nothing is accepted or processed until the task has verified it.
   * Synchronous and idempotent.
   *
   * @param leaderEpoch The leader epoch that raised the suspicion, if any.
   */
  suspect(leaderEpoch = -1): void {
    if (this.#state === 'open' && !this.#draining) {
      this.#suspected = true
      this.#verifiedEpoch = leaderEpoch
      this.#setPaused(true)
      this.#wakeUp()
    }
  }

  /** The consumer skipped a range without visible records. Ignored if the range starts above `expect`. Synchronous. */
  skipped(firstOffset: bigint, lastOffset: bigint): void {
    const next = lastOffset + 1n
    const accepts = this.#state === 'open' && !this.#suspected && !this.#verifying
    if (accepts && firstOffset <= this.#expect && next > this.#expect) {
      this.#enqueue([], next, 0)
    }
  }

  /**
   * The group has rejoined and the partition is still ours. A group also rejoins because a topic was deleted or a leader was
   * lost, so the lane verifies its log and then sets where to fetch again.
   */
  reassigned(): void {
    if (this.#state !== 'open') {
      // It may also have lost the pause.
      this.#control.pause()
      return
    }
    this.suspect()
  }

  /**
   * Starts nothing new and resolves when the current chunk is processed and committed. An open lane has `graceMs` for this
   * before its work is aborted; a lane that is opening or in doubt is aborted at once.
   */
  async drain(graceMs: number): Promise<void> {
    this.#draining = true
    this.#wakeUp()
    const giveUp = setTimeout(() => this.#abort.abort(), this.#state === 'open' ? graceMs : 0)
    await this.#finished
    clearTimeout(giveUp)
  }

  /** The partition was revoked: stops at once. Queued records are left to the new owner. */
  async close(): Promise<void> {
    this.#state = 'closed'
    this.#abort.abort()
    this.#clearQueue()
    this.#wakeUp()
    // A consumer may keep a pause for the time when the partition returns.
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
          // The lane will not reopen, so it needs no confirmation from the group.
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
        throw new Error(`the consumer repeatedly skips offset ${this.#expect}`)
      } else if (this.#done >= this.#highWatermark && performance.now() >= this.#nextIdleAt) {
        await this.#task.idle(signal)
        this.#allIsWell()
        this.#nextIdleAt = performance.now() + this.#limits.idleIntervalMs
      } else {
        await this.#somethingToDo(this.#limits.idleIntervalMs)
      }
    }
  }

  /** Rejects with DefinedStop or OpenAgain. After any other error, such as an unreachable leader, it will be tried again. */
  async #verify(): Promise<void> {
    this.#suspected = false
    this.#verifying = true
    try {
      await this.#task.verify(this.#expect, this.#read)
    } catch (error) {
      if (definedStopOf(error) !== undefined || error instanceof OpenAgain) {
        throw error
      }
      this.#logger.debug({ partition: this.partition, err: error }, 'cannot verify that the log is unchanged; retrying')
      await this.#somethingToDo(this.#limits.idleIntervalMs)
      this.suspect(this.#verifiedEpoch)
      return
    } finally {
      this.#verifying = false
    }
    // It may have become suspect again during the verification.
    if (this.#state === 'open' && !this.#suspected) {
      this.#control.seek(this.#expect)
      this.#setPaused(this.#isFull())
    }
  }

  /** Epochs never decrease along a log, so another epoch means a new leader, or another log. */
  #isOfAnotherLeader(end: LogPlace | null): boolean {
    return (
      end !== null &&
      this.#read !== null &&
      end.leaderEpoch !== this.#read.leaderEpoch &&
      end.leaderEpoch !== this.#verifiedEpoch
    )
  }

  /**
   * After an error the outcome is unknown, and the partition may have another owner. Reopening at once would fence the
   * rightful owner, so the group must first confirm that the partition is still ours.
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
    const text = 'lane in doubt: will reopen once the group confirms the partition'
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
    this.#logger.debug(
      { partition: this.partition, fetchedOffset, expect: this.#expect },
      'gap in the fetched records: seeking back',
    )
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
   * Takes whole batches up to `chunkRecordsMax`; a larger batch is split. `bytes` is the memory released once the chunk is
   * processed: a split batch releases its memory with its last part.
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

  /** Resolves when there may be work, after `waitMs` at the latest. */
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

/** The records at or after an offset; the same array if that is all of them. */
function recordsFrom(records: readonly InRecord[], offset: bigint): readonly InRecord[] {
  const first = records[0]
  return first === undefined || first.offset >= offset ? records : records.filter((record) => record.offset >= offset)
}
