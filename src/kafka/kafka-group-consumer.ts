import { sleep } from '../sleep.ts'
import type { GroupConsumer, GroupConsumerEvents } from '../stream/group-consumer.ts'
import { DefinedStop } from '../stream/partition-task.ts'
import type { Cluster } from './client/cluster.ts'
import { Fetcher } from './client/fetcher.ts'
import { GroupMember, InstanceIdTakenError } from './client/group-member.ts'
import { refusalOf, stopIfUnreadable } from './errors.ts'
import { stopIfShared, type TopicsOfGroup, topicsOfGroup } from './group-topics.ts'
import type { KafkaClient } from './kafka-client.ts'

export interface KafkaGroupConsumerOptions {
  readonly group: string
  readonly topic: string
  /** Static membership; see GroupMemberOptions. */
  readonly instanceId?: string | undefined
  readonly sessionTimeoutMs: number
  /** Defaults to asking the brokers. */
  readonly topicsOfGroup?: TopicsOfGroup
}

const START_AGAIN_AFTER_MS = 500
/** The coordinator checks for dead members only periodically. */
const SESSION_MARGIN_MS = 3_000
const LOOK_AGAIN_AFTER_MS = 300
/** A partition in doubt waits for the next heartbeat, and so does a member that must learn of a rebalance. */
const HEARTBEAT_EVERY_MS = 300
/** A batch that the lane did not accept: it usually sets another position at once. */
const OFFER_AGAIN_AFTER_MS = 20
const LIMITS = {
  // Lets single records accumulate briefly: a fetch costs both sides the same however little it returns.
  minBytes: 16 * 1024,
  maxWaitMs: 20,
  maxBytes: 4 << 20,
  // Also bounds how much memory one record can pin.
  partitionBytesMax: 1 << 20,
}

/** A GroupMember that pulls for its partitions and hands on what it gets. */
export class KafkaGroupConsumer implements GroupConsumer {
  readonly #cluster: Cluster
  readonly #fetcher: Fetcher
  readonly #options: KafkaGroupConsumerOptions
  readonly #topicsOfGroup: TopicsOfGroup
  readonly #partitions = new Map<number, PartitionLoop>()
  #member: GroupMember | undefined
  /** The topic that is read, whatever is created under its name later. */
  #topicId: string | undefined
  #stopped = false

  constructor(kafka: KafkaClient, options: KafkaGroupConsumerOptions) {
    this.#cluster = kafka.cluster()
    this.#fetcher = new Fetcher(this.#cluster, LIMITS)
    this.#options = options
    this.#topicsOfGroup = options.topicsOfGroup ?? topicsOfGroup(kafka.queries)
  }

  async start(events: GroupConsumerEvents): Promise<void> {
    const { group, topic, instanceId, sessionTimeoutMs } = this.#options
    try {
      await this.#refuseSharedGroup()
      this.#topicId = (await this.#cluster.retried(() => this.#cluster.topic(topic))).id
    } catch (error) {
      throw this.#stopIfRefused(error)
    }
    if (this.#stopped) {
      return
    }
    const member = new GroupMember(
      this.#cluster,
      {
        group,
        topic,
        instanceId,
        sessionTimeoutMs,
        rebalanceTimeoutMs: Math.max(10_000, sessionTimeoutMs),
        heartbeatEveryMs: Math.min(HEARTBEAT_EVERY_MS, Math.floor(sessionTimeoutMs / 5)),
      },
      {
        onAssigned: (partitions) => this.#onAssigned(partitions, events),
        onHeartbeat: () => events.onHeartbeat(),
      },
    )
    this.#member = member
    void this.#keepMember(member, events)
  }

  pause(partition: number): void {
    this.#partitions.get(partition)?.pause()
  }

  resume(partition: number): void {
    this.#partitions.get(partition)?.resume()
  }

  seek(partition: number, offset: bigint): void {
    this.#partitions.get(partition)?.seek(offset)
  }

