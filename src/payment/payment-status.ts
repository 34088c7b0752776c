/**
 * The lowest rank that says "the money moved": a later negative is news, a later positive after a final is a
 * contradiction.
 */
export const POSITIVE_RANK_MIN = 60

/** The lowest rank that proves a blocked or failed payment was let go. */
export const RELEASE_RANK_MIN = 45

/**
 * Groups of statuses, from weakest to strongest. When the events of a payment disagree, the strongest tier present
 * decides, whatever the times say; `rule` says which status wins inside it. `paystatus rules` prints these texts,
 * fold-payment.ts does what they say.
 */
// biome-ignore format: one row per line, so that it can be read as a table
export const TIERS = {
  none: { number: -1, rule: 'never decides; a payment with no other events is UNKNOWN' },
  progress: { number: 0, rule: 'RECEIVED < ACCEPTED < the other three, which alternate: ON_HOLD wins unless each of its events has a SCHEDULED or PROCESSING that is certainly later; then the latest of those two wins' },
  outcome: { number: 1, rule: 'the highest rank wins' },
  'soft-negative': { number: 2, rule: `the latest wins; but outcomes of rank >= ${RELEASE_RANK_MIN} that are certainly later than every event of this tier release the payment: then the highest rank among those wins` },
  final: { number: 3, rule: 'the earliest wins, those without a time after all others; ties by status name, then event id' },
  returned: { number: 4, rule: 'RETURNED' },
} as const satisfies Record<string, { number: number; rule: string }>
export type Tier = keyof typeof TIERS

/** What a consumer may expect after a status. */
export const FINALITIES = {
  open: 'moves on',
  soft: 'normally the last word, but a later change is documented or realistic',
  final: 'the last word unless the provider contradicts itself',
} as const satisfies Record<string, string>
export type Finality = keyof typeof FINALITIES

export interface StatusFacts {
  readonly tier: Tier
  /** Orders progress, and breaks ties between events of the same time. */
  readonly rank: number
  readonly finality: Finality
  /** The nearest ExternalPaymentTransactionStatus1Code, for orientation only. */
  readonly iso20022: string | null
  readonly meaning: string
}

/**
 * The canonical payment statuses, as one table. UNKNOWN has no tier: an event that was not understood is recorded and
 * decides nothing.
 */
// biome-ignore format: one row per line, so that it can be read as a table
export const PAYMENT_STATUSES = {
  UNKNOWN: { tier: 'none', rank: 0, finality: 'open', iso20022: null, meaning: 'nothing that was reported could be read as a status' },
  RECEIVED: { tier: 'progress', rank: 10, finality: 'open', iso20022: 'RCVD', meaning: 'the provider has the instruction' },
  ACCEPTED: { tier: 'progress', rank: 20, finality: 'open', iso20022: 'ACCP', meaning: 'the provider checked it and took it on' },
  SCHEDULED: { tier: 'progress', rank: 25, finality: 'open', iso20022: 'PDNG', meaning: 'waits for its execution date' },
  PROCESSING: { tier: 'progress', rank: 30, finality: 'open', iso20022: 'ACSP', meaning: 'under way' },
  ON_HOLD: { tier: 'progress', rank: 35, finality: 'open', iso20022: 'PDNG', meaning: 'waits for a review, for funds or for the client; may alternate with PROCESSING' },
  AUTHORIZED: { tier: 'outcome', rank: 40, finality: 'soft', iso20022: null, meaning: 'approved by the issuer; no proof of settlement' },
  PENDING_POSTING: { tier: 'outcome', rank: 45, finality: 'open', iso20022: 'ACWP', meaning: 'has left the provider; not yet posted, or the answer of the clearing is awaited' },
  SENT_TO_CLEARING: { tier: 'outcome', rank: 50, finality: 'soft', iso20022: 'ACSP', meaning: 'handed to the clearing, outcome open: not paid; some rails report nothing after it' },
  COMPLETED: { tier: 'outcome', rank: 60, finality: 'soft', iso20022: 'ACSC', meaning: "the provider's own work is done" },
  SETTLED: { tier: 'outcome', rank: 65, finality: 'soft', iso20022: 'ACSC', meaning: 'settled between the banks' },
  CREDITED: { tier: 'outcome', rank: 70, finality: 'soft', iso20022: 'ACCC', meaning: "on the creditor's account" },
  BLOCKED: { tier: 'soft-negative', rank: 90, finality: 'soft', iso20022: 'BLCK', meaning: 'frozen: neither paid nor returned; may be let go later' },
  SETTLEMENT_FAILED: { tier: 'soft-negative', rank: 90, finality: 'soft', iso20022: 'RJCT', meaning: 'settlement failed; may be repeated with success' },
  DECLINED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'RJCT', meaning: 'refused by the issuer' },
  REJECTED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'RJCT', meaning: 'refused by the bank or by the clearing' },
  CANCELED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'CANC', meaning: 'canceled before it was executed' },
  VOIDED: { tier: 'final', rank: 90, finality: 'final', iso20022: 'CANC', meaning: 'the same transaction was undone before it was funded' },
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
