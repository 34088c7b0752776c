import { DataKeys } from '../encryption/data-keys.ts'
import { ForgottenKeys } from '../encryption/forgotten-keys.ts'
import { KeyEncryptionKeys } from '../encryption/key-encryption-keys.ts'
import { SealingAppendLog } from '../encryption/sealing-append-log.ts'
import { Access } from '../gateway/access/access.ts'
import { Gateway } from '../gateway/gateway.ts'
import { receiptIds } from '../gateway/receipt-id.ts'
import { createKafkaAppendLog } from '../kafka/kafka-append-log.ts'
import { createKafka } from '../kafka/kafka-client.ts'
import { createPartitionReader } from '../kafka/partition-reader.ts'
import { providerById } from '../providers/registry.ts'
import { compactedAmong } from '../topics.ts'
import type { RunningStage, StageContext } from './stage-context.ts'

export async function startGateway(context: StageContext): Promise<RunningStage> {
  const { config, topics, logger, health, metrics } = context
  // A 503 is better than a hanging request: the Kafka client gives up early, and the provider sends the callback again.
  const kafka = createKafka({
    connection: config.kafka,
    clientId: 'paystatus-gateway',
    logger,
    requestTimeoutMs: 3_000,
    retryForMs: 500,
  })
  const raw = createKafkaAppendLog(kafka, {
    topic: topics.raw,
    partitions: config.kafka.partitions,
    waitingRecordsMax: config.gateway.waitingRecordsMax,
    waitingBytesMax: config.gateway.waitingBytesMax,
    // Retrying beyond the answer deadline would only write callbacks that the caller sends again anyway.
    retryForMs: config.gateway.answerDeadlineMs,
    replicasTimeoutMs: replicasTimeoutOf(config.gateway.answerDeadlineMs),
  })
  const sealed = sealedLog(context, kafka, raw.log)
  const access = new Access({
    ...config.gateway,
    sources: config.sources,
    logger,
    metrics: metrics.gateway,
    now: Date.now,
  })
  const gateway = new Gateway({
    ...config.gateway,
    sources: config.sources,
    access,
    providers: providerById,
    appendLog: sealed?.log ?? raw.log,
    digestOf: sealed?.digestOf,
    crashPoint: context.crashPoint,
    tracing: context.tracing,
    now: Date.now,
    newReceiptId: receiptIds(),
    logger,
    metrics: metrics.gateway,
    health,
  })
  const { host, port } = await gateway.start()
  // Saves the first callback the time to connect. If this fails, each append connects by itself.
  raw.connect().catch(() => {})
  return {
    url: `${access.tls === null ? 'http' : 'https'}://${host}:${port}`,
    stop: async () => {
      await gateway.stop()
      await Promise.all([raw.close(), sealed?.close()])
    },
  }
}

/**
 * A leader answers a request only when the slowest of its partitions is done. So the request must time out well before the
 * answer deadline; otherwise one partition with slow replicas would delay callbacks of the others beyond it.
 */
function replicasTimeoutOf(answerDeadlineMs: number): number {
  return Math.max(1, Math.floor((answerDeadlineMs * 2) / 3))
}

/** Encrypts bodies before they are appended to raw; null if encryption is not configured. */
function sealedLog(
  { config, topics }: StageContext,
  kafka: ReturnType<typeof createKafka>,
  raw: ReturnType<typeof createKafkaAppendLog>['log'],
) {
  const { encryption, gateway } = config
  if (encryption === null || encryption.activeKey === null) {
    return null
  }
  const { waitingRecordsMax, waitingBytesMax } = gateway
  const keks = new KeyEncryptionKeys(encryption.keys, encryption.activeKey)
  const keys = createKafkaAppendLog(kafka, {
    topic: topics.keys,
    partitions: config.kafka.partitions,
    waitingRecordsMax,
    waitingBytesMax,
    retryForMs: gateway.answerDeadlineMs,
    replicasTimeoutMs: replicasTimeoutOf(gateway.answerDeadlineMs),
  })
  const dataKeys = new DataKeys({
    keks,
    log: keys.log,
    notes: new ForgottenKeys(createPartitionReader(kafka, compactedAmong(topics)), topics.forgottenKeys, () =>
      performance.now(),
    ),
    now: Date.now,
    newUuid: receiptIds(),
  })
  return {
    log: new SealingAppendLog({
      raw,
      dataKeys,
      dataKeyPer: encryption.dataKeyPer,
      waitingRecordsMax,
      waitingBytesMax,
      now: Date.now,
    }),
    digestOf: keks.digestOf(),
    close: () => keys.close(),
  }
}
