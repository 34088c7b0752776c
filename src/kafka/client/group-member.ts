import { sleep } from '../../sleep.ts'
import { assignPartitions } from './assign-partitions.ts'
import type { Broker } from './broker.ts'
import { assertNoError, KafkaConnectionError, type ProtocolError } from './client-errors.ts'
import type { Cluster } from './cluster.ts'
import {
  ASSIGNERS,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type Owned,
} from './group-protocol.ts'
import { API_VERSIONS, HEARTBEAT, JOIN_GROUP, LEAVE_GROUP, OFFSET_COMMIT, SYNC_GROUP } from './requests.ts'

export interface GroupMemberOptions {
  readonly group: string
  readonly topic: string
  /** Static membership: a member that returns within the session timeout under this name gets its partitions back at once. */
  readonly instanceId?: string | undefined
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatEveryMs: number
  /** Time without an answer to a heartbeat or commit after which the coordinator is looked up again, ms. 3 s by default. */
  readonly answerMaxMs?: number
  /** How often the coordinator is probed while a join waits, ms. 2 s by default. */
  readonly probeEveryMs?: number
  /**
   * No attempt of a commit begins later than this after the first, ms: it could overwrite a newer offset committed in the
   * meantime. 5 s by default.
   */
  readonly commitTriedForMs?: number
}

export interface GroupMemberEvents {
  /** The group has (re)joined; these partitions are assigned to us in this generation. */
  onAssigned(partitions: readonly number[]): void
  /** The coordinator still counts us as a member of the current generation. */
  onHeartbeat(): void
}

/** Another process uses our `instanceId`. */
export class InstanceIdTakenError extends Error {
  readonly code = 'INSTANCE_ID_TAKEN'
  readonly retriable = false

  constructor(group: string, instanceId: string) {
    super(`another process is a member of group ${group} with the same kafka.groupInstanceId ${instanceId}`)
    this.name = 'InstanceIdTakenError'
  }
}

/** No further attempt to commit: the partition is not assigned to us in the current generation. */
class CommitNotSentError extends Error {
  readonly code = 'COMMIT_NOT_SENT'
  readonly retriable = true

  constructor(topic: string, partition: number, cause?: unknown) {
    super(
      `the offset of ${topic}[${partition}] is no longer committed: we are not a member of the group that owns it`,
      {
        cause,
      },
    )
    this.name = 'CommitNotSentError'
  }
}

interface Membership {
  readonly memberId: string
  readonly generation: number
  readonly partitions: readonly number[]
}

const PROTOCOL_TYPE = 'consumer'
const NO_GENERATION = -1
const MEMBER_ID_REQUIRED = 79
const DEFAULTS = { answerMaxMs: 3_000, probeEveryMs: 2_000, commitTriedForMs: 5_000 }
const RETRY_PAUSE_MS = 100
const RETRY_PAUSE_MAX_MS = 1_000
const LEAVE_MAX_MS = 3_000

const REJOIN = new Set(['REBALANCE_IN_PROGRESS'])
const LOST = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION'])

/**
 * Membership in a consumer group: joins, sends heartbeats, joins again when the group rebalances or has removed us, commits
 * offsets, leaves.
 *
 * - After a transient failure (the coordinator moves, is loading, or does not answer) it retries at the current coordinator and
 *   keeps its membership. A refusal is final.
 * - Until the next join succeeds, we keep our partitions: not the group but the fencing of producers protects against two
 *   owners.
 */
export class GroupMember {
  readonly #cluster: Cluster
  readonly #options: GroupMemberOptions & typeof DEFAULTS
  readonly #events: GroupMemberEvents
  readonly #abort = new AbortController()
  /** Survives a lost generation, not a lost membership. */
  #memberId = ''
  #membership: Membership | null = null
  #owned: Owned = { generation: NO_GENERATION, partitions: [] }

  constructor(cluster: Cluster, options: GroupMemberOptions, events: GroupMemberEvents) {
    this.#cluster = cluster
    this.#options = { ...DEFAULTS, ...options }
    this.#events = events
  }

