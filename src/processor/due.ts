import { createHash } from 'node:crypto'
import type { PaymentState } from '../payment/apply-event.ts'
import { countsForItself } from '../payment/fold-payment.ts'
import { PAYMENT_STATUSES, type PaymentStatus } from '../payment/payment-status.ts'

/** When a payment becomes due without an event. Plain data, because the view stores a fingerprint of it. */
export interface DuePolicy {
  /** Time without a new record after which a payment is forgotten, ms. */
  readonly retentionMs: number
  readonly nextStatusWithin: NextStatusWithin
}

/**
 * How long a payment may keep its status, counted from its last status change or its execution date, whichever is later,
 * ms; null: forever. The most specific setting applies. `default` covers open statuses only; others must be named.
 */
export interface NextStatusWithin {
  readonly default: number | null
  readonly providers: Readonly<Record<string, Readonly<Partial<Record<PaymentStatus | 'default', number | null>>>>>
}

const DAY_MS = 86_400_000

/** A short text that differs when the policy differs. */
export function fingerprintOf(policy: DuePolicy): string {
  return createHash('sha256').update(JSON.stringify(policy)).digest('base64url').slice(0, 12)
}

/** When a timer must handle the payment if no event comes, ms since the epoch. */
export function dueAt(state: PaymentState, policy: DuePolicy): number {
  const forgetAt = state.touchedAt + policy.retentionMs
  const overdueAt = overdueTime(state, policy)
  return overdueAt === null ? forgetAt : Math.min(overdueAt, forgetAt)
}

export type DueAction = 'overdue' | 'forget' | 'wait'

/** What is due for a payment now. `wait`: its due time in the view was too early or stale. */
export function dueAction(state: PaymentState, now: number, policy: DuePolicy): DueAction {
  if (now >= state.touchedAt + policy.retentionMs) {
    return 'forget'
  }
  const overdueAt = overdueTime(state, policy)
  return overdueAt !== null && now >= overdueAt ? 'overdue' : 'wait'
}

/** Marks a payment overdue: a new version without an event. The mark stays until the status changes. */
export function markOverdue(state: PaymentState, now: number): PaymentState {
  return { ...state, statusVersion: state.statusVersion + 1, overdueSince: now }
}

/** Null if the payment may keep its status, or was reported already. */
function overdueTime(state: PaymentState, policy: DuePolicy): number | null {
  const within = nextStatusWithin(state, policy.nextStatusWithin)
  if (within === null || state.overdueSince !== null) {
    return null
  }
  const waitsUntil = endOfDay(state.details.requestedExecutionDate)
  return Math.max(state.statusChangedAt, waitsUntil) + within
}

/** The end of the given day in UTC, ms since the epoch; time of day and UTC offset are ignored. 0 without a date. */
function endOfDay(date: string | null): number {
  const [, year, month, day] = ISO_DAY.exec(date ?? '') ?? []
  return day === undefined ? 0 : Date.UTC(Number(year), Number(month) - 1, Number(day)) + DAY_MS
}

const ISO_DAY = /^([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?![0-9])/

function nextStatusWithin({ status, decidedBy, events }: PaymentState, allowed: NextStatusWithin): number | null {
  const own = events.filter(({ event }) => countsForItself(event))
  if (own.length === 0) {
    // Known only from its refund, or from events that were withdrawn: no provider announced a further status.
    return null
  }
  const deciding = own.find(({ event }) => event.eventId === decidedBy) ?? own[0]
  const ofProvider = allowed.providers[deciding?.event.provider ?? ''] ?? {}
  const named = ofProvider[status]
  if (named !== undefined || PAYMENT_STATUSES[status].finality !== 'open') {
    return named ?? null
  }
  return ofProvider.default === undefined ? allowed.default : ofProvider.default
}
