import type { PaymentKind } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import type { Phase } from './phases.ts'

/** One history that a subscriber must survive. */
export interface Scenario {
  readonly sentence: string
  /** The acts are played this often, each time with other payments; 2 by default. */
  readonly copies?: number
  readonly acts: readonly Act[]
}

export interface Act {
  readonly phase: Phase
  /** Tells the payments of a scenario apart. */
  readonly payment: string
  readonly does: Deed
  /** How its records are published; `both` by default. */
  readonly published: Publication
}

/**
 * `current-only`: `changes` no longer has the step. `rolled-back`: in a transaction that is aborted, so it never happened.
 * `newer-schema`: by a release whose schemas have a field more and symbols that this one does not know.
 */
export type Publication = 'both' | 'current-only' | 'rolled-back' | 'newer-schema'

export type Deed =
  | ({ readonly kind: 'reports'; readonly status: PaymentStatus } & Report)
  /** A newer mapping reads the payment's nth report (from 1) differently; without `reading`, the same. */
  | { readonly kind: 'reads-again'; readonly report: number; readonly reading: Reading | 'withdrawn' | 'same' }
  /** Records of `changes` arrive again, by their position among those of the payment, from 1. */
  | { readonly kind: 'repeats'; readonly records: readonly number[] }
  /** Nothing arrived for too long. */
  | { readonly kind: 'is-overdue' }
  /** Its retention is over. */
  | { readonly kind: 'is-forgotten' }

export interface Reading {
  readonly status?: PaymentStatus
  /** Decimal text, in USD. */
  readonly amount?: string
}

export interface Report {
  readonly amount?: string
  /** By how much the provider's time is before that of the payment's previous report. By default it is a minute later. */
  readonly lateByMinutes?: number
  /** Makes it a refund of this payment of the scenario. */
  readonly refunds?: string
}

export const KIND_OF_REFUND: PaymentKind = 'REFUND'

type Step = Omit<Act, 'phase'>

/** The steps in one phase. */
export function during(phase: Phase, ...steps: readonly Step[]): readonly Act[] {
  return steps.map((step) => ({ phase, ...step }))
}

/** A step of the scenario's payment, or of the one that is named. */
export function step(does: Deed, payment = 'payment'): Step {
  return { payment, does, published: 'both' }
}

export function reports(status: PaymentStatus, report: Report = {}, payment?: string): Step {
  return step({ kind: 'reports', status, ...report }, payment)
}

export function repeats(records: readonly number[], payment?: string): Step {
  return step({ kind: 'repeats', records }, payment)
}

export function readsAgain(report: number, reading: Reading | 'withdrawn' | 'same', payment?: string): Step {
  return step({ kind: 'reads-again', report, reading }, payment)
}

export function isForgotten(payment?: string): Step {
  return step({ kind: 'is-forgotten' }, payment)
}

export function published(how: Publication, ...steps: readonly Step[]): readonly Step[] {
  return steps.map((one) => ({ ...one, published: how }))
}
