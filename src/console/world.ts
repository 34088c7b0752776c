import type { ReadingStage } from '../observability/metrics.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import type { StatusChangeRecord } from '../payment/status-change.ts'
import type { AuditReport } from '../tools/audit/list-acts.ts'
import type { AbsentLetter, CloseReport, RedriveReport, ShownLetter } from '../tools/dlq/dlq.ts'
import type { GroupedLetters } from '../tools/dlq/group-letters.ts'
import type { LetterFilter } from '../tools/dlq/letter-filter.ts'
import type { LetterPlace } from '../tools/dlq/letter-place.ts'
import type { Decider, RedrivenLetter } from '../tools/dlq/redrive-letters.ts'
import type { Selection } from '../tools/dlq/select-letters.ts'
import type { DriftReport } from '../tools/drift.ts'
import type { FiringAlert } from '../tools/firing-alerts.ts'
import type { PartitionLag } from '../tools/lag.ts'
import type { LoadedPayment } from '../tools/load-states.ts'
import type { ProcessHealth } from '../tools/process-health.ts'
import type { PlannedPayment } from '../tools/reprocess/plan-payment.ts'
import type { ReprocessReport } from '../tools/reprocess/reprocess-report.ts'
import type { ReprocessScope } from '../tools/reprocess/reprocess-scope.ts'
import type { Scorecard } from '../tools/scorecard/scorecard.ts'
import type { PaymentExplanation } from '../tools/why/explain-payment.ts'
import type { TopicNames } from '../topics.ts'
import type { ActivityPoint } from './activity.ts'
import type { FeedProgress, LiveChange } from './console-feed.ts'
import type { Jobs } from './jobs.ts'
import type { PaymentBoard } from './payment-board.ts'

/** A value read in the background, with its age; null: not read yet. */
export interface Reading<T> {
  readonly value: T | null
  /** ms since the epoch. */
  readonly at: number | null
  readonly trouble: string | null
}

/** The place of a callback in raw, or of a dead letter. */
export interface BodyPlace {
  readonly topic: 'raw' | 'rawDeadLetters' | 'eventDeadLetters'
  readonly partition: number
  readonly offset: bigint
}

/**
 * What the console shows and does. Everything behind it exists as a command, too. What reads topics for a request rejects with
 * ReadLimitError while too many do.
 */
export interface ConsoleWorld {
  readonly topics: TopicNames
  readonly partitions: number
  /** Ids of the configured sources. */
  readonly sources: readonly string[]
  readonly board: PaymentBoard
  readonly feed: {
    readonly progress: FeedProgress
    readonly recent: readonly LiveChange[]
    subscribe(listener: (change: LiveChange) => void): () => void
  }
  readonly activity: { readonly points: readonly ActivityPoint[]; readonly trouble: string | null }
  readonly jobs: Jobs
  /** ms since the epoch. */
  readonly now: () => number
  readonly lag: () => Reading<readonly PartitionLag[]>
  /** How many processes of each stage are members of its group. */
  readonly members: () => Reading<Readonly<Record<ReadingStage, number>>>
  /** This process, and those of `console.watch`. */
  readonly processes: () => Reading<readonly ProcessHealth[]>
  /** Null: `console.prometheus` is not set. */
  readonly alerts: () => Reading<readonly FiringAlert[]> | null
  /** Open dead letters by topic and reason; null until all are counted. */
  readonly openLetters: () => Reading<readonly (readonly [topic: string, reason: string, count: number])[]>

  /** What to do about an alert, in Markdown; null: there is no runbook with this name. */
  runbook(alert: string): string | null
  /** Payments that do not exist are left out. */
  load(paymentKeys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, LoadedPayment>>
  /** By key, provider's id or endToEndId, without the index: slower, and needed only until the index is built. */
  findWithoutIndex(id: string, signal: AbortSignal): Promise<readonly PaymentState[]>
  /** The payment's records in `changes`, in the order of the log, as far back as retention and the payment's first event reach. */
  changesOf(state: PaymentState, signal: AbortSignal): Promise<readonly StatusChangeRecord[]>
  explain(state: PaymentState, signal: AbortSignal): Promise<PaymentExplanation>

  listLetters(filter: LetterFilter, signal: AbortSignal): Promise<GroupedLetters>
  showLetter(place: LetterPlace, signal: AbortSignal): Promise<ShownLetter | null>
  redrive(
    selection: Selection,
    options: {
      readonly decider: Decider | null
      readonly again: boolean
      readonly signal: AbortSignal
      readonly onLetter: (letter: RedrivenLetter) => undefined
      readonly onAbsent: (letter: AbsentLetter) => void
    },
  ): Promise<RedriveReport>
  closeLetters(
    selection: Selection,
    options: {
      readonly decider: Decider
      readonly signal: AbortSignal
      readonly onAbsent: (letter: AbsentLetter) => void
    },
  ): Promise<CloseReport>
  reprocess(
    scope: ReprocessScope,
    options: {
      readonly decider: Decider | null
      readonly signal: AbortSignal
      readonly onPayment: (payment: PlannedPayment) => void
      readonly onProgress: (line: string) => void
    },
  ): Promise<ReprocessReport>
  drift(signal: AbortSignal): Promise<DriftReport>
  /** Answer codes come from the processes of `console.watch` that answer. */
  scorecard(since: number, signal: AbortSignal): Promise<Scorecard>
  audit(signal: AbortSignal): Promise<AuditReport>
  /** The body, decrypted, after the act stands in the audit trail. Null if there is none, or if it cannot be read. */
  openBody(place: BodyPlace, decider: Decider, signal: AbortSignal): Promise<Buffer | null>
}
