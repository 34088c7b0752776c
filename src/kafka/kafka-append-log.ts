import type { Kafka } from 'kafkajs'
import { BatchingAppendLog } from './batching-append-log.ts'
import { stopIfRefused } from './errors.ts'
import { createCluster } from './kafkajs-cluster.ts'
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

const REPLICAS_TIMEOUT_MS = 10_000

/** A BatchingAppendLog with its own connections to the brokers. */
interface KafkaAppendLog {
  readonly log: BatchingAppendLog
  /** Connects if necessary. Rejects if the brokers do not answer. */
  connect(): Promise<void>
  close(): Promise<void>
}

/**
 * Appends with acks from all in-sync replicas. Not idempotent: duplicates are harmless in the topics written this way.
 *
 * Connects at the first append, and again after every failed attempt, so the process can start while Kafka is
 * unavailable.
 */
export function createKafkaAppendLog(kafka: Kafka, options: KafkaAppendLogOptions): KafkaAppendLog {
  const cluster = createCluster(kafka)
  const producer = new LeaderProducer({
    cluster,
    identity: () => null,
    // The batching log already limits the bytes of a batch.
    batchBytesMax: Number.MAX_SAFE_INTEGER,
    replicasTimeoutMs: options.replicasTimeoutMs ?? REPLICAS_TIMEOUT_MS,
    retryForMs: options.retryForMs,
  })
  let connecting: Promise<void> | undefined
  const connect = (): Promise<void> => {
    connecting ??= cluster
      .connect()
      .then(() => producer.know(options.topic))
      .catch((error: unknown) => {
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
        await producer.append(options.topic, partition, records)
      } catch (error) {
        throw stopIfRefused(error, `writing to ${options.topic}`)
      }
    },
  })
  return {
    log,
    connect,
    close: async () => {
      log.close()
      await cluster.disconnect()
    },
  }
}
