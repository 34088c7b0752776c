import type { OutRecord } from './record.ts'

/**
 * Transactions over the outputs and the input offset of one partition.
 *
 * Opening fences every former owner of the partition. After `run` rejects, whatever the error, the outcome is unknown and the
 * object must not be used again: close it, verify that the partition is still ours, and open a new one.
 */
export interface PartitionTransactions {
  run(work: (scope: TransactionScope) => Promise<void>): Promise<void>
  /**
   * Also fences the producer with another transactional id and ends its open transaction. Only before the first `run`.
   * Rejects with DefinedStop if Kafka denies access.
   */
  fence(transactionalId: string): Promise<void>
  /**
   * Ends transactions of this id and of the fenced ids that their coordinator considers complete, but which are still undecided
   * in some outputs of this partition or in its committed offset. Only before the first `run`; rejects as `run` does.
   */
  settle(topics: readonly string[], outcome: 'commit' | 'abort'): Promise<void>
  /** Whether the input offset is decided: no transaction of this group has left its commit undecided. */
  offsetDecided(): Promise<boolean>
  close(): Promise<void>
}

export interface TransactionScope {
  /** Appends to one partition of an output; returns the offset of the first record and the offset after the last. */
  append(topic: string, partition: number, records: readonly OutRecord[]): Promise<{ first: bigint; next: bigint }>
  /** Commits the next input offset and a metadata text, read back at the next start, as part of the transaction. */
  commitOffset(next: bigint, metadata: string): Promise<void>
}
