import { applyEvent, type PaymentState, type Verdict, type VerdictRule } from '../../payment/apply-event.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'

/** What publishing an event would do to its payment. */
export interface Effect {
  readonly paymentKey: string
  readonly eventId: string
  /** The status that the event reports. */
  readonly status: PaymentStatus
  readonly outcome: 'recorded' | 'duplicate' | 'history-full'
  /** Null unless it is recorded. */
  readonly verdict: Verdict | null
  readonly rule: VerdictRule | null
  /** The payment's status; null if there is no such payment yet. */
  readonly before: PaymentStatus | null
  readonly after: PaymentStatus | null
}

/**
 * The effect of an event on its payment, computed by the function that the status processor uses. Adds the event to `states`, so
 * that several dead letters of one payment are judged in sequence, as they would be processed. Otherwise pure.
 *
 * @param now ms since the epoch.
 */
export function effectOf(event: PaymentEvent, states: Map<string, PaymentState>, now: number): Effect {
  const { paymentKey, eventId, status } = event
  const state = states.get(paymentKey)
  const before = state?.status ?? null
  const applied = applyEvent(state, event, now)
  const base = { paymentKey, eventId, status, outcome: applied.outcome, before }
  if (applied.outcome !== 'recorded') {
    return { ...base, verdict: null, rule: null, after: before }
  }
  const { recorded, state: next } = applied.change
  states.set(paymentKey, next)
  return { ...base, verdict: recorded.verdict, rule: recorded.rule, after: next.status }
}
