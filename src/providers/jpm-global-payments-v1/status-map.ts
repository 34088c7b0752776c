import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import { wordKey } from '../normalize-word.ts'

/** Meaning of a v1 `paymentStatus`. `providerText` is J.P. Morgan's own description, shortened. */
interface StatusRow {
  readonly sourceStatus: string
  readonly status: PaymentStatus
  /** Why the payment waits. */
  readonly holdReason?: string
  readonly providerText: string
}

/**
 * v1 does not name the rail, so COMPLETED means the same for all rails: the payment may still be credited (Hong Kong) or
 * returned (push to card).
 */
// biome-ignore format: one row per line, so that it can be read as a table
export const V1_STATUS_MAP = [
  { sourceStatus: 'PENDING', status: 'PROCESSING', providerText: 'pending processing' },
  { sourceStatus: 'WAREHOUSED', status: 'SCHEDULED', providerText: 'will be processed on the requested execution date' },
  { sourceStatus: 'PENDING_JPM_REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_JPM_REVIEW', providerText: 'under review by J.P. Morgan; read as the sub-status of the same name in v2' },
  { sourceStatus: 'PENDING J.P. MORGAN REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_JPM_REVIEW', providerText: 'the same, as older documentation of v2 spells it' },
  { sourceStatus: 'PENDING_POSTING', status: 'PENDING_POSTING', providerText: 'not posted in the beneficiary account' },
  { sourceStatus: 'PEND_POSTING', status: 'PENDING_POSTING', providerText: 'the same, as the error-code and JPM Coin pages spell it' },
  { sourceStatus: 'COMPLETED', status: 'COMPLETED', providerText: 'the payment was completed' },
  { sourceStatus: 'COMPLETED_CREDITED', status: 'CREDITED', providerText: "the beneficiary's account was credited" },
  { sourceStatus: 'REJECTED', status: 'REJECTED', providerText: 'rejected by J.P. Morgan or by the clearing house' },
  { sourceStatus: 'BLOCKED', status: 'BLOCKED', providerText: 'blocked due to a sanctions issue' },
  { sourceStatus: 'RETURNED', status: 'RETURNED', providerText: 'returned to the debtor party' },
] as const satisfies readonly StatusRow[]

const ROWS: ReadonlyMap<string, StatusRow> = new Map(V1_STATUS_MAP.map((row) => [wordKey(row.sourceStatus), row]))

/** Maps the status to the canonical one. A value that is not in the table is UNKNOWN, never dropped. */
export function readV1Status(
  sourceStatus: string,
): Pick<PaymentEvent, 'status' | 'unknownBecause' | 'holdReason' | 'rejectedBy'> {
  const row = ROWS.get(wordKey(sourceStatus))
  const status = row?.status ?? 'UNKNOWN'
  return {
    status,
    holdReason: row?.holdReason ?? null,
    unknownBecause: status === 'UNKNOWN' ? 'STATUS' : null,
    // Both J.P. Morgan's own controls and the clearing house reject with the same word.
    rejectedBy: status === 'REJECTED' ? 'UNKNOWN' : null,
  }
}
