import type { AttentionCode } from '../../payment/fold-payment.ts'
import type { PaymentKind } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import type { Oddity } from './oddities.ts'
import type { TimeSpelling } from './time-spellings.ts'

/** The wire formats the simulator can write. */
export const SIMULATED_PROVIDERS = ['jpm-global-payments-v1', 'jpm-global-payments-v2', 'instamed'] as const
export type SimulatedProvider = (typeof SIMULATED_PROVIDERS)[number]

/**
 * What happens to one payment, in the provider's terms and in the order of the provider's times, and its expected state
 * once every callback has arrived, in any order and with any repeats.
 */
export interface Lifecycle {
  readonly name: string
  /** How common it is, relative to the others in its list; 1 by default. */
  readonly weight?: number
  readonly steps: readonly Step[]
  readonly expects: PaymentStatus
  /** The expected attention codes; none by default. */
  readonly attention?: readonly AttentionCode[]
  /** PAYMENT by default. */
  readonly kind?: PaymentKind
  /** v1 only: has no firmRootId, so the payment is known by its endToEndId alone. */
  readonly withoutOwnId?: true
  /** v2 only: the first segment of the envelope's type; `Payment` by default. */
  readonly eventType?: string
  /** v2 only: this many payments follow the same steps, and one callback reports the last step of all of them. */
  readonly batchOf?: number
  /** InstaMed only: how a partial approval is reported. */
  readonly approvedInPart?: 'IsPartiallyApproved' | 'ResponseCode'
  /** The time of the first step is a multiple of this, ms. */
  readonly wholeMs?: number
  /** InstaMed only: the expected amount, if it differs from the one the simulator draws. */
  readonly amount?: string | null
  /** Later transactions that reverse it wholly or in part: payments of their own, with their own id and status. */
  readonly related?: readonly RelatedTransaction[]
}

/** In the provider's notation: v1 `STATUS`, v2 `STATUS/SUB_STATUS` or `STATUS`, InstaMed `Action Code`. */
export type Step = string | OddStep

export interface OddStep {
  readonly says: string
  /** Time since the payment's first time, ms; by default some seconds or days after the previous step. */
  readonly afterMs?: number
  /** The provider's usual spelling by default. */
  readonly time?: TimeSpelling
  readonly oddities?: readonly Oddity[]
}

interface RelatedTransaction {
  readonly steps: readonly Step[]
  readonly expects: PaymentStatus
  readonly kind: PaymentKind
  readonly attention?: readonly AttentionCode[]
  /** v2 only: the reference by which the return names the original. Only the payment id links them. */
  readonly names?: 'paymentId' | 'bankReferenceNumber' | 'clearingSystemReference' | 'nothing'
}

/**
 * The scripts of the simulator.
 *
 * Expectations are written by hand from the providers' documents and deliberately not computed: translation and fold are
 * checked against them, so this file must use neither.
 */
