import type { InRecord } from './record.ts'
import type { LogPlace } from './topic-logs.ts'

/** One fetch of one partition. */
export interface FetchedBatch {
  readonly partition: number
  /** The offset that was asked for. The only sound place to look for a gap: offsets of records have holes. */
  readonly fetchedOffset: bigint
  readonly lastOffset: bigint
  readonly highWatermark: bigint
  /** Where its last record ends, be it visible or not; null if that is not known. */
  readonly end: LogPlace | null
  readonly records: readonly InRecord[]
  /** Memory that the records keep alive: a small record can pin a fetch buffer of megabytes. */
  readonly pinnedBytes: number
}

/** What a consumer tells its user. All calls are synchronous: nothing here may wait. */
export interface GroupConsumerEvents {
  /** The group has (re)joined; these partitions are ours in this generation. */
  onAssigned(partitions: readonly number[]): void
  /** The group coordinator still counts us as a member of the present generation. */
  onHeartbeat(): void
  /** Returns whether the batch was taken; one that was not comes again. */
  onBatch(batch: FetchedBatch): boolean
  /** The consumer passed over a stretch without visible records (control records of a transaction). */
  onSkipped(partition: number, firstOffset: bigint, lastOffset: bigint): void
  /** The log of the partition has no record at the offset that was asked for. Nothing is done about it. */
  onOutOfRange(partition: number): void
  /** The consumer is dead and will not come back by itself. */
  onCrashed(error: Error): void
}

/**
 * A member of a consumer group, used for what it does well: membership and fetching. Where to read is told to it by
 * `seek`; what was processed is committed by the stage.
 */
export interface GroupConsumer {
  start(events: GroupConsumerEvents): Promise<void>
  /** These three are harmless when the partition or the consumer is gone. */
  pause(partition: number): void
  resume(partition: number): void
  seek(partition: number, offset: bigint): void
  /** Commits the next offset of a partition with a text that is read back, for stages that process at least once. */
  commit(partition: number, next: bigint, metadata: string): Promise<void>
  /** Leaves the group, so that the partitions move at once, and closes the connections. */
  stop(): Promise<void>
}
