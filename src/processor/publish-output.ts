import type { ReachCrashPoint } from '../crash-point.ts'
import type { OutRecord } from '../stream/record.ts'
import type { PartitionTransactions } from '../stream/transactions.ts'
import type { BatchOutput } from './batch-output.ts'
import { outputTruncated } from './settle-outputs.ts'
import { type CommitMetadata, mapOutputs, OUTPUTS, type OutputEnds, toMetadataText } from './view-marker.ts'

/** Where a commit says each output ends. For the `inexact` ones, this is only the end of the topic; see CommitMetadata. */
export interface PromisedEnds {
  readonly ends: OutputEnds
  readonly inexact: readonly (keyof OutputEnds)[]
}

export interface PublishOptions {
  readonly partition: number
  readonly topics: Readonly<Record<keyof OutputEnds, string>>
  /** What the previous commit promised. */
  readonly before: PromisedEnds
  readonly metadata: Omit<CommitMetadata, keyof PromisedEnds>
  readonly crashPoint?: ReachCrashPoint | undefined
}

/**
 * One transaction: `current`, `changes`, dead letters, and the next input offset with what this commit promises. Resolves
 * with the promise once it is committed; after a rejection the outcome is unknown (see PartitionTransactions).
 *
 * Rejects with DefinedStop, and commits nothing, if a new record gets an offset below the end that the previous commit
 * promised: the output has lost records.
 */
export async function publishOutput(
  transactions: PartitionTransactions,
  output: BatchOutput,
  next: bigint,
  { partition, topics, before, metadata, crashPoint }: PublishOptions,
): Promise<PromisedEnds> {
  let promised = before
  await transactions.run(async (scope) => {
    const append = async (topic: string, records: readonly OutRecord[]) =>
      records.length === 0 ? undefined : scope.append(topic, partition, records)
    const [current, changes, eventDeadLetters] = await Promise.all([
      append(topics.current, output.current),
      append(topics.changes, output.changes),
      append(topics.eventDeadLetters, output.deadLetters),
    ])
    crashPoint?.('processor:after-append')
    const appended = { current, changes, eventDeadLetters }
    for (const name of OUTPUTS) {
      const first = appended[name]?.first
      if (first !== undefined && first < before.ends[name]) {
        throw outputTruncated(name, topics[name], partition, before.ends[name], first)
      }
    }
    promised = {
      ends: mapOutputs((name) => appended[name]?.next ?? before.ends[name]),
      inexact: before.inexact.filter((name) => appended[name] === undefined),
    }
    await scope.commitOffset(next, toMetadataText({ ...metadata, ...promised }))
    crashPoint?.('processor:after-offset')
  })
  return promised
}
