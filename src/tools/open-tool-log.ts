import { createKafkaAppendLog } from '../kafka/kafka-append-log.ts'
import type { KafkaClient } from '../kafka/kafka-client.ts'

/** An append log for a command that writes a topic in small portions. Connects when first used; close it afterwards. */
export function openToolLog(
  kafka: KafkaClient,
  topic: string,
  partitions: number,
): ReturnType<typeof createKafkaAppendLog> {
  return createKafkaAppendLog(kafka, {
    topic,
    partitions,
    waitingRecordsMax: 100_000,
    waitingBytesMax: 64 << 20,
    retryForMs: 10_000,
  })
}
