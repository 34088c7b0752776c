import type { PaymentState } from '../payment/apply-event.ts'
import { compareVersions } from '../payment/compare-versions.ts'
import { type AttentionCode, foldPayment } from '../payment/fold-payment.ts'
import type { PaymentStatus } from '../payment/payment-status.ts'
import type { StatusChangeRecord } from '../payment/status-change.ts'

/** What paystatus had published about a payment at a moment. */
export interface Standing {
  readonly incarnation: number
  readonly statusVersion: number
  readonly status: PaymentStatus
  readonly attention: readonly AttentionCode[]
  /** When it was recorded, ms since the epoch. */
  readonly recordedAt: number
}

/**
 * The standing at a moment as the fold of the events recorded by then. Null: nothing was known yet. `not-in-history`: the history
 * in the state does not say, because a step is missing in it: an event was read differently later, was not kept, or the step was
 * OVERDUE. Then `changes` has the answer. Pure.
 */
export function asOfHistory(state: PaymentState, at: number): Standing | null | 'not-in-history' {
  const byThen = state.events
    .filter(({ recordedAt }) => recordedAt <= at)
    .toSorted((a, b) => a.statusVersion - b.statusVersion)
  const isGapless = byThen.every(({ statusVersion }, index) => statusVersion === index + 1)
  const nextVersion = byThen.length + 1
  const isNextKnown =
    nextVersion > state.statusVersion || state.events.some(({ statusVersion }) => statusVersion === nextVersion)
  if (!isGapless || !isNextKnown) {
    return 'not-in-history'
  }
  const last = byThen.at(-1)
  if (last === undefined) {
    return null
  }
  const { status, attention } = foldPayment(byThen.map(({ event }) => event))
  const { incarnation } = state
  return { incarnation, statusVersion: last.statusVersion, status, attention, recordedAt: last.recordedAt }
}

/**
 * The standing at a moment, from the payment's records in `changes`. Their versions count, not their order in the log:
 * `paystatus repair` republishes lost records behind later ones. Null: none was recorded by then, or those that were are deleted by
 * retention. Pure.
 */
export function asOfChanges(changes: readonly StatusChangeRecord[], at: number): Standing | null {
  const byThen = changes.filter(({ recordedAt }) => recordedAt <= at)
  const last = byThen.toSorted(compareVersions).at(-1)
  if (last === undefined) {
    return null
  }
  const { incarnation, statusVersion, statusAfter, attention, recordedAt } = last
  return { incarnation, statusVersion, status: statusAfter, attention, recordedAt }
}
