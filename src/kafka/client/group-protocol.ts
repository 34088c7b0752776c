import { MemberAssignment, MemberMetadata } from './kafkajs.ts'
import { WireReader } from './wire-reader.ts'
import { WireWriter } from './wire-writer.ts'

/**
 * The assigner of this release, and the only one of the previous release. A group uses an assigner that all members know, so
 * both releases can be in it during a rolling update.
 */
export const ASSIGNERS = ['paystatus-sticky', 'RoundRobinAssigner'] as const

/** The partitions assigned to a member, and in which generation. */
export interface Owned {
  readonly generation: number
  readonly partitions: readonly number[]
}

const VERSION = 1
const NOTHING: Owned = { generation: -1, partitions: [] }

export function encodeSubscription(topic: string, { generation, partitions }: Owned): Buffer {
  const to = new WireWriter()
  to.int32(generation)
  to.int32(partitions.length)
  for (const partition of partitions) {
    to.int32(partition)
  }
  return MemberMetadata.encode({ version: VERSION, topics: [topic], userData: Buffer.concat(to.parts()) })
}

/** Topics that a member reads, and what it owns if it is one of ours. */
export function decodeSubscription(bytes: Buffer): { readonly topics: readonly string[]; readonly owned: Owned } {
  const { topics = [], userData } = MemberMetadata.decode(bytes) ?? {}
  return { topics, owned: ownedIn(userData) }
}

function ownedIn(userData: Buffer | null | undefined): Owned {
  if (userData === null || userData === undefined || userData.length < 8) {
    return NOTHING
  }
  const from = new WireReader(userData)
  const generation = from.int32()
  const count = from.int32()
  if (count * 4 !== from.rest) {
    return NOTHING
  }
  return { generation, partitions: Array.from({ length: count }, () => from.int32()) }
}

export function encodeAssignment(topic: string, partitions: readonly number[]): Buffer {
  return MemberAssignment.encode({
    version: VERSION,
    assignment: { [topic]: [...partitions] },
    userData: Buffer.alloc(0),
  })
}

export function decodeAssignment(topic: string, bytes: Buffer): readonly number[] {
  return bytes.length === 0 ? [] : (MemberAssignment.decode(bytes)?.assignment[topic] ?? [])
}
