import { sleep } from '../sleep.ts'
import type { Fetched, FetchFrom } from '../stream/fetched.ts'
import type { GroupConsumer, GroupConsumerEvents } from '../stream/group-consumer.ts'
import { DefinedStop } from '../stream/partition-task.ts'
import type { Cluster } from './client/cluster.ts'
import { Fetcher } from './client/fetcher.ts'
import { GroupMember, InstanceIdTakenError } from './client/group-member.ts'
import { asStop, refusalOf } from './errors.ts'
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
/** A lane in doubt waits for the next heartbeat, and a member learns of a rebalance only from a heartbeat. */
const HEARTBEAT_EVERY_MS = 300
const LIMITS = {
  maxWaitMs: 500,
  maxBytes: 256 << 10,
  // Before decompression: several chunks of similar records. Also limits the memory that a record of an uncompressed batch pins.
  partitionBytesMax: 256 << 10,
}

/** A GroupMember, and a Fetcher for its partitions. */
export class KafkaGroupConsumer implements GroupConsumer {
  readonly #cluster: Cluster
  readonly #fetcher: Fetcher
  readonly #options: KafkaGroupConsumerOptions
  readonly #topicsOfGroup: TopicsOfGroup
  #member: GroupMember | undefined
  /** Id of the topic being read; a topic created later under the same name has another id. */
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
      const [{ id }] = await Promise.all([
        this.#cluster.retried(() => this.#cluster.topic(topic)),
        this.#refuseSharedGroup(),
      ])
      this.#topicId = id
    } catch (error) {
      throw this.#asStop(error)
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

  async fetch(partition: number, { offset, read }: FetchFrom, signal: AbortSignal): Promise<Fetched> {
    const { topic } = this.#options
    // The epoch of an earlier record says nothing about the records in between.
    const leaderEpoch = read?.offset === offset ? read.leaderEpoch : undefined
    const place = { topic, topicId: this.#topicId as string, partition, offset, leaderEpoch }
    try {
      return await this.#fetcher.fetch(place, signal)
    } catch (error) {
      throw signal.aborted ? error : this.#asStop(error)
    }
  }

  async commit(partition: number, next: bigint, metadata: string): Promise<void> {
    if (this.#member === undefined) {
      throw new Error(`the consumer of ${this.#options.topic} was not started`)
    }
    await this.#member.commit(partition, next, metadata)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#member?.stop()
    await this.#cluster.close()
  }

  /** A failure that is not a defined stop must not end a process that may only need to wait. */
  async #keepMember(member: GroupMember, events: GroupConsumerEvents): Promise<void> {
    while (!this.#stopped) {
      try {
        await member.run()
      } catch (error) {
        const stop = this.#asStop(error)
        if (stop instanceof DefinedStop) {
          events.onCrashed(stop)
          return
        }
        events.onRejected(error)
      }
      await sleep(START_AGAIN_AFTER_MS)
    }
  }

  #onAssigned(partitions: readonly number[], events: GroupConsumerEvents): void {
    if (this.#stopped) {
      return
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

  /**
   * Runs before the join, because joining alone takes partitions away from the existing members. Dead members remain
   * listed until their session expires, so the check is repeated for that long. It does not wait for a group that is
   * still forming, because every join is checked, too.
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
          // The join will fail with the same error, and is retried for longer.
          return
        }
        if (performance.now() - since > sessionTimeoutMs + SESSION_MARGIN_MS) {
          throw error
        }
      }
      await sleep(LOOK_AGAIN_AFTER_MS)
    }
  }

  #asStop(error: unknown): Error {
    const { group, topic } = this.#options
    if (error instanceof InstanceIdTakenError) {
      return new DefinedStop(
        error.code,
        `${error.message}. Nothing was skipped. Give each process its own kafka.groupInstanceId`,
      )
    }
    return asStop(error, `reading ${topic} in group ${group}`) as Error
  }
}
