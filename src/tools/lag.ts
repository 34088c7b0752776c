import type { Config } from '../config.ts'
import { createGroupOffsets } from '../kafka/group-offsets.ts'
import type { Logger } from '../observability/log.ts'
import type { ReadingStage } from '../observability/metrics.ts'
import type { GroupOffsets } from '../stream/group-offsets.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import { firstRecord } from '../stream/read-until.ts'
import { topicNames } from '../topics.ts'
import { durationText } from './duration-text.ts'
import { textTable } from './text-table.ts'
import { withClients } from './with-clients.ts'

/** How far a stage is behind in one partition of the topic that it reads. */
export interface PartitionLag {
  readonly stage: ReadingStage
  readonly topic: string
  readonly partition: number
  /** Committed next offset; null if the stage never committed one. */
  readonly committed: bigint | null
  /** Offset after the last record. */
  readonly end: bigint
  readonly records: bigint
  /** Age of the oldest record left, by its timestamp, ms; 0 if none is left, null if it is not visible yet. */
  readonly ageMs: number | null
}

export interface LagPorts {
  readonly offsets: Pick<GroupOffsets, 'committed'>
  readonly reader: Pick<PartitionReader, 'range' | 'read'>
}

/** Of both stages that read from Kafka. Rejects if the brokers do not answer. */
export function findLag(config: Config, logger: Logger, signal?: AbortSignal): Promise<readonly PartitionLag[]> {
  return withClients({ config, logger, tool: 'lag' }, ['brokers'], ({ kafka, reader }) =>
    lagOf(config, { offsets: createGroupOffsets(kafka), reader }, Date.now, signal),
  )
}

export async function lagOf(
  config: Pick<Config, 'normalizer' | 'processor' | 'kafka'>,
  ports: LagPorts,
  now: () => number,
  signal?: AbortSignal,
): Promise<readonly PartitionLag[]> {
  const topics = topicNames(config.kafka.topicPrefix)
  const stages = [
    ['normalizer', config.normalizer.group, topics.raw],
    ['processor', config.processor.group, topics.events],
  ] as const
  const found: PartitionLag[] = []
  for (const [stage, group, topic] of stages) {
    for (let partition = 0; partition < config.kafka.partitions; partition += 1) {
      const { offset } = await ports.offsets.committed(group, topic, partition)
      const { start, end: decided, highWatermark: end } = await ports.reader.range(topic, partition)
      const committed = offset < 0n ? null : offset
      // Retention may have removed what was not read.
      const next = committed === null || committed < start ? start : committed
      let records = end > next ? end - next : 0n
      let ageMs: number | null = records === 0n ? 0 : null
      if (records > 0n) {
        const first = await firstRecord(ports.reader, topic, partition, next, signal)
        ageMs = first && Math.max(0, now() - first.timestamp)
      }
      if (ageMs === null && decided >= end) {
        // What follows was aborted, or only marks the ends of transactions: nobody will ever see it.
        records = 0n
        ageMs = 0
      }
      found.push({ stage, topic, partition, committed, end, records, ageMs })
    }
  }
  return found
}

/** The age of the oldest record that a stage has left and that is visible, ms; null if none of those that are left is. */
export function oldestMs(lags: readonly PartitionLag[], stage: ReadingStage): number | null {
  const left = lags.filter((lag) => lag.stage === stage && lag.records > 0n)
  const ages = left.flatMap(({ ageMs }) => ageMs ?? [])
  return left.length > 0 && ages.length === 0 ? null : Math.max(0, ...ages)
}

/** Whether records that a stage has left are not visible yet, because of an open transaction. */
export function hasHidden(lags: readonly PartitionLag[], stage: ReadingStage): boolean {
  return lags.some((lag) => lag.stage === stage && lag.records > 0n && lag.ageMs === null)
}

/** How many records a stage has left, and how old the oldest is. */
export function waitingText(lags: readonly PartitionLag[], stage: ReadingStage): string {
  const records = recordsLeft(lags, stage)
  return records === 0n
    ? 'up to date'
    : `${records} ${records === 1n ? 'record' : 'records'} waiting, ${ageText(lags, stage, durationText)}`
}

/** Of the oldest record that a stage has left. */
export function ageText(lags: readonly PartitionLag[], stage: ReadingStage, textOf: (ms: number) => string): string {
  const ageMs = oldestMs(lags, stage)
  return ageMs === null
    ? 'not visible yet'
    : `the oldest ${textOf(ageMs)} old${hasHidden(lags, stage) ? ', some not visible yet' : ''}`
}

export function recordsLeft(lags: readonly PartitionLag[], stage: ReadingStage): bigint {
  return lags.filter((lag) => lag.stage === stage).reduce((sum, { records }) => sum + records, 0n)
}

export function lagDocument(lags: readonly PartitionLag[]) {
  return {
    partitions: lags.map(({ committed, end, records, ...rest }) => ({
      ...rest,
      committed: committed === null ? null : String(committed),
      end: String(end),
      records: Number(records),
    })),
    stages: stageSums(lags),
  }
}

export function lagLines(lags: readonly PartitionLag[]): readonly string[] {
  const rows = lags.map(({ stage, topic, partition, committed, end, records, ageMs }) => [
    stage,
    `${topic}[${partition}]`,
    committed === null ? '-' : String(committed),
    String(end),
    String(records),
    records === 0n ? '-' : ageMs === null ? 'not visible yet' : durationText(ageMs),
  ])
  return [
    ...textTable(['stage', 'partition', 'committed', 'end', 'records left', 'oldest'], rows),
    ...stageSums(lags).map(({ stage }) => `${stage}: ${waitingText(lags, stage)}`),
  ]
}

function stageSums(lags: readonly PartitionLag[]) {
  return [...new Set(lags.map(({ stage }) => stage))].map((stage) => ({
    stage,
    records: Number(recordsLeft(lags, stage)),
    ageMs: oldestMs(lags, stage),
    someHidden: hasHidden(lags, stage),
  }))
}
