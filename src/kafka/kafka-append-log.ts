import type { Kafka } from 'kafkajs'
import { BatchingAppendLog } from './batching-append-log.ts'
import { namedPartition, sendToPartition } from './send-to-partition.ts'

export interface KafkaAppendLogOptions {
  readonly topic: string
  readonly partitions: number
  readonly waitingRecordsMax: number
  readonly waitingBytesMax: number
  /** Called after every send to the broker: how the last one went. */
  readonly onSent?: (error: Error | null) => void
}

/** A BatchingAppendLog with its own connection to the brokers. */
export interface KafkaAppendLog {
  readonly log: BatchingAppendLog
  /** Whether the brokers answer; connects if need be. Rejects if they do not. */
  connect(): Promise<void>
  close(): Promise<void>
}

/**
 * Appends with acks from all in-sync replicas. Not idempotent: kafkajs's idempotent producer loses an acknowledged
 * record when sends run concurrently and a response is lost, and a repeat is harmless in the topics written this way.
 *
 * Connects at the first append and again after every failure, so the process can start while Kafka is away.
 */
export function createKafkaAppendLog(kafka: Kafka, options: KafkaAppendLogOptions): KafkaAppendLog {
  const producer = kafka.producer({
    idempotent: false,
    allowAutoTopicCreation: false,
    createPartitioner: namedPartition,
  })
  let connecting: Promise<void> | undefined
  const connect = (): Promise<void> => {
    connecting ??= producer.connect().catch((error: unknown) => {
      connecting = undefined
      throw error
    })
    return connecting
  }
  const log = new BatchingAppendLog({
    topic: options.topic,
    partitions: options.partitions,
    waitingRecordsMax: options.waitingRecordsMax,
    waitingBytesMax: options.waitingBytesMax,
    send: async (partition, records) => {
      try {
        await connect()
        // The batching log already bounds the bytes of a send.
        await sendToPartition(
          (batch) => producer.sendBatch(batch),
          options.topic,
          partition,
          records,
          Number.MAX_SAFE_INTEGER,
        )
        options.onSent?.(null)
      } catch (error) {
        options.onSent?.(error as Error)
        throw error
      }
    },
  })
  return {
    log,
    connect,
    close: async () => {
      log.close()
      await producer.disconnect()
    },
  }
}
