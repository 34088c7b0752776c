import { v7 as uuidv7 } from 'uuid'
import type { KafkaConnection } from '../../../src/client-security/connections.ts'
import { createKafkaAppendLog } from '../../../src/kafka/kafka-append-log.ts'
import { createKafka } from '../../../src/kafka/kafka-client.ts'
import { providerById } from '../../../src/providers/registry.ts'
import { type RawRecord, toRawRecord } from '../../../src/raw/to-raw-record.ts'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import type { Deployment } from './deployment.ts'
import { SILENT } from './silent-logger.ts'

const WAITING_MAX = 20_000

export interface PreloadedCallback {
  readonly provider: string
  readonly body: Buffer
}

/**
 * Writes callbacks to raw as the gateway would have.
 *
 * @param namespace instead of those of the sources.
 */
export function preloadRaw(
  { config, topics }: Deployment,
  callbacks: Iterable<PreloadedCallback>,
  namespace?: string,
): Promise<void> {
  return preload(config.kafka, topics.raw, config.kafka.partitions, rawRecords(config, callbacks, namespace))
}

/** Writes records to a topic, each to the partition of its key. */
export async function preload(
  connection: KafkaConnection,
  topic: string,
  partitions: number,
  records: Iterable<RawRecord>,
): Promise<void> {
  const { log, close } = createKafkaAppendLog(createKafka({ connection, clientId: 'preload', logger: SILENT }), {
    topic,
    partitions,
    waitingRecordsMax: 100_000,
    waitingBytesMax: 512 << 20,
    retryForMs: 10_000,
  })
  let waiting: Promise<void>[] = []
  for (const record of records) {
    waiting.push(log.append(partitionOf(record.key, partitions), [record]))
    if (waiting.length >= WAITING_MAX) {
      await Promise.all(waiting)
      waiting = []
    }
  }
  await Promise.all(waiting)
  await close()
}

function* rawRecords(
  { sources }: Deployment['config'],
  callbacks: Iterable<PreloadedCallback>,
  otherNamespace: string | undefined,
): Iterable<RawRecord> {
  for (const callback of callbacks) {
    const source = sources.find(({ provider }) => provider === callback.provider)
    const provider = providerById(callback.provider)
    if (source === undefined || provider === undefined) {
      throw new Error(`the deployment has no source of ${callback.provider}`)
    }
    const { id, namespace, currency } = source
    yield toRawRecord(
      {
        callbackId: uuidv7(),
        source: id,
        namespace: otherNamespace ?? namespace,
        currency,
        contentType: 'application/json',
        authenticity: ['basic'],
        receivedAt: Date.now(),
        body: callback.body,
      },
      provider,
    )
  }
}
