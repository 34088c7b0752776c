import type { Kafka } from 'kafkajs'
import { DefinedStop } from '../stream/partition-task.ts'
import { isCoordinatorNotReady } from './errors.ts'
import { require } from './replace-module.ts'
import { within } from './within.ts'

/**
 * The topics that the current members of a group read; null while that cannot be determined, for example during a
 * rebalance.
 */
export type TopicsOfGroup = (group: string) => Promise<ReadonlySet<string> | null>

const { AssignerProtocol } = require('kafkajs') as typeof import('kafkajs')
const REQUEST_MAX_MS = 10_000

export function topicsOfGroup(kafka: Kafka): TopicsOfGroup {
  return async (group) => {
    const admin = kafka.admin()
    try {
      await within(REQUEST_MAX_MS, admin.connect())
      const { groups } = await within(REQUEST_MAX_MS, admin.describeGroups([group]))
      const [found] = groups
      if (found === undefined || found.state === 'Dead' || found.state === 'Empty') {
        return new Set()
      }
      return found.state === 'Stable' ? subscriptionsOf(found.members) : null
    } catch (error) {
      if (isCoordinatorNotReady(error)) {
        return null
      }
      throw error
    } finally {
      await admin.disconnect().catch(() => {})
    }
  }
}

function subscriptionsOf(members: readonly { readonly memberMetadata: Buffer }[]): ReadonlySet<string> {
  return new Set(
    members.flatMap(({ memberMetadata }) => AssignerProtocol.MemberMetadata.decode(memberMetadata)?.topics ?? []),
  )
}

/**
 * Throws DefinedStop if members of the group read other topics. Such members starve each other: the group leader
 * assigns partitions to members that cannot read them, while all of them report ready and no lag.
 */
export function stopIfShared(group: string, topic: string, topics: ReadonlySet<string> | null): void {
  const others = [...(topics ?? [])].filter((one) => one !== topic)
  if (others.length > 0) {
    throw new DefinedStop(
      'GROUP_SHARED',
      `the consumer group ${group} has members that read ${others.sort().join(', ')} but not ${topic}: another installation or program uses the same group, and each would be assigned partitions that it cannot read. Nothing was skipped. Give each installation its own kafka.topicPrefix, which is part of the default group names, or set normalizer.group and processor.group`,
    )
  }
}
