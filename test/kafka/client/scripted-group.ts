import { decodeSubscription, encodeAssignment } from '../../../src/kafka/client/group-protocol.ts'
import { HEARTBEAT, JOIN_GROUP, LEAVE_GROUP, OFFSET_COMMIT, SYNC_GROUP } from '../../../src/kafka/client/requests.ts'
import type { ScriptedBroker } from './scripted-broker.ts'

/** Error codes by request name, each used once, in order. */
type Failures = Record<'join' | 'sync' | 'heartbeat' | 'commit', number[]>

/** The coordinator of a group on a scripted broker, or on several that share its state: there is one member, the leader. */
export class ScriptedGroup {
  generation = 0
  memberId = ''
  /** What happened, in order. */
  readonly log: string[] = []
  readonly failures: Failures = { join: [], sync: [], heartbeat: [], commit: [] }
  /** Committed offsets by partition. */
  readonly committed = new Map<number, { readonly offset: bigint; readonly metadata: string | null }>()
  /** The partitions that the last join listed as owned. */
  owned: readonly number[] = []
  /** Null: the leader decides. */
  assignment: readonly number[] | null = null
  #members = 0

  serveOn(broker: ScriptedBroker): void {
    broker.on(JOIN_GROUP, ({ memberId, protocols, instanceId }) => {
      const errorCode = this.failures.join.shift() ?? (memberId === '' && instanceId === null ? 79 : 0)
      this.log.push(`${broker.nodeId} join ${memberId}${errorCode === 0 ? '' : ` -> ${errorCode}`}`)
      if (errorCode === 0 || errorCode === 79) {
        this.#members += memberId === '' ? 1 : 0
        this.memberId = memberId === '' ? `m${this.#members}` : memberId
      }
      if (errorCode === 0) {
        this.generation += 1
      }
      const [protocol] = protocols
      this.owned = protocol === undefined ? [] : decodeSubscription(protocol.metadata).owned.partitions
      return {
        throttleTimeMs: 0,
        errorCode,
        generation: this.generation,
        protocolType: 'consumer',
        protocol: protocol?.name ?? '',
        leader: this.memberId,
        memberId: this.memberId,
        members: protocols.slice(0, 1).map(({ metadata }) => ({ memberId: this.memberId, instanceId, metadata })),
      }
    })
    broker.on(SYNC_GROUP, ({ assignments }) => ({
      throttleTimeMs: 0,
      errorCode: this.failures.sync.shift() ?? 0,
      protocolType: 'consumer',
      protocol: 'x',
      assignment:
        this.assignment === null
          ? (assignments[0]?.assignment ?? Buffer.alloc(0))
          : encodeAssignment('raw', this.assignment),
    }))
    broker.on(HEARTBEAT, ({ generation, memberId }) => {
      const isCurrent = generation === this.generation && memberId === this.memberId
      const errorCode = this.failures.heartbeat.shift() ?? (isCurrent ? 0 : 25)
      this.log.push(`${broker.nodeId} heartbeat${errorCode === 0 ? '' : ` -> ${errorCode}`}`)
      return { throttleTimeMs: 0, errorCode }
    })
    broker.on(OFFSET_COMMIT, ({ topics, generation }) => {
      const found = topics[0]?.partitions[0]
      const errorCode = this.failures.commit.shift() ?? (generation === this.generation ? 0 : 22)
      this.log.push(`${broker.nodeId} commit ${found?.offset}${errorCode === 0 ? '' : ` -> ${errorCode}`}`)
      if (found !== undefined && errorCode === 0) {
        this.committed.set(found.partition, { offset: found.offset, metadata: found.metadata })
      }
      const partitions = [{ partition: found?.partition ?? 0, errorCode }]
      return { throttleTimeMs: 0, topics: [{ name: 'raw', partitions }] }
    })
    broker.on(LEAVE_GROUP, ({ members }) => {
      this.log.push(`${broker.nodeId} leave ${members.map(({ memberId }) => memberId).join(' ')}`)
      return { throttleTimeMs: 0, errorCode: 0, members: [] }
    })
  }

  /** How often something happened. */
  times(what: string): number {
    return this.log.filter((line) => line.includes(what)).length
  }
}
