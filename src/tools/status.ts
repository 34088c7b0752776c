import type { Config } from '../config.ts'
import { createGroupOffsets } from '../kafka/group-offsets.ts'
import type { Logger } from '../observability/log.ts'
import { RAW_HEADERS } from '../raw/raw-headers.ts'
import { headerText } from '../stream/header-text.ts'
import type { TimedPartitionReader } from '../stream/partition-reader.ts'
import type { TopicNames } from '../topics.ts'
import { listLetters } from './dlq/dlq.ts'
import { lagOf } from './lag.ts'
import { findOverdue } from './overdue.ts'
import { type ProcessHealth, readHealth } from './process-health.ts'
import { stageMembers } from './stage-members.ts'
import type { InstallationStatus } from './status-report.ts'
import { withClients } from './with-clients.ts'

/** Time span of the rates, ms. */
const RATE_SPAN_MS = 5 * 60_000
/** The last callback of a source is looked for among this many records at the end of each partition of raw. */
const LAST_RECORDS = 500n

/**
 * What an operator asks first, from Kafka and from the processes whose admin addresses are given. Reads `current` completely
 * to find overdue payments. Rejects if the brokers or the registry do not answer.
 */
export async function findStatus(
  config: Config,
  logger: Logger,
  processes: readonly string[],
  signal: AbortSignal,
): Promise<InstallationStatus> {
  const now = Date.now()
  const fromKafka = await withClients(
    { config, logger, tool: 'status' },
    ['brokers'],
    async ({ kafka, reader, topics }) => ({
      lags: await lagOf(config, { offsets: createGroupOffsets(kafka), reader }, Date.now, signal),
      callbacksPerMinute: await perMinute(reader, topics.raw, config.kafka.partitions, now),
      changesPerMinute: await perMinute(reader, topics.changes, config.kafka.partitions, now),
      members: await stageMembers(kafka.queries, config),
      lastCallbacks: await lastCallbacks(reader, topics, config.kafka.partitions, signal),
    }),
  )
  const letters = await listLetters(config, logger, {}, { signal })
  const overdue = await findOverdue(config, logger, signal)
  const health = await Promise.all(processes.map((url) => readHealth(url)))
  return {
    ...fromKafka,
    at: now,
    sources: config.sources.map(({ id }) => ({ id, lastCallbackAt: fromKafka.lastCallbacks.get(id) ?? null })),
    deadLetters: letters.groups,
    ungroupedLetters: letters.ungrouped,
    overdue: overdue.length,
    processes: health satisfies readonly ProcessHealth[],
  }
}

/** Records per minute that a topic got in the last RATE_SPAN_MS. */
async function perMinute(
  reader: Pick<TimedPartitionReader, 'offsetAt' | 'range'>,
  topic: string,
  partitions: number,
  now: number,
): Promise<number> {
  let records = 0n
  for (let partition = 0; partition < partitions; partition += 1) {
    const { end } = await reader.range(topic, partition)
    const from = await reader.offsetAt(topic, partition, now - RATE_SPAN_MS)
    records += end > from ? end - from : 0n
  }
  return Number(records) / (RATE_SPAN_MS / 60_000)
}

/** When the last callback of each source came, ms since the epoch, as far as it is among the last records. */
async function lastCallbacks(
  reader: Pick<TimedPartitionReader, 'range' | 'read'>,
  { raw }: TopicNames,
  partitions: number,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const last = new Map<string, number>()
  for (let partition = 0; partition < partitions; partition += 1) {
    const { start, end } = await reader.range(raw, partition)
    const from = end - LAST_RECORDS > start ? end - LAST_RECORDS : start
    const note = (records: Parameters<Parameters<typeof reader.read>[3]>[0]) => {
      for (const record of records) {
        const source = headerText(record, RAW_HEADERS.source)
        last.set(source, Math.max(last.get(source) ?? 0, record.timestamp))
      }
    }
    await reader.read(raw, partition, from, note, signal)
  }
  return last
}
