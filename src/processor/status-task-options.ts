import type { PaymentCodecs } from '../avro/payment-codecs.ts'
import type { ReachCrashPoint } from '../crash-point.ts'
import type { Logger } from '../observability/log.ts'
import type { TotalsDelta } from '../payment/totals.ts'
import type { GroupOffsets } from '../stream/group-offsets.ts'
import type { KeysInPlace } from '../stream/keys-in-place.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import type { SeenTopics } from '../stream/seen-topics.ts'
import type { TopicLogs } from '../stream/topic-logs.ts'
import type { PartitionTransactions } from '../stream/transactions.ts'
import type { TopicNames } from '../topics.ts'
import type { SeenEvent } from './batch-output.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { DuePolicy } from './due.ts'
import type { RestoreDecision } from './restore-view.ts'
import type { StateStore } from './state-store.ts'
import type { WaitReport } from './waiting-store.ts'

/** What a commit did, for metrics. */
export interface Committed {
  /** What it added to the totals. */
  readonly totals: TotalsDelta
  readonly seen: readonly SeenEvent[]
  /** By how much it moved the offset. */
  readonly advanced: bigint
}

/** What the processor of one partition gets from outside: its settings, its clients and its clock. */
export interface StatusTaskOptions {
  readonly partition: number
  readonly group: string
  readonly topics: TopicNames
  readonly clusterId: string
  readonly codecs: PaymentCodecs
  readonly store: StateStore
  readonly reader: PartitionReader
  readonly offsets: GroupOffsets
  readonly logs: TopicLogs
  /** Shared by all partitions of the process. */
  readonly seenTopics: SeenTopics
  /**
   * Connects a transactional producer for this partition and fences every older one with the same id. After the signal has aborted it
   * fences nobody: the partition may have another owner.
   */
  readonly openTransactions: (signal: AbortSignal) => Promise<PartitionTransactions>
  readonly transactionalId: string
  /** Ids under which earlier releases may still work for this partition. */
  readonly formerTransactionalIds: readonly string[]
  readonly environment: string
  /** Of `current`. */
  readonly keys: KeysInPlace
  readonly duePolicy: DuePolicy
  /** Most bytes of events and states in one transaction; the rest of a batch follows in further transactions (I10). */
  readonly portionBytesMax: number
  /** Shared by all partitions of the process: bytes in work, and bytes being replayed into views. */
  readonly budget: ByteBudget
  readonly restoreBudget: ByteBudget
  /** The clock, ms since the epoch. */
  readonly now: () => number
  /** A name that no other assignment of the partition ever had. */
  readonly newToken: () => string
  readonly report: WaitReport
  readonly onCommitted: (committed: Committed) => void
  readonly onRestored: (kind: RestoreDecision['kind'], records: number, durationMs: number) => void
  readonly logger: Logger
  readonly crashPoint?: ReachCrashPoint | undefined
}
