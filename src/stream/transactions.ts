import type { OutRecord } from './record.ts'

/**
 * Transactions over the outputs and the input offset of one partition.
 *
 * Opening fences every former owner of the partition. After `run` rejected, whatever the error, the outcome is unknown
 * and the object must not be used again: close it, make sure that the partition is still ours, and open a new one.
 */
export interface PartitionTransactions {
  run(work: (scope: TransactionScope) => Promise<void>): Promise<void>
  /**
   * Fences whoever works under another transactional id, too, and ends its open transaction. Only before the first `run`.
   * Rejects with DefinedStop if Kafka does not let us.
   */
  fence(transactionalId: string): Promise<void>
  /**
   * Ends what earlier transactions of this id, and of those that were fenced, left undecided in this partition of some outputs, and in the committed
   * offset, although their coordinator says that they are over. Only before the first `run`; rejects as `run` does.
   */
  settle(topics: readonly string[], outcome: 'commit' | 'abort'): Promise<void>
  /** Whether no earlier transaction of this group has left the input offset neither committed nor aborted. */
  offsetDecided(): Promise<boolean>
  close(): Promise<void>
}

export interface TransactionScope {
  /** Appends to one partition of an output; gives the offset of the first record and the offset after the last. */
  append(topic: string, partition: number, records: readonly OutRecord[]): Promise<{ first: bigint; next: bigint }>
  /** Commits the next input offset, with a text that is read back at the next start, as part of the transaction. */
  commitOffset(next: bigint, metadata: string): Promise<void>
}
