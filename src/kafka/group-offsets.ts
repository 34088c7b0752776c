import type { CommittedOffset, GroupOffsets } from '../stream/group-offsets.ts'
import { assertNoError } from './client/client-errors.ts'
import { type Cluster, NO_LEADER } from './client/cluster.ts'
import { LIST_OFFSETS, OFFSET_FETCH, READ_UNCOMMITTED } from './client/requests.ts'
import { orStop } from './errors.ts'
import type { KafkaClient } from './kafka-client.ts'

const END = -1n

export function createGroupOffsets({ queries }: KafkaClient): GroupOffsets {
  return {
    async committed(group, topic, partition) {
      const found = (await committedIn(queries, group, topic, [partition])).get(partition)
      if (found === undefined) {
        throw new Error(`the coordinator's response for group ${group} does not include ${topic}[${partition}]`)
      }
      return found
    },
    // Requests all partitions: those that no longer exist cannot be named one by one.
    committedAll: async (group, topic) => {
      const found = await committedIn(queries, group, topic, null)
      return new Map([...found].filter(([, { offset }]) => offset >= 0n))
    },
    highWatermarks: (topic) => queries.retried(() => endsOf(queries, topic)),
    clusterId: () =>
      queries.retried(async () => {
        await queries.describe([])
        return queries.clusterId ?? ''
      }),
  }
}

/** @param partitions Null: all partitions for which the group has an offset. */
async function committedIn(
  queries: Cluster,
  group: string,
  topic: string,
  partitions: readonly number[] | null,
): Promise<ReadonlyMap<number, CommittedOffset>> {
  const topics = partitions === null ? null : [{ name: topic, partitions }]
  return orStop(`the offsets of group ${group} in ${topic}`, () =>
    queries.onCoordinator('group', group, async (coordinator) => {
      const { groups } = await coordinator.send(OFFSET_FETCH, { groups: [{ group, topics }], requireStable: false })
      assertNoError(groups[0]?.errorCode ?? 0)
      const found = groups[0]?.topics.find(({ name }) => name === topic)?.partitions ?? []
      return new Map(
        found.map(({ partition, offset, metadata, errorCode }) => {
          assertNoError(errorCode)
          return [partition, { offset, metadata }]
        }),
      )
    }),
  )
}

/**
 * The end of each partition, from its leader. Leaves out the partitions without a leader. Rejects with a retriable error while a
 * leader has not opened its log.
 */
export async function endsOf(queries: Cluster, topic: string): Promise<ReadonlyMap<number, bigint>> {
  await queries.refresh([topic])
  const { leaders } = await queries.topic(topic)
  const partitions = [...leaders.keys()].filter((partition) => leaders[partition] !== NO_LEADER)
  const byLeader = Map.groupBy(partitions, (partition) => leaders[partition] as number)
  const answers = await Promise.all(
    [...byLeader].map(([leader, ofLeader]) =>
      queries.broker(leader).send(LIST_OFFSETS, {
        isolationLevel: READ_UNCOMMITTED,
        topics: [{ name: topic, partitions: ofLeader.map((partition) => ({ partition, timestamp: END })) }],
      }),
    ),
  )
  return new Map(
    answers
      .flatMap(({ topics }) => topics.flatMap((one) => one.partitions))
      .map(({ partition, errorCode, offset }) => {
        assertNoError(errorCode)
        return [partition, offset]
      }),
  )
}
