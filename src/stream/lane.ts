import type { Logger } from '../observability/log.ts'
import { sleep } from '../sleep.ts'
import type { Fetched, FetchedRecords, FetchFrom } from './fetched.ts'
import { GrowingDistance } from './growing-distance.ts'
import { definedStopOf, OpenAgain, type PartitionStart, type PartitionTask } from './partition-task.ts'
import { passesByItself, shortReason } from './short-reason.ts'
import type { LogPlace } from './topic-logs.ts'

/** What a lane needs of its stage, for its own partition only. */
export interface LaneControl {
  /** See GroupConsumer. */
  fetch(from: FetchFrom, signal: AbortSignal): Promise<Fetched>
  /** Resolves at the next successful heartbeat or join that still lists the partition; never if the partition was revoked. */
  confirmed(signal: AbortSignal): Promise<void>
  /** This lane's share of `LaneLimits.readAheadBytesMax` at the current number of lanes. */
  readAheadBytesMax(): number
  /** The process must exit with this reason. */
  fatal(error: Error): void
}

export interface LaneLimits {
  /** Maximum number of records passed to the task at once. */
  readonly chunkRecordsMax: number
  /**
   * Limit for all lanes of the stage together, bytes; each has an equal share. A lane fetches ahead while it processes only if
   * what it processes keeps no more memory alive than its share.
   */
  readonly readAheadBytesMax: number
  /** Pause between two calls of the task's `idle`, ms. */
  readonly idleIntervalMs: number
}

export type LaneState = 'opening' | 'open' | 'doubt' | 'closed'

/** A lane without a backlog begins to process at most every so many processing times: see Lane. */
const PROCESSING_TIMES_PER_FETCH = 2
/** Longest delay of a fetch, ms. */
const DELAY_MAX_MS = 100
/** Pause after an answer other than records if the log turned out to be unchanged: the leader may not know its whole log yet. */
const FETCH_AGAIN_MS = 500

/**
 * One assigned partition: fetches from its own offset, passes the records to the task in chunks, and fetches again.
 *
 * With a backlog, the next fetch runs during processing. Without one, it begins twice the last processing time after the current
 * processing began: a transaction costs the brokers and this process the same whatever its size, so the slower they are, the more
 * records share one. A record that arrives after this delay is returned and processed at once.
 *
 * All this assumes that the log is unchanged. At any sign of a change (an offset out of range, an end below what was read,
 * another topic, another leader) the task must verify the log before the lane continues.
 */
export class Lane {
  readonly partition: number
  readonly #task: PartitionTask
  readonly #control: LaneControl
  readonly #limits: LaneLimits
  readonly #logger: Logger
  /** Aborts the work in progress. */
  readonly #abort = new AbortController()
  /** Ends waiting for records. */
  readonly #stop = new AbortController()
  readonly #stopped = AbortSignal.any([this.#abort.signal, this.#stop.signal])
  readonly #previous: Promise<void> | undefined
  readonly #finished: Promise<void>

  #state: LaneState = 'opening'
  #done = 0n
  #wasOpen = false
  #progress = 0
  /** Whether the log must be verified before the next records are processed. */
  #suspected = false
  #nextIdleAt = 0
  #trouble: string | null = null
  readonly #doubts = new GrowingDistance()

  /** @param previous A former lane of the partition that is still closing. */
  constructor(
    partition: number,
    task: PartitionTask,
    control: LaneControl,
    limits: LaneLimits,
    logger: Logger,
    previous?: Promise<void>,
  ) {
    this.partition = partition
    this.#task = task
    this.#control = control
    this.#limits = limits
    this.#logger = logger
    this.#previous = previous
    this.#finished = this.#run()
  }

  get state(): LaneState {
    return this.#state
  }

  /** Whether the partition was opened here at least once, so that `done` is known. */
  get wasOpen(): boolean {
    return this.#wasOpen
  }

  /** Next offset to process; 0 before the partition was opened. */
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

  /** The log may have been replaced: it is verified after the next fetch, whatever the answer. Synchronous and idempotent. */
  suspect(): void {
    this.#suspected = true
  }

