import { createKafka } from '../../../src/kafka/kafka-client.ts'
import { createPartitionReader } from '../../../src/kafka/partition-reader.ts'
import type { ReadRecord } from '../harness/observer.ts'
import { insistently } from './insistently.ts'
import type { Lab } from './lab.ts'

/** Tells the judges the events that may be deleted from the topic. */
export async function keepEvents(lab: Lab): Promise<void> {
  const kept = new Set(lab.deletedEvents.map(identityOf))
  for (let partition = 0; partition < lab.partitions; partition += 1) {
    const records = await readPartition(lab, lab.deployment.topics.events, partition)
    lab.deletedEvents.push(...records.filter((record) => !kept.has(identityOf(record))))
  }
}

/** A topic that was created again has other records at the same offsets. */
export function identityOf({ partition, offset, value }: ReadRecord): string {
  return `${partition}/${offset} ${value?.toString('base64')}`
}

/** All visible records of a partition. */
export async function readPartition(lab: Lab, topic: string, partition: number): Promise<readonly ReadRecord[]> {
  const { config, logger } = lab.deployment
  const reader = createPartitionReader(createKafka({ connection: config.kafka, clientId: 'laboratory', logger }))
  return insistently(async () => {
    const found: ReadRecord[] = []
    await reader.read(topic, partition, 0n, (records) => {
      found.push(...records.map((record) => ({ ...record, headers: record.headers, partition })))
    })
    return found
  })
}
