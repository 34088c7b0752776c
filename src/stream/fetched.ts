import type { InRecord } from './record.ts'
import type { LogPlace } from './topic-logs.ts'

/** Where a reader of one partition continues. */
export interface FetchFrom {
  readonly offset: bigint
  /** Where the last record read before it ended; null if unknown. If known, the leader checks that its log still holds it. */
  readonly read: LogPlace | null
}

export interface FetchedRecords {
  readonly kind: 'records'
  /** What a read_committed reader sees; may be empty. */
  readonly records: readonly InRecord[]
  /** The next offset to fetch. Equal to the requested one if there was nothing to read. */
  readonly next: bigint
  /** Where the last batch that was read ends; null if nothing was read. */
  readonly end: LogPlace | null
  readonly highWatermark: bigint
  readonly lastStableOffset: bigint
  /** Memory that the records keep alive: a small record can pin a fetch buffer of megabytes. */
  readonly pinnedBytes: number
}

/** A leader's answer. A problem with the reader's position is reported here, never corrected silently. */
export type Fetched =
  | FetchedRecords
  /** The log does not have the offset: it begins later or ends earlier. */
  | { readonly kind: 'out-of-range' }
  /** The log lost its end since it was read. `at`: the end of the latest leader epoch it has that is not later than the reader's. */
  | { readonly kind: 'truncated'; readonly at: LogPlace }
  /** The topic was deleted and created again. */
  | { readonly kind: 'other-topic'; readonly topicId: string }
