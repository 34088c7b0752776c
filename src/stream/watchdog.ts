import type { Logger } from '../observability/log.ts'
import type { GroupOffsets } from './group-offsets.ts'
import type { Lane } from './lane.ts'
import type { TopicFacts, TopicLogs } from './topic-logs.ts'

export interface WatchdogOptions {
  readonly topic: string
  readonly offsets: GroupOffsets
  readonly logs: Pick<TopicLogs, 'facts'>
  readonly lanes: () => readonly Lane[]
  /** Whether a partition is known to wait for something external, such as Redis. */
  readonly waiting: (partition: number) => boolean
  readonly intervalMs: number
  /** Time without progress, although there is work, after which the process counts as stuck, ms. */
  readonly stallMs: number
  /** A clock that is never set, ms. */
  readonly now: () => number
  readonly logger: Logger
  /** Null while it is unknown, because the partition is being opened for the first time. */
  readonly onLag: (partition: number, lag: bigint | null) => void
  readonly onBroker: (reachable: boolean, reason: string) => void
  readonly onStalled: (error: Error) => void
}

interface Progress {
  pulse: string
  /** Time of the last progress, or when there was last nothing to do, ms. */
  movedAt: number
}

/** An assigned partition makes no progress. The process exits so that another one takes over the partition. */
class StalledError extends Error {
  readonly code = 'STALLED'

  constructor(topic: string, { partition, state, done, trouble }: Lane, lag: bigint | null, forMs: number) {
    const left = lag === null ? '' : `its next offset is ${done}, ${lag} records are left, and `
    const why = trouble === null ? '' : `; the last error: ${trouble}${hintFor(trouble)}`
    super(
      `${topic}[${partition}] has made no progress for ${Math.round(forMs)} ms: ${left}its lane is in state ${state}${why}. Nothing was skipped. This process exits so that another one takes over the partition`,
    )
    this.name = 'StalledError'
  }
}

function hintFor(trouble: string): string {
  return trouble.includes('INVALID_TIMESTAMP') ? " (check this machine's clock)" : ''
}

/**
 * Detects a consumer that silently stopped or cannot work: one of our partitions has work (or is not open, so this is unknown),
 * makes no progress, and nothing external explains it. Only a new process reliably fixes that. An unreachable broker or Redis,
 * or a partition without a leader, is a state, not a stall.
 */
export class Watchdog {
  readonly #options: WatchdogOptions
  readonly #progress = new Map<number, Progress>()
  #timer: NodeJS.Timeout | undefined
  #checking = false
  /** The topic as of the last check. */
  #facts: TopicFacts | undefined

  constructor(options: WatchdogOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => void this.check(), this.#options.intervalMs)
    this.#timer.unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** One check; public so that tests need no clock. */
  async check(): Promise<void> {
    if (this.#checking) {
      return
    }
    this.#checking = true
    try {
      const ends = await this.#options.offsets.highWatermarks(this.#options.topic)
      this.#options.onBroker(true, '')
      this.#judge(ends)
      await this.#compareTopic()
    } catch (error) {
      this.#options.onBroker(false, `the brokers do not answer: ${(error as Error).message}`)
      this.#forgetProgress()
    } finally {
      this.#checking = false
    }
  }

  #judge(ends: ReadonlyMap<number, bigint>): void {
    const { now, lanes, waiting, stallMs, onLag, onStalled, topic } = this.#options
    const at = now()
    const ours = lanes()
    for (const partition of this.#progress.keys()) {
      // A partition that returns from another process has not been stalled here in the meantime.
      if (!ours.some((lane) => lane.partition === partition)) {
        this.#progress.delete(partition)
      }
    }
    for (const lane of ours) {
      const end = ends.get(lane.partition)
      if (end === undefined) {
        // Without a leader the lag is unknown, and no other process could work on the partition either.
        this.#progress.delete(lane.partition)
        continue
      }
      const left = end - lane.done
      const lag = lane.wasOpen ? (left > 0n ? left : 0n) : null
      const isIdle = lane.state === 'open' && lane.trouble === null && end <= lane.committed
      onLag(lane.partition, lag)
      const before = this.#progress.get(lane.partition)
      if (before?.pulse !== lane.pulse || isIdle || waiting(lane.partition)) {
        this.#progress.set(lane.partition, { pulse: lane.pulse, movedAt: at })
      } else if (at - before.movedAt > stallMs) {
        onStalled(new StalledError(topic, lane, lag, at - before.movedAt))
      }
    }
  }

  /** Has the lanes verify a topic that was recreated or given more partitions; no lane would notice the latter. */
  async #compareTopic(): Promise<void> {
    const { topic, logs, lanes } = this.#options
    const facts = (await logs.facts([topic])).get(topic)
    const before = this.#facts
    this.#facts = facts
    if (before !== undefined && (facts?.id !== before.id || facts.partitions !== before.partitions)) {
      for (const lane of lanes()) {
        lane.suspect()
      }
    }
  }

  #forgetProgress(): void {
    this.#progress.clear()
  }
}
