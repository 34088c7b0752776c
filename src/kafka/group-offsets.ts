import type { CommittedOffset, GroupOffsets } from '../stream/group-offsets.ts'
import { assertNoError } from './client/client-errors.ts'
import type { Cluster } from './client/cluster.ts'
import { LIST_OFFSETS, OFFSET_FETCH } from './client/requests.ts'
import { stopIfRefused } from './errors.ts'
import type { KafkaClient } from './kafka-client.ts'

const END = -1n
const CONSUMER = -1
const ANY_EPOCH = -1
const READ_UNCOMMITTED = 0
/** As in METADATA: the partition has no leader, so its end is unknown. */
const NO_LEADER = -1

export function createGroupOffsets({ queries }: KafkaClient): GroupOffsets {
  return {
    async committed(group, topic, partition) {
      const found = (await committedIn(queries, group, topic, [partition])).get(partition)
      if (found === undefined) {
        throw new Error(`the coordinator's response for group ${group} does not include ${topic}[${partition}]`)
      }
      return found
    },
    // Requests all topics: nothing lists the partitions that no longer exist, so they cannot be requested by number.
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
  try {
    return await queries.onCoordinator('group', group, async (coordinator) => {
      const { groups } = await coordinator.send(OFFSET_FETCH, { groups: [{ group, topics }], requireStable: false })
      assertNoError(groups[0]?.errorCode ?? 0)
      const found = groups[0]?.topics.find(({ name }) => name === topic)?.partitions ?? []
      return new Map(
        found.map(({ partition, offset, metadata, errorCode }) => {
          assertNoError(errorCode)
          return [partition, { offset, metadata }]
        }),
      )
    })
  } catch (error) {
    throw stopIfRefused(error, `the offsets of group ${group} in ${topic}`)
  }
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
        replicaId: CONSUMER,
        isolationLevel: READ_UNCOMMITTED,
        topics: [
          {
            name: topic,
            partitions: ofLeader.map((partition) => ({ partition, currentLeaderEpoch: ANY_EPOCH, timestamp: END })),
          },
        ],
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
