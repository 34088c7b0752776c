/**
 * The canonical payment statuses, as one table.
 *
 * `rank` orders progress and breaks ties between events of the same time. `tier` decides which group of statuses wins
 * when a payment's events disagree (see fold-payment.ts): a higher tier beats a lower one, whatever the times say.
 * `finality` tells a consumer what to expect: `open` moves on, `soft` normally is the last word but a later change is
 * documented or realistic, `final` is the last word unless the provider contradicts itself.
 * `iso20022` is the nearest ExternalPaymentTransactionStatus1Code, for orientation only.
 *
 * UNKNOWN has no tier: an event that was not understood is recorded and decides nothing.
 */
export const PAYMENT_STATUSES = {
  UNKNOWN: { tier: 'none', rank: 0, finality: 'open', iso20022: null },
  RECEIVED: { tier: 'progress', rank: 10, finality: 'open', iso20022: 'RCVD' },
  ACCEPTED: { tier: 'progress', rank: 20, finality: 'open', iso20022: 'ACCP' },
  SCHEDULED: { tier: 'progress', rank: 25, finality: 'open', iso20022: 'PDNG' },
  PROCESSING: { tier: 'progress', rank: 30, finality: 'open', iso20022: 'ACSP' },
  ON_HOLD: { tier: 'progress', rank: 35, finality: 'open', iso20022: 'PDNG' },
  AUTHORIZED: { tier: 'outcome', rank: 40, finality: 'soft', iso20022: null },
  PENDING_POSTING: { tier: 'outcome', rank: 45, finality: 'open', iso20022: 'ACWP' },
  SENT_TO_CLEARING: { tier: 'outcome', rank: 50, finality: 'soft', iso20022: 'ACSP' },
  COMPLETED: { tier: 'outcome', rank: 60, finality: 'soft', iso20022: 'ACSC' },
  SETTLED: { tier: 'outcome', rank: 65, finality: 'soft', iso20022: 'ACSC' },
  CREDITED: { tier: 'outcome', rank: 70, finality: 'soft', iso20022: 'ACCC' },
  BLOCKED: { tier: 'soft-negative', rank: 90, finality: 'soft', iso20022: 'BLCK' },
  SETTLEMENT_FAILED: { tier: 'soft-negative', rank: 90, finality: 'soft', iso20022: 'RJCT' },
  DECLINED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'RJCT' },
  REJECTED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'RJCT' },
  CANCELED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'CANC' },
  VOIDED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'CANC' },
  RETURNED: { tier: 'returned', rank: 100, finality: 'final', iso20022: null },
} as const satisfies Record<string, StatusFacts>

export interface StatusFacts {
  readonly tier: Tier
  readonly rank: number
  readonly finality: Finality
  readonly iso20022: string | null
}

export type Tier = 'none' | 'progress' | 'outcome' | 'soft-negative' | 'final' | 'returned'
export type Finality = 'open' | 'soft' | 'final'
export type PaymentStatus = keyof typeof PAYMENT_STATUSES

/** Tiers from weakest to strongest; the position is the tier's number in the rules (none = -1 … returned = 4). */
const TIER_ORDER: readonly Tier[] = ['none', 'progress', 'outcome', 'soft-negative', 'final', 'returned']

export function rankOf(status: PaymentStatus): number {
  return PAYMENT_STATUSES[status].rank
}

export function tierOf(status: PaymentStatus): Tier {
  return PAYMENT_STATUSES[status].tier
}

/** -1 for UNKNOWN, 0 for progress, up to 4 for returned. */
export function tierNumberOf(status: PaymentStatus): number {
  return TIER_ORDER.indexOf(PAYMENT_STATUSES[status].tier) - 1
}

/** The lowest rank that says "the money moved": a later negative is news, a later positive after a final is a contradiction. */
export const POSITIVE_RANK_MIN = 60

/** The lowest rank that proves a blocked or failed payment was let go. */
export const RELEASE_RANK_MIN = 45
