import { ClientError } from './client-error.ts'
import type { CurrentFollower } from './current-follower.ts'
import type { FollowedPartition } from './followed-partition.ts'
import { Lane, type LaneOptions } from './lane.ts'
import type { Observe } from './observation.ts'

/** A lane of a partition that is assigned now. */
export interface AssignedLane extends Pick<Lane, 'position' | 'process'> {
  readonly opened: Promise<void>
  /** Whether it hands over nothing more. */
  readonly isClosed: boolean
  /** Whether the partition is still this lane's, so that it may commit. */
  readonly isAssigned: boolean
}

export interface LanesOptions {
  readonly follower: CurrentFollower
  /** Whether the table of a partition is dropped with the partition. */
  readonly unfollows: boolean
  readonly lane: (partition: number, followed: FollowedPartition, signal: AbortSignal) => LaneOptions
  readonly fail: (error: ClientError) => void
  readonly observe: Observe
  /** Aborted when the client stops. */
  readonly signal: AbortSignal
}

const RETRY_MS = 1_000
/** Often enough that a group without events is not taken for one that was away. */
const KEEP_ALIVE_MS = 60_000

interface Entry {
  readonly lane: Lane
  readonly opened: Promise<void>
  /** Aborted when the partition is no longer this lane's. */
  readonly closing: AbortController
  /** Aborted also when the client stops. */
  readonly closed: AbortSignal
}

/** The lanes of the partitions that the group assigned to this instance. */
export class Lanes {
  readonly #options: LanesOptions
  readonly #entries = new Map<number, Entry>()
  readonly #timer: NodeJS.Timeout
  hasBeenAssigned = false

  constructor(options: LanesOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#keepAlive(), KEEP_ALIVE_MS)
    this.#timer.unref()
  }

  /** After every join of the group: opens what is new, opens again what stayed, and closes what is gone. */
  assign(partitions: readonly number[]): void {
    this.hasBeenAssigned = true
    const { follower, unfollows } = this.#options
    for (const [partition, { closing }] of this.#entries) {
      if (!partitions.includes(partition)) {
        closing.abort(new Error(`partition ${partition} is assigned to another instance`))
        this.#entries.delete(partition)
        if (unfollows) {
          follower.unfollow(partition)
        }
      }
    }
    for (const partition of partitions) {
      const former = this.#entries.get(partition)
      former?.closing.abort(new Error(`partition ${partition} was assigned again`))
      this.#entries.set(partition, this.#open(partition, former))
    }
  }

  get(partition: number): AssignedLane | undefined {
    const entry = this.#entries.get(partition)
    return (
      entry && {
        get position() {
          return entry.lane.position
        },
        get isClosed() {
          return entry.closed.aborted
        },
        get isAssigned() {
          return !entry.closing.signal.aborted
        },
        opened: entry.opened,
        process: (messages, commit) => entry.lane.process(messages, commit),
      }
    )
  }

  /** Resolves once all present lanes are open, those of later assignments included. */
  async opened(): Promise<void> {
    const entries = [...this.#entries.values()]
    await Promise.allSettled(entries.map(({ opened }) => opened))
    if (entries.some(({ closing }) => closing.signal.aborted)) {
      this.#options.signal.throwIfAborted()
      await this.opened()
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([...this.#entries.values()].map(ended))
  }

  #open(partition: number, former: Entry | undefined): Entry {
    const { follower, signal, lane: optionsOf, fail, observe } = this.#options
    const closing = new AbortController()
    const closed = AbortSignal.any([closing.signal, signal])
    const lane = new Lane(optionsOf(partition, follower.follow(partition), closed))
    const attempt = async () => {
      await (former && ended(former))
      for (;;) {
        try {
          closed.throwIfAborted()
          await lane.open(former?.lane)
          return
        } catch (error) {
          closed.throwIfAborted()
          if (error instanceof ClientError) {
            fail(error)
            throw error
          }
          observe({ type: 'trouble', error })
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
        }
      }
    }
    const opened = attempt()
    // Whoever waits for it learns of its failure; if nobody does, `fail` has told it.
    opened.catch(() => {})
    return { lane, opened, closing, closed }
  }

  #keepAlive(): void {
    for (const { lane, opened } of this.#entries.values()) {
      opened.then(() => lane.keepAlive()).catch((error: unknown) => this.#options.observe({ type: 'trouble', error }))
    }
  }
}

/** Resolves when a lane that was closed has told its last change. */
async function ended({ lane, opened }: Entry): Promise<void> {
  await opened.catch(() => {})
  await lane.closed()
}
