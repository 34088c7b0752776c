import { createGroupOffsets } from '../../../src/kafka/group-offsets.ts'
import type { KafkaClient } from '../../../src/kafka/kafka-client.ts'

/** How many records of a topic a group has not committed yet. */
export async function groupLag(kafka: KafkaClient, group: string, topic: string): Promise<bigint> {
  const offsets = createGroupOffsets(kafka)
  let lag = 0n
  for (const [partition, end] of await offsets.highWatermarks(topic)) {
    const { offset } = await offsets.committed(group, topic, partition)
    lag += end - (offset < 0n ? 0n : offset)
  }
  return lag
}
