import type { CommittedOffset } from './group-offsets.ts'
import { assertSameTopics, originIn } from './origin.ts'
import type { PartitionRange, PartitionReader } from './partition-reader.ts'
import { DefinedStop } from './partition-task.ts'
import { startOffset } from './start-offset.ts'
import type { LogPlace, TopicFacts, TopicLogs } from './topic-logs.ts'

export interface InputLog {
  readonly group: string
  readonly topic: string
  readonly partition: number
  readonly reader: Pick<PartitionReader, 'range'>
  readonly logs: Pick<TopicLogs, 'endOfEpoch' | 'facts'>
  /** The topics that the task works with, as they were when the partition was opened. */
  readonly facts: ReadonlyMap<string, TopicFacts>
}

/**
 * Throws DefinedStop if a topic was recreated, or if the log no longer contains what was read up to `next`: it ends earlier, or
 * it lost its end and grew again. An offset alone cannot reveal the latter; the leader epochs can. Returns the range of the log.
 *
 * @param read Where the last record read ended; null if its leader epoch is unknown.
 * @param committed Where a restart would resume: records read beyond it may not have been processed.
 */
export async function assertLogHolds(
  input: InputLog,
  next: bigint,
  read: LogPlace | null,
  committed: bigint,
): Promise<PartitionRange> {
  const { topic, partition, reader, logs } = input
  const [range, end] = await Promise.all([
    reader.range(topic, partition),
    read === null ? undefined : logs.endOfEpoch(topic, partition, read.leaderEpoch),
  ])
  await assertNotRecreated(input)
  if (read !== null && (end === undefined || end === null || end.leaderEpoch !== read.leaderEpoch)) {
    // The log does not know this leader epoch, so it is unknown how far it matches what was read.
    throw truncated(input, read.offset, range, null, committed)
  }
  if (read !== null && end !== undefined && end !== null && end.offset < read.offset) {
    throw truncated(input, read.offset, range, end.offset, committed)
  }
  if (next > range.highWatermark) {
    throw truncated(input, next, range, range.highWatermark, committed)
  }
  startOffset(input.group, topic, partition, { offset: next, metadata: null }, { ...range, end: range.highWatermark })
  return range
}

/** Where to resume after the committed offset: see startOffset and assertLogHolds. Throws DefinedStop. */
export async function openInputLog(
  input: InputLog,
  committed: CommittedOffset,
): Promise<{ readonly next: bigint; readonly read: LogPlace | null; readonly range: PartitionRange }> {
  const { group, topic, partition } = input
  const read = originIn(committed.metadata)?.read ?? null
  const range =
    read === null ? await rangeOf(input) : await assertLogHolds(input, committed.offset, read, committed.offset)
  return { next: startOffset(group, topic, partition, committed, range), read, range }
}

async function rangeOf(input: InputLog): Promise<PartitionRange> {
  const range = await input.reader.range(input.topic, input.partition)
  await assertNotRecreated(input)
  return range
}

/** After the log was read: a topic may be recreated at any time, and its new log looks as if it had lost records. */
async function assertNotRecreated({ group, topic, partition, logs, facts }: InputLog): Promise<void> {
  const now = await logs.facts([...facts.keys()], { topic, partition })
  assertSameTopics({ group, topic, facts: now }, facts)
}

/** @param agreesTo Offset up to which the log matches what was read; null if unknown. */
function truncated(
  { group, topic, partition }: InputLog,
  read: bigint,
  range: PartitionRange,
  agreesTo: bigint | null,
  committed: bigint,
): DefinedStop {
  const where = `--group ${group} --topic ${topic}:${partition} --reset-offsets`
  const [found, target] =
    agreesTo === null
      ? ['the log no longer holds the records that were read', '--to-earliest']
      : [`the log matches what was read only up to offset ${agreesTo}`, `--to-offset ${agreesTo}`]
  return new DefinedStop(
    'LOG_TRUNCATED',
    `${topic}[${partition}] lost records: group ${group} has read up to offset ${read}, but ${found}; the topic now holds offsets ${range.start} to ${range.highWatermark}. Probably a broker without all records was elected leader, or a broker lost its disk. Nothing was skipped, and no new record was processed. ` +
      (agreesTo !== null && agreesTo >= committed
        ? `Only records that were read but not yet processed are lost. Start again: group ${group} resumes at offset ${committed}. `
        : `To process the new records (repeats are recognised): stop all processes of the group, run kafka-consumer-groups.sh ${where} ${target} --execute, and start again. `) +
      `Then run \`paystatus verify --all\`, which reports whether any payment has missing data.`,
  )
}
