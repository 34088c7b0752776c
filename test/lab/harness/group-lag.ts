import { createGroupOffsets } from '../../../src/kafka/group-offsets.ts'
import type { KafkaClient } from '../../../src/kafka/kafka-client.ts'

/** How many records of a topic a group has not committed yet. Three requests, because benchmarks ask while they measure. */
export async function groupLag(kafka: KafkaClient, group: string, topic: string): Promise<bigint> {
  const offsets = createGroupOffsets(kafka)
  const [ends, committed] = await Promise.all([offsets.highWatermarks(topic), offsets.committedAll(group, topic)])
  return [...ends].reduce((lag, [partition, end]) => lag + end - (committed.get(partition)?.offset ?? 0n), 0n)
}
