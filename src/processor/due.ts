import type { PaymentState } from '../payment/apply-event.ts'
import { PAYMENT_STATUSES } from '../payment/payment-status.ts'

export interface DuePolicy {
  /** An open payment without a change for so long, after its execution date, is overdue, ms. */
  readonly overdueAfterMs: number
  /** A payment without any record for so long is forgotten, ms. */
  readonly forgetAfterMs: number
}

const DAY_MS = 86_400_000

/** When a payment needs to be looked at without an event, ms since the epoch. */
export function dueAt(state: PaymentState, policy: DuePolicy): number {
  const forgetAt = state.touchedAt + policy.forgetAfterMs
  const overdueAt = overdueTime(state, policy)
  return overdueAt === null ? forgetAt : Math.min(overdueAt, forgetAt)
}

export type DueAction = 'overdue' | 'forget' | 'wait'

/** What is due for a payment now. `wait`: the index was early or stale. */
export function dueAction(state: PaymentState, now: number, policy: DuePolicy): DueAction {
  if (now >= state.touchedAt + policy.forgetAfterMs) {
    return 'forget'
  }
  const overdueAt = overdueTime(state, policy)
  return overdueAt !== null && now >= overdueAt ? 'overdue' : 'wait'
}

/** Reports a payment overdue: one more version, no event; the mark stays until the status changes. */
export function markOverdue(state: PaymentState, now: number): PaymentState {
  return { ...state, statusVersion: state.statusVersion + 1, overdueSince: now }
}

/** Null if the payment is not open or was reported already. */
function overdueTime(state: PaymentState, policy: DuePolicy): number | null {
  if (PAYMENT_STATUSES[state.status].finality !== 'open' || state.overdueSince !== null) {
    return null
  }
  const executionDay = Date.parse(`${state.details.requestedExecutionDate}T00:00:00Z`)
  const waitsUntil = Number.isNaN(executionDay) ? 0 : executionDay + DAY_MS
  return Math.max(state.statusChangedAt, waitsUntil) + policy.overdueAfterMs
}
