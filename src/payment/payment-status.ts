/**
 * The lowest rank that means "the money moved": a negative status after it needs attention, and such a status after a final
 * one is a contradiction.
 */
export const POSITIVE_RANK_MIN = 60

/** The lowest rank that proves that a blocked or failed payment was released. */
export const RELEASE_RANK_MIN = 45

/**
 * Groups of statuses, from weakest to strongest. If the events of a payment disagree, the strongest tier present decides,
 * whatever the times are; `rule` says which status wins within it. `paystatus rules` prints these texts, and
 * fold-payment.ts implements them.
 */
// biome-ignore format: one row per line, so that it can be read as a table
export const TIERS = {
  none: { number: -1, rule: 'never decides; a payment with no other events is UNKNOWN' },
  progress: { number: 0, rule: 'RECEIVED < ACCEPTED < the other three, which can alternate: ON_HOLD wins unless each of its events is followed by a SCHEDULED or PROCESSING that is certainly later; then the latest of those two wins' },
  outcome: { number: 1, rule: 'the highest rank wins' },
  'soft-negative': { number: 2, rule: `the latest wins, unless outcomes of rank >= ${RELEASE_RANK_MIN} are certainly later than every event of this tier: they release the payment, and the highest rank among them wins` },
  final: { number: 3, rule: 'the earliest wins; events without a time rank last; ties are broken by status name, then event id' },
  returned: { number: 4, rule: 'RETURNED' },
} as const satisfies Record<string, { number: number; rule: string }>
export type Tier = keyof typeof TIERS

/** What a consumer can expect after a status. */
export const FINALITIES = {
  open: 'a further status is expected',
  soft: 'normally the last status, but a later change is documented or realistic',
  final: 'the last status, unless the provider contradicts itself',
} as const satisfies Record<string, string>
export type Finality = keyof typeof FINALITIES

export interface StatusFacts {
  readonly tier: Tier
  /** Orders progress, and breaks ties between events with equal times. */
  readonly rank: number
  readonly finality: Finality
  /** The nearest ExternalPaymentTransactionStatus1Code, for orientation only. */
  readonly iso20022: string | null
  readonly meaning: string
}

/**
 * The canonical payment statuses. UNKNOWN is in no tier that decides: an event that was not understood is recorded and
 * decides nothing.
 */
// biome-ignore format: one row per line, so that it can be read as a table
export const PAYMENT_STATUSES = {
  UNKNOWN: { tier: 'none', rank: 0, finality: 'open', iso20022: null, meaning: 'no report could be understood as a status' },
  RECEIVED: { tier: 'progress', rank: 10, finality: 'open', iso20022: 'RCVD', meaning: 'the provider has received the instruction' },
  ACCEPTED: { tier: 'progress', rank: 20, finality: 'open', iso20022: 'ACCP', meaning: 'the provider has validated and accepted the instruction' },
  SCHEDULED: { tier: 'progress', rank: 25, finality: 'open', iso20022: 'PDNG', meaning: 'waiting for its execution date' },
  PROCESSING: { tier: 'progress', rank: 30, finality: 'open', iso20022: 'ACSP', meaning: 'in progress' },
  ON_HOLD: { tier: 'progress', rank: 35, finality: 'open', iso20022: 'PDNG', meaning: 'waiting for a review, for funds or for the client; may alternate with PROCESSING' },
  AUTHORIZED: { tier: 'outcome', rank: 40, finality: 'soft', iso20022: null, meaning: 'approved by the issuer; no proof of settlement' },
  PENDING_POSTING: { tier: 'outcome', rank: 45, finality: 'open', iso20022: 'ACWP', meaning: 'has left the provider; not yet posted, or waiting for the answer of the clearing system' },
  SENT_TO_CLEARING: { tier: 'outcome', rank: 50, finality: 'soft', iso20022: 'ACSP', meaning: 'handed to the clearing system, outcome open: not paid; some rails report no later status' },
  COMPLETED: { tier: 'outcome', rank: 60, finality: 'soft', iso20022: 'ACSC', meaning: 'the provider has finished its own part' },
  SETTLED: { tier: 'outcome', rank: 65, finality: 'soft', iso20022: 'ACSC', meaning: 'settled between the banks' },
  CREDITED: { tier: 'outcome', rank: 70, finality: 'soft', iso20022: 'ACCC', meaning: "credited to the creditor's account" },
  BLOCKED: { tier: 'soft-negative', rank: 90, finality: 'soft', iso20022: 'BLCK', meaning: 'frozen: neither paid nor returned; may be released later' },
  SETTLEMENT_FAILED: { tier: 'soft-negative', rank: 90, finality: 'soft', iso20022: 'RJCT', meaning: 'settlement failed; a retry may succeed' },
  DECLINED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'RJCT', meaning: 'refused by the issuer' },
  REJECTED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'RJCT', meaning: 'refused by the bank or by the clearing system' },
  CANCELED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'CANC', meaning: 'canceled before execution' },
  VOIDED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'CANC', meaning: 'the same transaction was reversed before it was funded' },
  RETURNED: { tier: 'returned', rank: 100, finality: 'final', iso20022: null, meaning: 'the money came back on the same payment' },
} as const satisfies Record<string, StatusFacts>
export type PaymentStatus = keyof typeof PAYMENT_STATUSES

export function rankOf(status: PaymentStatus): number {
  return PAYMENT_STATUSES[status].rank
}

export function tierOf(status: PaymentStatus): Tier {
  return PAYMENT_STATUSES[status].tier
}

/** -1 for UNKNOWN, 0 for progress, up to 4 for returned. */
export function tierNumberOf(status: PaymentStatus): number {
  return TIERS[PAYMENT_STATUSES[status].tier].number
}
