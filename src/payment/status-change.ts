import { type Change, type PaymentState, VERDICT_RULES, type Verdict } from './apply-event.ts'
import type { AttentionCode } from './fold-payment.ts'
import type { PaymentEvent, PaymentKind } from './payment-event.ts'
import { type Finality, PAYMENT_STATUSES, type PaymentStatus } from './payment-status.ts'

/**
 * One step of a payment as consumers read it: the value of `payments.status.changes`.
 *
 * The fields have the names of `schemas/payment-status-change.avsc`, so that a record is encoded without being copied.
 */
export interface StatusChangeRecord {
  readonly paymentKey: string
  readonly incarnation: number
  readonly statusVersion: number
  readonly verdict: ChangeVerdict
  readonly rule: ChangeRule
  /** Null for the first record of an incarnation. */
  readonly statusBefore: PaymentStatus | null
  readonly statusAfter: PaymentStatus
  readonly statusChanged: boolean
  readonly finality: PublishedFinality
  readonly kind: PaymentKind
  readonly relatesTo: string | null
  readonly endToEndId: string | null
  /** All codes that apply after this step, not only new ones. */
  readonly attention: readonly AttentionCode[]
  readonly overdueSince: number | null
  /** When the status processor recorded the step, ms since the epoch. */
  readonly recordedAt: number
  /** If the event replaces a known reading (RESTATED, WITHDRAWN), that reading's mapping version; otherwise null. */
  readonly mappingVersionBefore: number | null
  /** Null when the payment became overdue, because no event caused that. */
  readonly event: PaymentEvent | null
}

/** The verdicts in `changes`: those of events, and OVERDUE, which is caused by a timer. */
export type ChangeVerdict = Verdict | 'OVERDUE'

/** The rules behind them, highest precedence first. */
export const CHANGE_RULES = {
  ...VERDICT_RULES,
  overdue: { verdict: 'OVERDUE', text: 'no event: an open payment has waited longer than allowed' },
} as const satisfies Record<string, { verdict: ChangeVerdict; text: string }>
export type ChangeRule = keyof typeof CHANGE_RULES

/** Published enum symbols are upper case; lower-case `final` is a reserved word in generated Java code. */
export type PublishedFinality = Uppercase<Finality>

const PUBLISHED = { open: 'OPEN', soft: 'SOFT', final: 'FINAL' } as const satisfies Record<Finality, PublishedFinality>

/** The published symbols, weakest first. */
export const PUBLISHED_FINALITIES: readonly PublishedFinality[] = Object.values(PUBLISHED)

/** The finality of a status, as published. */
export function publishedFinalityOf(status: PaymentStatus): PublishedFinality {
  return PUBLISHED[PAYMENT_STATUSES[status].finality]
}

/** The record of `changes` for an event that was recorded. */
export function toStatusChange(change: Change): StatusChangeRecord {
  const { state, statusBefore, recorded, restated } = change
  return {
    paymentKey: state.paymentKey,
    incarnation: state.incarnation,
    statusVersion: state.statusVersion,
    verdict: recorded.verdict,
    rule: recorded.rule,
    statusBefore,
    statusAfter: state.status,
    statusChanged: statusBefore !== state.status,
    finality: publishedFinalityOf(state.status),
    kind: state.kind,
    relatesTo: state.relatesTo,
    endToEndId: state.details.endToEndId,
    attention: state.attention,
    overdueSince: state.overdueSince,
    recordedAt: recorded.recordedAt,
    mappingVersionBefore: restated?.mappingVersion ?? null,
    event: recorded.event,
  }
}

/**
 * The record of `changes` for a payment that became overdue. `stateAfter` already has the mark (`overdueSince`) and the
 * `statusVersion` of this step. The recording time is the time of the mark, because no event was recorded.
 */
export function overdueChange(stateAfter: PaymentState): StatusChangeRecord {
  const { overdueSince, status } = stateAfter
  if (overdueSince === null) {
    throw new TypeError('overdueChange needs a state that is marked overdue')
  }
  return {
    paymentKey: stateAfter.paymentKey,
    incarnation: stateAfter.incarnation,
    statusVersion: stateAfter.statusVersion,
    verdict: 'OVERDUE',
    rule: 'overdue',
    statusBefore: status,
    statusAfter: status,
    statusChanged: false,
    finality: publishedFinalityOf(status),
    kind: stateAfter.kind,
    relatesTo: stateAfter.relatesTo,
    endToEndId: stateAfter.details.endToEndId,
    attention: stateAfter.attention,
    overdueSince,
    recordedAt: overdueSince,
    mappingVersionBefore: null,
    event: null,
  }
}
