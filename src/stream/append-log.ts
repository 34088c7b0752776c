import type { OutRecord } from './record.ts'

/**
 * Appends records to one topic, at least once: a promise that fulfils means that all in-sync replicas have the records.
 * One that rejects means the outcome is unknown: try again (a repeat is harmless in the topics written this way) or tell
 * the caller.
 */
export interface AppendLog {
  readonly topic: string
  readonly partitions: number
  /** Appends the records, in this order, to one partition. Rejects with AppendError. */
  append(partition: number, records: readonly OutRecord[], options?: AppendOptions): Promise<void>
}

export interface AppendOptions {
  /** Once aborted, records that were not yet handed to the broker are dropped from the queue. */
  readonly signal?: AbortSignal
}
