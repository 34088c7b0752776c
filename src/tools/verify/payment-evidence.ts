import type { PaymentState } from '../../payment/apply-event.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { StatusChangeRecord } from '../../payment/status-change.ts'
import type { Unreadable } from './raw-events.ts'

/** The kinds of differences that `verify` distinguishes. */
export const DIFFERENCE_KINDS = [
  'lost',
  'duplicated',
  'wrongStatus',
  'wrongVersion',
  'viewDiffers',
  'unexplained',
] as const
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number]

export interface Difference {
  readonly kind: DifferenceKind
  readonly paymentKey: string
  /** One sentence; ids, statuses and positions only. */
  readonly text: string
}

/** Everything the topics hold about one payment. */
export interface PaymentEvidence {
  readonly paymentKey: string
  /** The distinct events of the raw callbacks. */
  readonly raw: readonly RawEvent[]
  /** Its records in `payments.status.changes`, in the order of its steps. */
  readonly changes: readonly ChangeRecord[]
  /** Its last record in `payments.status.current`. */
  readonly current: CurrentRecord
  /** Ids of its events in `payments.events.dlq`, each with the reason. */
  readonly deadLetters: ReadonlyMap<string, string>
}

export interface RawEvent {
  readonly event: PaymentEvent
  /** The position of the first callback that reports it, for people. */
  readonly position: string
  /** Receipt of the last callback that reports it and that both stages have processed; null if they have processed none. */
  readonly dueAt: number | null
}

export interface ChangeRecord {
  readonly offset: bigint
  /** Null if the record cannot be read. */
  readonly change: StatusChangeRecord | null
}

export type CurrentRecord =
  | { readonly kind: 'none' }
  | { readonly kind: 'tombstone' }
  | { readonly kind: 'unreadable' }
  | { readonly kind: 'state'; readonly state: PaymentState }

/** What applies to all payments of a partition. Times are ms since the epoch. */
export interface Circumstances {
  /** Raw contains every callback received since then. */
  readonly rawReachesBackTo: number
  /** True if `changes` still has its first record, so that nothing was deleted. */
  readonly changesFromStart: boolean
  /** The steps in `changes` before this offset were already in `current` when it was read. */
  readonly changesSettledTo: bigint
  /** The start of the comparison; callbacks received later may have been missed. */
  readonly startedAt: number
  readonly forgetAfterMs: number
  readonly sourceIds: ReadonlySet<string>
  /** Receipt ids of callbacks whose body can no longer be read, and why; their recorded events are taken as correct. */
  readonly unreadableCallbacks: ReadonlyMap<string, Unreadable>
  /** False for an event that does not fit our schema; the normalizer makes a dead letter of it. */
  readonly canBeWritten: (event: PaymentEvent) => boolean
  /** True for an event that the status processor has yet to process, again or for the first time. */
  readonly isPending: (eventId: string) => boolean
  /** Whether raw has the callback with this receipt id and this release can read it. */
  readonly isCallbackRead: (callbackId: string) => boolean
}