  /** Runs until `stop`. Rejects with InstanceIdTakenError or an error that is not retriable; may then be called again. */
  async run(): Promise<void> {
    const { signal } = this.#abort
    for (let failures = 0; !signal.aborted; ) {
      try {
        await this.#join()
        failures = 0
        await this.#heartbeatUntilRebalance()
      } catch (error) {
        if (signal.aborted) {
          return
        }
        this.#noteLoss(error)
        if ((error as ProtocolError).type === 'FENCED_INSTANCE_ID') {
          const { group, instanceId } = this.#options
          throw new InstanceIdTakenError(group, instanceId ?? '')
        }
        if (!this.#mayPass(error)) {
          throw error
        }
        this.#cluster.noteRetry(error)
        this.#cluster.forgetCoordinator('group', this.#options.group)
        await sleep(Math.min(RETRY_PAUSE_MS * 2 ** failures, RETRY_PAUSE_MAX_MS), signal).catch(() => {})
        failures += 1
      }
    }
  }

  /**
   * Commits the next offset of a partition. Rejects with CommitNotSentError if the partition is not ours, otherwise with the
   * last error; then the outcome is unknown, but there are no further attempts.
   */
  async commit(partition: number, offset: bigint, metadata: string): Promise<void> {
    const { group, topic, instanceId, answerMaxMs, commitTriedForMs } = this.#options
    const since = performance.now()
    const asWhom = this.#membership?.memberId
    for (let last: unknown; ; ) {
      const membership = this.#membership
      // A partition that was ours before we lost the membership may have had another owner since.
      if (membership?.memberId !== asWhom || membership?.partitions.includes(partition) !== true) {
        throw new CommitNotSentError(topic, partition, last)
      }
      if (performance.now() - since > commitTriedForMs) {
        throw last
      }
      try {
        const coordinator = await this.#cluster.coordinatorOf('group', group)
        const { memberId, generation } = membership
        const topics = [{ name: topic, partitions: [{ partition, offset, metadata }] }]
        const body = { group, generation, memberId, instanceId: instanceId ?? null, topics }
        const answer = await coordinator.send(OFFSET_COMMIT, body, { deadlineMs: answerMaxMs })
        assertNoError(answer.topics[0]?.partitions[0]?.errorCode ?? -1)
        return
      } catch (error) {
        last = error
        const type = (error as ProtocolError).type
        // Wait for the next join, which shows whether the partition is still ours.
        if (!REJOIN.has(type) && !LOST.has(type)) {
          if ((error as ProtocolError).retriable !== true) {
            throw error
          }
          this.#cluster.forgetCoordinator('group', group)
        }
      }
      await sleep(RETRY_PAUSE_MS / 2)
    }
  }

