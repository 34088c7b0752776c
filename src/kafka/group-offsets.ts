import type { Admin } from 'kafkajs'
import type { CommittedOffset, GroupOffsets } from '../stream/group-offsets.ts'
import { stopIfRefused } from './errors.ts'
import { within } from './within.ts'

/** kafkajs retries within this time, as its retry settings say. */
const REQUEST_MAX_MS = 30_000

/** GroupOffsets over kafkajs's admin client. */
export function createGroupOffsets(admin: Admin): GroupOffsets {
  return {
    async committed(group, topic, partition): Promise<CommittedOffset> {
      const topics = await within(REQUEST_MAX_MS, admin.fetchOffsets({ groupId: group, topics: [topic] })).catch(
        (error: unknown) => {
          throw stopIfRefused(error, `the offsets of group ${group} in ${topic}`)
        },
      )
      // The response lists the partitions in no particular order.
      const found = topics[0]?.partitions.find((entry) => entry.partition === partition)
      if (found === undefined) {
        throw new Error(`the coordinator's response for group ${group} does not include ${topic}[${partition}]`)
      }
      return { offset: BigInt(found.offset), metadata: found.metadata ?? null }
    },
    async committedAll(group, topic) {
      // Requests all topics: for a named topic kafkajs requests only the partitions that exist now, not deleted ones.
      const topics = await within(REQUEST_MAX_MS, admin.fetchOffsets({ groupId: group })).catch((error: unknown) => {
        throw stopIfRefused(error, `the offsets of group ${group}`)
      })
      const found = topics.find((entry) => entry.topic === topic)?.partitions ?? []
      return new Map(
        found
          .filter(({ offset }) => BigInt(offset) >= 0n)
          .map(({ partition, offset, metadata }) => [
            partition,
            { offset: BigInt(offset), metadata: metadata ?? null },
          ]),
      )
    },
    async highWatermarks(topic) {
      const offsets = await within(REQUEST_MAX_MS, admin.fetchTopicOffsets(topic))
      return new Map(offsets.map((entry) => [entry.partition, BigInt(entry.high)]))
    },
    async clusterId() {
      return (await within(REQUEST_MAX_MS, admin.describeCluster())).clusterId
    },
  }
}