  async commit(partition: number, next: bigint, metadata: string): Promise<void> {
    if (this.#member === undefined) {
      throw new Error(`the consumer of ${this.#options.topic} was not started`)
    }
    await this.#member.commit(partition, next, metadata)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const loop of this.#partitions.values()) {
      loop.stop()
    }
    await this.#member?.stop()
    await this.#cluster.close()
  }

  /** A failure that nobody classified must not end a process that only needs to wait: the watchdog handles a lasting one. */
  async #keepMember(member: GroupMember, events: GroupConsumerEvents): Promise<void> {
    while (!this.#stopped) {
      try {
        await member.run()
      } catch (error) {
        const stop = this.#stopIfRefused(error)
        if (stop instanceof DefinedStop) {
          events.onCrashed(stop)
          return
        }
      }
      await sleep(START_AGAIN_AFTER_MS)
    }
  }

  #onAssigned(partitions: readonly number[], events: GroupConsumerEvents): void {
    if (this.#stopped) {
      return
    }
    for (const [partition, loop] of this.#partitions) {
      if (!partitions.includes(partition)) {
        loop.stop()
        this.#partitions.delete(partition)
      }
    }
    for (const partition of partitions) {
      if (!this.#partitions.has(partition)) {
        this.#partitions.set(partition, this.#loopOf(partition, events))
      }
    }
    events.onAssigned(partitions)
    // A member that joined at the same moment was not visible to the check before the join.
    const { group, topic } = this.#options
    this.#topicsOfGroup(group)
      .then((topics) => stopIfShared(group, topic, topics))
      .catch((error: unknown) => {
        if (error instanceof DefinedStop) {
          events.onCrashed(error)
        }
      })
  }

  #loopOf(partition: number, events: GroupConsumerEvents): PartitionLoop {
    const { topic } = this.#options
    const place = { topic, partition, topicId: this.#topicId as string }
    return new PartitionLoop(async (offset, signal) => {
      try {
        const fetched = await this.#fetcher.fetch({ ...place, offset }, signal)
        return { fetched, deliver: () => deliver(events, partition, offset, fetched) }
      } catch (error) {
        const stop = this.#stopIfRefused(error)
        if (stop instanceof DefinedStop && !signal.aborted) {
          events.onCrashed(stop)
        }
        throw stop
      }
    })
  }

  /**
   * Runs before the join, because joining alone takes partitions away from the existing members. Dead members remain
   * listed until their session expires, so the check is repeated for that long. A group that is still forming is not
   * waited for: every join is checked, too.
   */
  async #refuseSharedGroup(): Promise<void> {
    const { group, topic, sessionTimeoutMs } = this.#options
    for (const since = performance.now(); !this.#stopped; ) {
      try {
        stopIfShared(group, topic, await this.#topicsOfGroup(group))
        return
      } catch (error) {
        if (!(error instanceof DefinedStop)) {
          if (refusalOf(error) !== null) {
            throw error
          }
          // The join will meet the same error, and is retried for longer.
          return
        }
        if (performance.now() - since > sessionTimeoutMs + SESSION_MARGIN_MS) {
          throw error
        }
      }
      await sleep(LOOK_AGAIN_AFTER_MS)
    }
  }

  #stopIfRefused(error: unknown): Error {
    const { group, topic } = this.#options
    if (error instanceof InstanceIdTakenError) {
      return new DefinedStop(
        error.code,
        `${error.message}. Nothing was skipped. Give each process its own kafka.groupInstanceId`,
      )
    }
    return stopIfUnreadable(error, `reading ${topic} in group ${group}`) as Error
  }
}

type Fetched = Awaited<ReturnType<Fetcher['fetch']>>

/** Returns the next offset, or null if it was not accepted. */
function deliver(events: GroupConsumerEvents, partition: number, offset: bigint, fetched: Fetched): bigint | null {
  if (fetched.kind !== 'records') {
    events.onOutOfRange(partition)
    return null
  }
  const { records, next, end, highWatermark, pinnedBytes } = fetched
  if (next === offset) {
    return next
  }
  const accepted = events.onBatch({
    partition,
    fetchedOffset: offset,
    lastOffset: next - 1n,
    highWatermark,
    end,
    records,
    pinnedBytes,
  })
  return accepted ? next : null
}

/** Fetches from an offset; `deliver` hands the result on. */
type Pull = (offset: bigint, signal: AbortSignal) => Promise<{ fetched: Fetched; deliver: () => bigint | null }>

/** Pulls one partition from where it stands and delivers, unless it is paused. Stands nowhere until the first `seek`. */
class PartitionLoop {
  readonly #pull: Pull
  readonly #abort = new AbortController()
  #position: bigint | null = null
  #paused = false
  /** Counts seeks: what was pulled before is no longer wanted. */
  #seeks = 0
  #wake: () => void = () => {}

  constructor(pull: Pull) {
    this.#pull = pull
    void this.#run()
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#wake()
  }

  seek(offset: bigint): void {
    this.#position = offset
    this.#seeks += 1
    this.#wake()
  }

  stop(): void {
    this.#abort.abort()
    this.#wake()
  }

  async #run(): Promise<void> {
    const { signal } = this.#abort
    while (!signal.aborted) {
      const position = this.#position
      if (position === null || this.#paused) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        continue
      }
      const seeks = this.#seeks
      let pauseMs = 0
      try {
        const { fetched, deliver: hand } = await this.#pull(position, signal)
        if (seeks !== this.#seeks || this.#paused || signal.aborted) {
          continue
        }
        const next = hand()
        if (seeks === this.#seeks) {
          this.#position = next ?? position
        }
        pauseMs = next !== null ? 0 : fetched.kind === 'records' ? OFFER_AGAIN_AFTER_MS : START_AGAIN_AFTER_MS
      } catch {
        pauseMs = START_AGAIN_AFTER_MS
      }
      if (pauseMs > 0) {
        await sleep(pauseMs, signal).catch(() => {})
      }
    }
  }
}
