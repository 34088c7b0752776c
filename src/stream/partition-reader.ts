import type { InRecord } from './record.ts'

/** Reads one partition, without a consumer group, as a read_committed reader sees it. */
export interface PartitionReader {
  range(topic: string, partition: number): Promise<PartitionRange>
  /** What an offset below the end holds. */
  at(topic: string, partition: number, offset: bigint): Promise<Standing>
  /**
   * Reads from `from` (or the start, if that is later) to the end as of the call. `onRecords` receives the visible records in
   * order, in portions, and is awaited. Resolves with the range as of the call; its `end` is where reading stopped.
   */
  read(
    topic: string,
    partition: number,
    from: bigint,
    onRecords: (records: readonly InRecord[]) => Promise<void> | void,
    signal?: AbortSignal,
  ): Promise<PartitionRange>
}

/**
 * `visible`: a record that a read_committed reader sees. `hidden`: a record of an aborted transaction or a control record, which
 * it does not see. `nothing`: retention or compaction removed it.
 */
export type Standing = 'visible' | 'hidden' | 'nothing'

/** Also finds the first offset whose record is not older than a given time. */
export interface TimedPartitionReader extends PartitionReader {
  /** @param since ms since the epoch. The end of the partition if everything is older. */
  offsetAt(topic: string, partition: number, since: number): Promise<bigint>
}

export interface PartitionRange {
  readonly start: bigint
  /** The last stable offset: all transactions before it are decided. */
  readonly end: bigint
  /** Offset after the last record; beyond `end` while a transaction is open. */
  readonly highWatermark: bigint
}