// biome-ignore format: a table; a row says what happens and what is expected, and below that the steps
export const LIFECYCLES: { readonly [P in SimulatedProvider]: readonly Lifecycle[] } = {
  'jpm-global-payments-v1': [
    { weight: 8, name: 'completed', steps: ['PENDING', 'COMPLETED'], expects: 'COMPLETED' },
    { weight: 8, name: 'US TCH: posted', steps: ['PENDING', 'PENDING_POSTING', 'COMPLETED'], expects: 'COMPLETED' },
    { weight: 6, name: 'HK FPS: credited', steps: ['PENDING', 'COMPLETED', 'COMPLETED_CREDITED'], expects: 'CREDITED' },
    { weight: 3, name: 'push to card: returned', steps: ['PENDING', 'COMPLETED', 'RETURNED'], expects: 'RETURNED' },
    { weight: 3, name: 'future-dated', steps: ['WAREHOUSED', 'PENDING', 'COMPLETED'], expects: 'COMPLETED' },
    { name: 'future-dated, waiting', steps: ['WAREHOUSED'], expects: 'SCHEDULED' },
    { name: 'future-dated, released', steps: ['WAREHOUSED', 'PENDING'], expects: 'PROCESSING' },
    { weight: 3, name: 'rejected', steps: ['PENDING', 'REJECTED'], expects: 'REJECTED' },
    { weight: 2, name: 'rejected at once', steps: ['REJECTED'], expects: 'REJECTED' },
    { weight: 2, name: 'US TCH: blocked', steps: ['PENDING', 'BLOCKED'], expects: 'BLOCKED' },
    // Not documented, but this is how a false sanctions hit ends: a later outcome releases the payment.
    { name: 'blocked, then released', expects: 'COMPLETED', attention: ['released'],
      steps: ['PENDING', 'BLOCKED', 'COMPLETED'] },
    { name: 'under review', steps: ['PENDING', 'PENDING_JPM_REVIEW'], expects: 'ON_HOLD' },
    { name: 'reviewed, under way again', steps: ['PENDING_JPM_REVIEW', 'PENDING'], expects: 'PROCESSING' },
    { name: 'reviewed, then completed', steps: ['PENDING', 'PENDING_JPM_REVIEW', 'COMPLETED'], expects: 'COMPLETED' },
    { weight: 2, name: 'JPM Coin: not yet posted', steps: ['PENDING', 'PEND_POSTING'], expects: 'PENDING_POSTING' },
    { weight: 3, name: 'still pending', steps: ['PENDING'], expects: 'PROCESSING' },
    { name: 'only the last callback arrives', steps: ['COMPLETED'], expects: 'COMPLETED' },
    { weight: 2, name: 'known by endToEndId only', withoutOwnId: true, expects: 'COMPLETED', attention: ['weak-key'],
      steps: ['PENDING', 'COMPLETED'] },
    // An undocumented status is recorded and changes nothing.
    { name: 'new status on the way', expects: 'COMPLETED', attention: ['unknown-status'],
      steps: ['PENDING', 'SIMULATED_STATUS', 'COMPLETED'] },
    { name: 'new status only', steps: ['SIMULATED_STATUS'], expects: 'UNKNOWN', attention: ['unknown-status'] },
  ],

  'jpm-global-payments-v2': [
    { weight: 8, name: 'completed', expects: 'COMPLETED',
      steps: ['RECEIVED/RECEIVED', 'ACCEPTED/ACCEPTED', 'PROCESSING/PROCESSING_BY_JPM', 'COMPLETED/COMPLETED_BY_JPM'] },
    { weight: 6, name: 'delivered through clearing', expects: 'CREDITED',
      steps: [
        'RECEIVED/RECEIVED', 'PROCESSING/PROCESSING_BY_JPM', 'PROCESSING/PENDING_POSTING', 'COMPLETED/SENT_TO_CLEARING',
        'COMPLETED/DELIVERED_TO_RECIPIENT',
      ] },
    { weight: 3, name: 'sent to clearing, outcome open', expects: 'SENT_TO_CLEARING',
      steps: ['RECEIVED/RECEIVED', 'PROCESSING', 'COMPLETED/SENT_TO_CLEARING'] },
    { weight: 2, name: 'clearing has not answered', expects: 'PENDING_POSTING',
      steps: ['RECEIVED/RECEIVED', 'ACCEPTED/ACCEPTED', 'PROCESSING/PENDING_POSTING'] },
    { weight: 3, name: 'held twice, then completed', expects: 'COMPLETED',
      steps: [
        'RECEIVED/RECEIVED', 'PROCESSING/PENDING_FRAUD_REVIEW', 'PROCESSING/PROCESSING_BY_JPM',
        'PROCESSING/PENDING_FUNDING_REVIEW', 'PROCESSING/PROCESSING_BY_JPM', 'COMPLETED/COMPLETED_BY_JPM',
      ] },
    { weight: 2, name: 'held and back', expects: 'PROCESSING',
      steps: ['RECEIVED/RECEIVED', 'PROCESSING/PENDING_COMPLIANCE_REVIEW', 'PROCESSING/PROCESSING_BY_JPM'] },
    { weight: 2, name: 'on hold again', expects: 'ON_HOLD', attention: ['client-action'],
      steps: [
        'RECEIVED/RECEIVED', 'PROCESSING/PENDING_JPM_REVIEW', 'PROCESSING/PROCESSING_BY_JPM',
        'PROCESSING/PENDING_CLIENT_ACTION',
      ] },
    { weight: 2, name: 'scheduled', expects: 'SCHEDULED',
      steps: ['RECEIVED/RECEIVED', 'ACCEPTED/ACCEPTED', 'PROCESSING/SCHEDULED'] },
    { weight: 2, name: 'scheduled, then completed', expects: 'COMPLETED',
      steps: [
        'RECEIVED/RECEIVED', 'PROCESSING/SCHEDULED', 'PROCESSING/PROCESSING_BY_JPM', 'COMPLETED/COMPLETED_BY_JPM',
      ] },
    { weight: 3, name: 'rejected by J.P. Morgan', expects: 'REJECTED',
      steps: ['RECEIVED/RECEIVED', 'REJECTED/REJECTED_BY_JPM'] },
    { name: 'rejected by the clearing', expects: 'REJECTED',
      steps: ['RECEIVED/RECEIVED', 'PROCESSING/PENDING_POSTING', 'COMPLETED/SENT_TO_CLEARING', 'REJECTED/REJECTED'] },
    { weight: 2, name: 'canceled by the client', expects: 'CANCELED',
      steps: ['RECEIVED/RECEIVED', 'PROCESSING/SCHEDULED', 'CANCELED/CANCELED'] },
    { weight: 2, name: 'returned after completion', expects: 'RETURNED',
      steps: ['RECEIVED/RECEIVED', 'PROCESSING/PROCESSING_BY_JPM', 'COMPLETED/COMPLETED_BY_JPM', 'RETURNED/RETURNED'] },
    { name: 'only received', steps: ['RECEIVED/RECEIVED'], expects: 'RECEIVED' },
    { name: 'only accepted', steps: ['RECEIVED/RECEIVED', 'ACCEPTED/ACCEPTED'], expects: 'ACCEPTED' },
    { weight: 2, name: 'still processing', expects: 'PROCESSING',
      steps: ['RECEIVED/RECEIVED', 'ACCEPTED/ACCEPTED', 'PROCESSING/PROCESSING_BY_JPM'] },
    // The status decides; an undocumented sub-status changes nothing.
    { name: 'new sub-status', steps: ['RECEIVED/RECEIVED', 'COMPLETED/SIMULATED_SUB_STATUS'], expects: 'COMPLETED' },
    { name: 'new status only', steps: ['SIMULATED_STATUS'], expects: 'UNKNOWN', attention: ['unknown-status'] },
    { name: 'completed, as the OAS of May 2025 names the type', eventType: 'PaymentInstruction', expects: 'COMPLETED',
      steps: ['RECEIVED/RECEIVED', 'PROCESSING/PROCESSING_BY_JPM', 'COMPLETED/COMPLETED_BY_JPM'] },
    // ACH: one callback reports the end of a whole batch, without a sub-status.
    { name: 'completed as a batch of 4', batchOf: 4, expects: 'COMPLETED',
      steps: ['RECEIVED/RECEIVED', 'PROCESSING/PROCESSING_BY_JPM', 'COMPLETED'] },
    { weight: 0.2, name: 'completed as a batch of 20', steps: ['COMPLETED'], expects: 'COMPLETED', batchOf: 20 },
    { weight: 0.05, name: 'completed as a batch of 50', batchOf: 50, expects: 'COMPLETED',
      steps: ['PROCESSING/PENDING_POSTING', 'COMPLETED'] },
    // The client returns money that it received: a payment of its own; the original's status stays.
    { name: 'payment return, original named', expects: 'CREDITED',
      steps: ['RECEIVED/RECEIVED', 'COMPLETED/DELIVERED_TO_RECIPIENT'],
      related: [{ expects: 'COMPLETED', kind: 'RETURN', names: 'paymentId',
        steps: ['RECEIVED/RECEIVED', 'PROCESSING/PROCESSING_BY_JPM', 'COMPLETED/COMPLETED_BY_JPM'] }] },
    { weight: 0.5, name: 'payment return in two parts, one refused', expects: 'COMPLETED',
      steps: ['COMPLETED/COMPLETED_BY_JPM'],
      related: [
        { steps: ['COMPLETED'], expects: 'COMPLETED', kind: 'RETURN', names: 'paymentId' },
        { expects: 'REJECTED', kind: 'RETURN', names: 'paymentId',
          steps: ['RECEIVED/RECEIVED', 'REJECTED/REJECTED_BY_JPM'] },
      ] },
    { weight: 0.5, name: 'payment return, original known by a bank reference', expects: 'COMPLETED',
      steps: ['COMPLETED/COMPLETED_BY_JPM'],
      related: [{ expects: 'COMPLETED', kind: 'RETURN', names: 'bankReferenceNumber',
        steps: ['ACCEPTED/ACCEPTED', 'COMPLETED/COMPLETED_BY_JPM'] }] },
    { weight: 0.5, name: 'payment return, original known to the clearing only, or not at all', expects: 'COMPLETED',
      steps: ['COMPLETED/COMPLETED_BY_JPM'],
      related: [
        { steps: ['PROCESSING'], expects: 'PROCESSING', kind: 'RETURN', names: 'clearingSystemReference' },
        { steps: ['CANCELED/CANCELED'], expects: 'CANCELED', kind: 'RETURN', names: 'nothing' },
      ] },
  ],

  instamed: [
    // Member Payments never confirms settlement: the last callback of a good payment may be its authorization.
    { weight: 8, name: 'approved', steps: ['Sale C'], expects: 'AUTHORIZED' },
    { weight: 4, name: 'authorized', steps: ['Sale A'], expects: 'AUTHORIZED' },
    { weight: 3, name: 'voided', steps: ['Sale C', 'Sale V'], expects: 'VOIDED' },
    { weight: 2, name: 'settlement error', steps: ['Sale C', 'Sale SE'], expects: 'SETTLEMENT_FAILED' },
    { name: 'settled after an error', expects: 'SETTLED', attention: ['released'],
      steps: ['Sale C', 'Sale SE', 'Sale S'] },
    { name: 'approved in part', approvedInPart: 'IsPartiallyApproved', expects: 'AUTHORIZED',
      attention: ['partial-approval'],
      steps: ['Sale C'] },
    { name: 'approved in part, as the response code says, and settled', approvedInPart: 'ResponseCode', expects: 'SETTLED',
      attention: ['partial-approval'],
      steps: ['Sale C', 'Sale S'] },
    { weight: 3, name: 'settled (ordinary webhook)', steps: ['Sale C', 'Sale S'], expects: 'SETTLED' },
    { weight: 2, name: 'declined (ordinary webhook)', steps: ['Sale D'], expects: 'DECLINED' },
    { weight: 3, name: 'refunded', expects: 'AUTHORIZED',
      steps: ['Sale C'],
      related: [{ steps: ['Refund C'], expects: 'COMPLETED', kind: 'REFUND' }] },
    { weight: 3, name: 'refunded, by the other name', expects: 'SETTLED',
      steps: ['Sale C', 'Sale S'],
      related: [{ steps: ['SimpleRefund C', 'SimpleRefund S'], expects: 'SETTLED', kind: 'REFUND' }] },
    // Money out must never be counted as money in.
    { name: 'undone by an action that no document lists', expects: 'SETTLED',
      steps: ['Sale C', 'Sale S'],
      related: [{ steps: ['SimulatedAction S'], expects: 'UNKNOWN', kind: 'UNKNOWN', attention: ['unknown-status'] }] },
    { name: 'refunded in two parts', expects: 'SETTLED',
      steps: ['Sale C', 'Sale S'],
      related: [
        { steps: ['Refund C'], expects: 'COMPLETED', kind: 'REFUND' },
        { steps: ['SimpleRefund C'], expects: 'COMPLETED', kind: 'REFUND' },
      ] },
    { weight: 2, name: 'charged back', expects: 'AUTHORIZED',
      steps: ['Sale C'],
      related: [{ steps: ['Chargeback CB'], expects: 'COMPLETED', kind: 'CHARGEBACK' }] },
    { weight: 2, name: 'returned', expects: 'SETTLED',
      steps: ['Sale C', 'Sale S'],
      related: [{ steps: ['Return RI'], expects: 'COMPLETED', kind: 'RETURN' }] },
  ],
}

/** The number of payments a lifecycle makes. */
export function paymentsOf(lifecycle: Lifecycle): number {
  return (lifecycle.batchOf ?? 1) + (lifecycle.related?.length ?? 0)
}
