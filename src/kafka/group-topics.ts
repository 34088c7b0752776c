import { DefinedStop } from '../stream/partition-task.ts'
import { assertNoError } from './client/client-errors.ts'
import type { Cluster } from './client/cluster.ts'
import { decodeSubscription } from './client/group-protocol.ts'
import { DESCRIBE_GROUPS } from './client/requests.ts'
import type { ValueOf } from './client/wire-types.ts'
import { isCoordinatorNotReady } from './errors.ts'

/**
 * The topics that the current members of a group read; null while that cannot be determined, for example during a
 * rebalance.
 */
export type TopicsOfGroup = (group: string) => Promise<ReadonlySet<string> | null>

type DescribedGroup = ValueOf<typeof DESCRIBE_GROUPS.response>['groups'][number]

export function topicsOfGroup(cluster: Cluster): TopicsOfGroup {
  return async (group) => {
    try {
      const { state, members } = await describeGroup(cluster, group)
      if (state === 'Dead' || state === 'Empty') {
        return new Set()
      }
      return state === 'Stable' ? new Set(members.flatMap(({ metadata }) => decodeSubscription(metadata).topics)) : null
    } catch (error) {
      if (isCoordinatorNotReady(error)) {
        return null
      }
      throw error
    }
  }
}

/** The state and the members of a group; a group that does not exist is `Dead`. */
export function describeGroup(cluster: Cluster, group: string): Promise<Pick<DescribedGroup, 'state' | 'members'>> {
  return cluster.onCoordinator('group', group, async (coordinator) => {
    const { groups } = await coordinator.send(DESCRIBE_GROUPS, { groups: [group] })
    assertNoError(groups[0]?.errorCode ?? 0)
    return groups[0] ?? { state: 'Dead', members: [] }
  })
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