  /** Leaves the group, so that others get the partitions at once. A static member stays, so that it can return to them. */
  async stop(): Promise<void> {
    this.#abort.abort()
    const { group, instanceId } = this.#options
    if (instanceId !== undefined || this.#memberId === '') {
      return
    }
    const members = [{ memberId: this.#memberId, instanceId: null }]
    this.#membership = null
    try {
      const coordinator = await this.#cluster.coordinatorOf('group', group)
      await coordinator.send(LEAVE_GROUP, { group, members }, { deadlineMs: LEAVE_MAX_MS })
    } catch {
      // The session will expire.
    }
  }

  async #join(): Promise<void> {
    const { group, topic, instanceId, sessionTimeoutMs, rebalanceTimeoutMs } = this.#options
    const coordinator = await this.#cluster.coordinatorOf('group', group)
    const metadata = encodeSubscription(topic, this.#owned)
    const request = () => ({
      group,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.#memberId,
      instanceId: instanceId ?? null,
      protocolType: PROTOCOL_TYPE,
      protocols: ASSIGNERS.map((name) => ({ name, metadata })),
    })
    let joined = await this.#joinAlive(coordinator, request())
    if (joined.errorCode === MEMBER_ID_REQUIRED) {
      // The broker first gives a new member its id, so that a lost join leaves no member behind.
      this.#memberId = joined.memberId
      this.#abort.signal.throwIfAborted()
      joined = await this.#joinAlive(coordinator, request())
    }
    assertNoError(joined.errorCode)
    this.#abort.signal.throwIfAborted()
    const { generation, memberId, protocol, protocolType } = joined
    this.#memberId = memberId
    const isLeader = joined.leader === memberId
    const synced = await coordinator.send(
      SYNC_GROUP,
      {
        group,
        generation,
        memberId,
        instanceId: instanceId ?? null,
        protocolType,
        protocol,
        assignments: isLeader ? await this.#assign(joined.members) : [],
      },
      { on: 'group', deadlineMs: rebalanceTimeoutMs },
    )
    assertNoError(synced.errorCode)
    this.#abort.signal.throwIfAborted()
    const partitions = decodeAssignment(topic, synced.assignment)
    this.#membership = { memberId, generation, partitions }
    this.#owned = { generation, partitions }
    this.#events.onAssigned(partitions)
  }

  async #assign(
    members: readonly { readonly memberId: string; readonly instanceId: string | null; readonly metadata: Buffer }[],
  ) {
    const { topic } = this.#options
    await this.#cluster.refresh([topic])
    const { leaders } = await this.#cluster.topic(topic)
    const all = members.map(({ memberId, instanceId, metadata }) => {
      const { generation, partitions } = decodeSubscription(metadata).owned
      return { id: memberId, instanceId, owned: partitions, generation }
    })
    return [...assignPartitions(all, leaders.length)].map(([memberId, partitions]) => ({
      memberId,
      assignment: encodeAssignment(topic, partitions),
    }))
  }

  /** A join waits for the other members. Meanwhile the coordinator must answer probes on another connection. */
  async #joinAlive(coordinator: Broker, body: Parameters<typeof JOIN_GROUP.request.write>[1]) {
    const { rebalanceTimeoutMs, answerMaxMs, probeEveryMs } = this.#options
    const joining = coordinator.send(JOIN_GROUP, body, { on: 'group', deadlineMs: rebalanceTimeoutMs + answerMaxMs })
    const stop = new AbortController()
    const dead = (async () => {
      for (;;) {
        await sleep(probeEveryMs, stop.signal)
        await coordinator.send(
          API_VERSIONS,
          { softwareName: 'paystatus', softwareVersion: 'probe' },
          { deadlineMs: answerMaxMs },
        )
      }
    })()
    try {
      return await Promise.race([joining, dead])
    } finally {
      stop.abort()
      dead.catch(() => {})
      joining.catch(() => {})
    }
  }

  async #heartbeatUntilRebalance(): Promise<void> {
    const { group, instanceId, heartbeatEveryMs, sessionTimeoutMs, answerMaxMs } = this.#options
    const { signal } = this.#abort
    let answeredAt = performance.now()
    for (;;) {
      await sleep(heartbeatEveryMs, signal)
      const { memberId, generation } = this.#membership as Membership
      try {
        const coordinator = await this.#cluster.coordinatorOf('group', group)
        const { errorCode } = await coordinator.send(
          HEARTBEAT,
          { group, generation, memberId, instanceId: instanceId ?? null },
          { on: 'group', deadlineMs: answerMaxMs },
        )
        assertNoError(errorCode)
      } catch (error) {
        if (REJOIN.has((error as ProtocolError).type)) {
          return
        }
        const isLost = LOST.has((error as ProtocolError).type)
        if (isLost || !this.#mayPass(error) || performance.now() - answeredAt > sessionTimeoutMs) {
          throw error
        }
        // The next coordinator knows the membership.
        this.#cluster.forgetCoordinator('group', group)
        continue
      }
      answeredAt = performance.now()
      this.#events.onHeartbeat()
    }
  }

  #noteLoss(error: unknown): void {
    if ((error as ProtocolError).type === 'UNKNOWN_MEMBER_ID') {
      this.#memberId = ''
      this.#membership = null
    }
  }

  #mayPass(error: unknown): boolean {
    const { type, retriable } = error as ProtocolError
    return retriable === true || REJOIN.has(type) || LOST.has(type) || error instanceof KafkaConnectionError
  }
}
