import type { Logger } from '../observability/log.ts'
import type { GroupConsumer } from './group-consumer.ts'
import { GrowingDistance } from './growing-distance.ts'
import { Lane, type LaneControl, type LaneLimits } from './lane.ts'
import type { PartitionTask } from './partition-task.ts'
import { shortReason } from './short-reason.ts'

export interface StageRunnerOptions {
  readonly consumer: GroupConsumer
  readonly createTask: (partition: number) => PartitionTask
  readonly limits: LaneLimits
  readonly logger: Logger
  /** The stage cannot continue; the process must exit non-zero with this reason. Called at most once. */
  readonly onFatal: (error: Error) => void
}

/** How long a stopping lane may wait for Redis or the broker to finish the work in progress. */
const DRAIN_GRACE_MS = 5_000
const NOT_JOINED = 'has not joined the group yet'

/**
 * Runs a stage on its assigned partitions: one lane per partition, opened and closed as the group rebalances.
 */
export class StageRunner {
  readonly #options: StageRunnerOptions
  readonly #lanes = new Map<number, Lane>()
  /** Lanes that are still closing after their partition was revoked: a partition that returns waits for its old lane. */
  readonly #closing = new Map<number, Promise<void>>()
  readonly #confirmations = new Map<number, Set<() => void>>()
  readonly #rejections = new GrowingDistance()
  #notJoined: string | null = NOT_JOINED
  #stopping = false
  #failed = false

  constructor(options: StageRunnerOptions) {
    this.#options = options
  }

  /** The lanes of the partitions currently assigned to us. */
  get lanes(): readonly Lane[] {
    return [...this.#lanes.values()]
  }

  /** Why the group has not made an assignment yet, in a few words; null once it has, even an empty one. */
  get notJoined(): string | null {
    return this.#notJoined
  }

  async start(): Promise<void> {
    await this.#options.consumer.start({
      onAssigned: (partitions) => this.#onAssigned(partitions),
      onHeartbeat: () => this.#confirm(),
      onRejected: (error) => this.#rejected(error),
      onCrashed: (error) => this.#fatal(error),
    })
  }

  /** Finishes and commits the work in progress, leaves the group and closes. Queued records are left to the next owner. */
  async stop(): Promise<void> {
    this.#stopping = true
    await Promise.all(this.lanes.map((lane) => lane.drain(DRAIN_GRACE_MS)))
    await this.#options.consumer.stop()
    await Promise.all(this.lanes.map((lane) => lane.close()))
    await Promise.all(this.#closing.values())
    this.#lanes.clear()
  }

  #onAssigned(partitions: readonly number[]): void {
    this.#notJoined = null
    if (this.#stopping || this.#failed) {
      return
    }
    const ours = new Set(partitions)
    for (const [partition, lane] of this.#lanes) {
      if (!ours.has(partition)) {
        this.#lanes.delete(partition)
        const closed = lane.close().finally(() => {
          if (this.#closing.get(partition) === closed) {
            this.#closing.delete(partition)
          }
        })
        this.#closing.set(partition, closed)
      }
    }
    for (const partition of partitions) {
      if (!this.#lanes.has(partition)) {
        this.#lanes.set(partition, this.#openLane(partition))
      }
    }
    this.#options.logger.debug({ partitions }, 'assigned')
    this.#confirm()
  }

  #rejected(error: unknown): void {
    const reason = shortReason(error)
    this.#notJoined &&= `${NOT_JOINED}: ${reason}`
    const times = this.#rejections.met(reason, performance.now())
    if (times !== null) {
      this.#options.logger.warn({ err: error, times }, 'the group does not admit this process; trying again')
    }
  }

  #openLane(partition: number): Lane {
    const { consumer, createTask, limits, logger } = this.#options
    const control: LaneControl = {
      fetch: (from, signal) => consumer.fetch(partition, from, signal),
      confirmed: (signal) => this.#confirmed(partition, signal),
      readAheadBytesMax: () => limits.readAheadBytesMax / Math.max(1, this.#lanes.size),
      fatal: (error) => this.#fatal(error),
    }
    return new Lane(partition, createTask(partition), control, limits, logger, this.#closing.get(partition))
  }

  #confirm(): void {
    for (const [partition, waiting] of this.#confirmations) {
      if (this.#lanes.has(partition)) {
        this.#confirmations.delete(partition)
        for (const resolve of waiting) {
          resolve()
        }
      }
    }
  }

  #confirmed(partition: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting = this.#confirmations.get(partition) ?? new Set()
      const confirm = () => {
        signal.removeEventListener('abort', abandon)
        resolve()
      }
      const abandon = () => {
        waiting.delete(confirm)
        reject(signal.reason as Error)
      }
      this.#confirmations.set(partition, waiting.add(confirm))
      if (signal.aborted) {
        abandon()
      } else {
        signal.addEventListener('abort', abandon, { once: true })
      }
    })
  }

  #fatal(error: Error): void {
    if (!this.#failed) {
      this.#failed = true
      this.#options.onFatal(error)
    }
  }
}
