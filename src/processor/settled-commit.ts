import type { CommittedOffset } from '../stream/group-offsets.ts'
import type { PartitionTransactions } from '../stream/transactions.ts'
import { settleOutputs } from './settle-outputs.ts'
import type { StatusTaskOptions } from './status-task-options.ts'
import { type CommitMetadata, fromMetadataText, NO_OUTPUT, OUTPUTS, type OutputEnds } from './view-marker.ts'

export interface SettledCommit {
  readonly committed: CommittedOffset
  /** Null if the offset was not committed by this stage. */
  readonly metadata: CommitMetadata | null
  readonly ends: OutputEnds
  /** Outputs whose `ends` is only the end of the topic; see CommitMetadata. */
  readonly inexact: readonly (keyof OutputEnds)[]
}

/** Settles the outputs of a partition, then returns its commit. Rejects as settleOutputs does. */
export async function settledCommit(
  options: StatusTaskOptions,
  transactions: PartitionTransactions,
): Promise<SettledCommit> {
  const { partition, group, topics, offsets, reader, logger } = options
  const readCommitted = async () => {
    const committed = await offsets.committed(group, topics.events, partition)
    return { committed, metadata: fromMetadataText(committed.metadata) }
  }
  const before = await readCommitted()
  const promised = before.metadata?.ends ?? (before.committed.offset === -1n ? NO_OUTPUT : null)
  const inexact = inexactOf(before.metadata)
  const { ends, settled } = await settleOutputs({ partition, topics, promised, inexact, reader, transactions, logger })
  // Settling may have changed the committed offset.
  const { committed, metadata } = settled ? await readCommitted() : before
  return { committed, metadata, ends: metadata?.ends ?? ends, inexact: inexactOf(metadata) }
}

/** Without a promise, or with that of an older release, only the ends of the topics are known. */
function inexactOf(metadata: CommitMetadata | null): readonly (keyof OutputEnds)[] {
  return metadata?.inexact ?? OUTPUTS
}
