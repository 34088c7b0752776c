import type { InRecord } from './record.ts'
import type { LogPlace } from './topic-logs.ts'

/** One fetch of one partition. */
export interface FetchedBatch {
  readonly partition: number
  /** The requested offset. Only it reveals gaps reliably, because record offsets have holes. */
  readonly fetchedOffset: bigint
  readonly lastOffset: bigint
  readonly highWatermark: bigint
  /** Where its last record, visible or not, ends; null if unknown. */
  readonly end: LogPlace | null
  readonly records: readonly InRecord[]
  /** Memory that the records keep alive: a small record can pin a fetch buffer of megabytes. */
  readonly pinnedBytes: number
}

/** Events of a consumer. All calls are synchronous: no handler may wait. */
export interface GroupConsumerEvents {
  /** The group has (re)joined; these partitions are assigned to us in this generation. */
  onAssigned(partitions: readonly number[]): void
  /** The group coordinator still counts us as a member of the current generation. */
  onHeartbeat(): void
  /** Returns whether the batch was accepted; a rejected batch is delivered again. */
  onBatch(batch: FetchedBatch): boolean
  /** The consumer skipped a range without visible records (control records of a transaction). */
  onSkipped(partition: number, firstOffset: bigint, lastOffset: bigint): void
  /** The requested offset is out of range. The consumer takes no action. */
  onOutOfRange(partition: number): void
  /** The consumer has failed and will not recover by itself. */
  onCrashed(error: Error): void
}

/**
 * A member of a consumer group, used only for membership and fetching. `seek` sets where it reads; the stage commits what was
 * processed.
 */
export interface GroupConsumer {
  start(events: GroupConsumerEvents): Promise<void>
  /** These three do nothing if the partition is no longer assigned or the consumer is closed. */
  pause(partition: number): void
  resume(partition: number): void
  seek(partition: number, offset: bigint): void
  /** Commits the next offset of a partition with a metadata text, for stages that process at least once. */
  commit(partition: number, next: bigint, metadata: string): Promise<void>
  /** Leaves the group, so that its partitions are reassigned at once, and closes the connections. */
  stop(): Promise<void>
}
