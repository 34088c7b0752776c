import { BatchingAppendLog } from './batching-append-log.ts'
import { orStop } from './errors.ts'
import type { KafkaClient } from './kafka-client.ts'
import { LeaderProducer } from './leader-producer.ts'

export interface KafkaAppendLogOptions {
  readonly topic: string
  readonly partitions: number
  readonly waitingRecordsMax: number
  readonly waitingBytesMax: number
  /** How long a failing append is retried before it rejects, ms. */
  readonly retryForMs: number
  /** How long a leader may wait for its replicas before it reports a timeout, ms. */
  readonly replicasTimeoutMs?: number
}

/** Below the deadline of a request (10 s): otherwise it would fail as a whole, with the partitions that are well. */
const REPLICAS_TIMEOUT_MS = 5_000

/** A BatchingAppendLog with its own connections to the brokers. */
interface KafkaAppendLog {
  readonly log: BatchingAppendLog
  /** Looks up the leaders, if necessary. Rejects if the brokers do not answer. */
  connect(): Promise<void>
  close(): Promise<void>
}

/**
 * Appends with acks from all in-sync replicas. Not idempotent: duplicates are harmless in the topics written this way.
 *
 * Connects at the first append, so the process can start while Kafka is unavailable.
 */
export function createKafkaAppendLog(kafka: KafkaClient, options: KafkaAppendLogOptions): KafkaAppendLog {
  const cluster = kafka.cluster()
  const producer = new LeaderProducer({
    cluster,
    identity: () => null,
    // Only paystatus reads the topics written this way.
    compresses: () => true,
    // The batching log already limits the bytes of a batch.
    batchBytesMax: Number.MAX_SAFE_INTEGER,
    replicasTimeoutMs: options.replicasTimeoutMs ?? REPLICAS_TIMEOUT_MS,
    retryForMs: options.retryForMs,
  })
  const log = new BatchingAppendLog({
    topic: options.topic,
    partitions: options.partitions,
    waitingRecordsMax: options.waitingRecordsMax,
    waitingBytesMax: options.waitingBytesMax,
    send: (partition, records) =>
      orStop(`writing to ${options.topic}`, async () => {
        await producer.append(options.topic, partition, records)
      }),
  })
  return {
    log,
    connect: () => producer.know(options.topic),
    close: async () => {
      log.close()
      await cluster.close()
    },
  }
}
