import type { Kafka } from 'kafkajs'
import { DefinedStop } from '../stream/partition-task.ts'
import { isCoordinatorNotReady } from './errors.ts'
import { require } from './replace-module.ts'
import { within } from './within.ts'

/** The topics that the present members of a group read; null if that cannot be told now, as while it rebalances. */
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
 * Members of one group that read different topics starve each other: the group's leader gives partitions to members that cannot
 * read them, and everybody is ready with no lag. So that is refused.
 */
export function stopIfShared(group: string, topic: string, topics: ReadonlySet<string> | null): void {
  const others = [...(topics ?? [])].filter((one) => one !== topic)
  if (others.length > 0) {
    throw new DefinedStop(
      'GROUP_SHARED',
      `the consumer group ${group} has members that read ${others.sort().join(', ')}, and not ${topic}: another installation, or another program, uses the same group, and each would be given partitions that it cannot read. Nothing was skipped. Give each installation a kafka.topicPrefix of its own, which is part of the default groups, or set normalizer.group and processor.group`,
    )
  }
}