  /**
   * Starts nothing new. Resolves when the current chunk is processed and committed. An open lane has `graceMs` for this
   * before its work is aborted; a lane that is opening or in doubt is aborted at once.
   */
  async drain(graceMs: number): Promise<void> {
    this.#stop.abort()
    const giveUp = setTimeout(() => this.#abort.abort(), this.#state === 'open' ? graceMs : 0)
    await this.#finished
    clearTimeout(giveUp)
  }

  /** The partition was revoked: stops at once. What was fetched is left to the new owner. */
  async close(): Promise<void> {
    this.#state = 'closed'
    this.#abort.abort()
    await this.#finished
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    while (!this.#stopped.aborted) {
      try {
        this.#state = 'opening'
        await this.#previous
        // Revoked again during the wait: opening now would fence the rightful owner.
        signal.throwIfAborted()
        const start = await this.#task.open(signal, () => {
          this.#progress += 1
        })
        if (signal.aborted) {
          break
        }
        this.#done = start.offset
        this.#wasOpen = true
        this.#state = 'open'
        await this.#work(start)
        if (!signal.aborted) {
          await this.#task.drained(signal)
        }
      } catch (error) {
        if (signal.aborted) {
          break
        }
        const stop = definedStopOf(error)
        if (stop !== undefined) {
          this.#control.fatal(stop)
          break
        }
        if (this.#stopped.aborted) {
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

  /** Fetches and processes. Resolves when the lane is to be drained; rejects at the first failure. */
  async #work({ offset, highWatermark: opened, read: committed }: PartitionStart): Promise<void> {
    let expect = offset
    let read = committed
    let highWatermark = opened
    /** The log was verified after the last answer, so another leader epoch in the next one is no new sign of a change. */
    let isVerified = false
    const ended = new AbortController()
    const signal = AbortSignal.any([this.#stopped, ended.signal])
    const fetch = () => this.#control.fetch({ offset: expect, read: isVerified ? null : read }, signal)
    let ahead: Promise<Fetched> | null = null
    let tookMs = 0
    try {
      while (!this.#stopped.aborted) {
        const fetched = await this.#answered(ahead ?? fetch(), this.#done >= highWatermark)
        ahead = null
        if (this.#suspected || !isAsRead(fetched, expect, isVerified ? null : read)) {
          await this.#verify(expect, read)
          isVerified = true
          if (fetched.kind !== 'records') {
            await sleep(FETCH_AGAIN_MS, signal)
          }
          continue
        }
        isVerified = false
        ;({ highWatermark } = fetched)
        if (fetched.next === expect) {
          continue
        }
        expect = fetched.next
        read = fetched.end ?? read
        const startedAt = performance.now()
        if (fetched.pinnedBytes <= this.#control.readAheadBytesMax()) {
          const delayMs = expect < highWatermark ? 0 : Math.min(PROCESSING_TIMES_PER_FETCH * tookMs, DELAY_MAX_MS)
          ahead = delayMs === 0 ? fetch() : sleep(delayMs, signal).then(fetch)
          // A failure is handled when this fetch is awaited; if it never is, it does not matter.
          ahead.catch(() => {})
        }
        await this.#process(fetched)
        tookMs = performance.now() - startedAt
      }
    } catch (error) {
      if (!this.#stopped.aborted || error !== this.#stopped.reason) {
        throw error
      }
    } finally {
      ended.abort()
    }
  }

  /** In chunks of about equal size. Each commits up to the next record; the last one up to the end of what was read. */
  async #process({ records, next }: FetchedRecords): Promise<void> {
    const chunks = Math.max(1, Math.ceil(records.length / this.#limits.chunkRecordsMax))
    const size = Math.ceil(records.length / chunks)
    for (let chunk = 0; chunk < chunks && !this.#stopped.aborted; chunk += 1) {
      const from = chunk * size
      const until = records[from + size]?.offset ?? next
      await this.#task.process(records.slice(from, from + size), until, this.#abort.signal)
      this.#done = until
      this.#allIsWell()
    }
  }

  /** Awaits a fetch. Meanwhile a lane that has caught up calls `idle` at intervals, even if its leader is unavailable. */
  async #answered(fetching: Promise<Fetched>, hasCaughtUp: boolean): Promise<Fetched> {
    // A failure is handled below, unless `idle` fails first.
    fetching.catch(() => {})
    while (hasCaughtUp) {
      if (performance.now() >= this.#nextIdleAt) {
        await this.#task.idle(this.#abort.signal)
        this.#allIsWell()
        this.#nextIdleAt = performance.now() + this.#limits.idleIntervalMs
      }
      const interval = Promise.withResolvers<void>()
      const timer = setTimeout(interval.resolve, Math.max(0, this.#nextIdleAt - performance.now()))
      try {
        const fetched = await Promise.race([fetching, interval.promise])
        if (fetched !== undefined) {
          return fetched
        }
      } finally {
        clearTimeout(timer)
      }
    }
    return fetching
  }

  /** Rejects with DefinedStop or OpenAgain. Retries after any other error, such as an unreachable leader. */
  async #verify(next: bigint, read: LogPlace | null): Promise<void> {
    this.#suspected = false
    for (;;) {
      try {
        await this.#task.verify(next, read)
        return
      } catch (error) {
        if (definedStopOf(error) !== undefined || error instanceof OpenAgain) {
          throw error
        }
        this.#logger.debug(
          { partition: this.partition, err: error },
          'cannot verify that the log is unchanged; retrying',
        )
      }
      await sleep(this.#limits.idleIntervalMs, this.#stopped)
    }
  }

  /**
   * After an error the outcome is unknown, and the partition may have another owner. Reopening at once would fence the
   * rightful owner, so the group must first confirm that the partition is still ours.
   */
  async #doubt(error: Error, signal: AbortSignal): Promise<void> {
    this.#state = 'doubt'
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
}

/** Epochs never decrease along a log, so another epoch means a new leader, or another log. */
function isAsRead(fetched: Fetched, expect: bigint, read: LogPlace | null): fetched is FetchedRecords {
  return (
    fetched.kind === 'records' &&
    fetched.highWatermark >= expect &&
    (read === null || fetched.end === null || fetched.end.leaderEpoch === read.leaderEpoch)
  )
}
