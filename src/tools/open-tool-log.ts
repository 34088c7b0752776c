import type { Kafka } from 'kafkajs'
import { createKafkaAppendLog } from '../kafka/kafka-append-log.ts'

/** An append log for a command that writes a topic in small portions. Connects when first used; close it afterwards. */
export function openToolLog(kafka: Kafka, topic: string, partitions: number): ReturnType<typeof createKafkaAppendLog> {
  return createKafkaAppendLog(kafka, {
    topic,
    partitions,
    waitingRecordsMax: 100_000,
    waitingBytesMax: 64 << 20,
    retryForMs: 10_000,
  })
}
