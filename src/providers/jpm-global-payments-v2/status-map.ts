import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import { normalizeWord } from '../normalize-word.ts'

/**
 * What a v2 `paymentStatus` with its `paymentSubStatus` means. Sub-status `*` is any other one, known or not, and none:
 * the status leads, and a sub-status that we do not know never makes a payment final.
 */
interface StatusRow {
  readonly sourceStatus: string
  readonly sourceSubStatus: string
  readonly status: PaymentStatus
  /** Why the payment waits, in the words of the current documentation. */
  readonly holdReason?: string
  readonly rejectedBy?: 'JPM' | 'UNKNOWN'
  readonly note: string
}

// biome-ignore format: one row per line, so that it can be read as a table
export const V2_STATUS_MAP = [
  { sourceStatus: 'RECEIVED', sourceSubStatus: '*', status: 'RECEIVED', note: 'received, queued' },
  { sourceStatus: 'ACCEPTED', sourceSubStatus: '*', status: 'ACCEPTED', note: 'accepted at the initiation layer' },

  { sourceStatus: 'PENDING', sourceSubStatus: '*', status: 'PROCESSING', note: 'the first callback of the 2024 beta' },
  { sourceStatus: 'SCHEDULED', sourceSubStatus: '*', status: 'SCHEDULED', note: 'future-dated push to card or wallet' },

  { sourceStatus: 'PROCESSING', sourceSubStatus: 'SCHEDULED', status: 'SCHEDULED', note: 'scheduled for future execution' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_CLIENT_ACTION', status: 'ON_HOLD', holdReason: 'PENDING_CLIENT_ACTION', note: 'the client must act' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_COMPLIANCE_REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_COMPLIANCE_REVIEW', note: 'J.P. Morgan Compliance reviews' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_FRAUD_REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_FRAUD_REVIEW', note: 'possible fraud is reviewed' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_FUNDING_REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_FUNDING_REVIEW', note: 'waits for funding' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_JPM_REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_JPM_REVIEW', note: 'on hold' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING CLIENT REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_CLIENT_ACTION', note: 'older name' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING J.P. MORGAN REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_JPM_REVIEW', note: 'older name' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_POSTING', status: 'PENDING_POSTING', note: 'sent to the clearing network, answer awaited' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: "SENT TO 'EXTERNAL'", status: 'SENT_TO_CLEARING', note: 'older name of COMPLETED / SENT_TO_CLEARING' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: '*', status: 'PROCESSING', note: 'PROCESSING_BY_JPM, or no sub-status' },

  { sourceStatus: 'COMPLETED', sourceSubStatus: 'SENT_TO_CLEARING', status: 'SENT_TO_CLEARING', note: 'only handed to the network: not paid' },
  { sourceStatus: 'COMPLETED', sourceSubStatus: 'DELIVERED_TO_RECIPIENT', status: 'CREDITED', note: "applied to the receiver's account" },
  { sourceStatus: 'COMPLETED', sourceSubStatus: '*', status: 'COMPLETED', note: 'COMPLETED_BY_JPM, or no sub-status: done by J.P. Morgan' },

  { sourceStatus: 'REJECTED', sourceSubStatus: 'REJECTED_BY_JPM', status: 'REJECTED', rejectedBy: 'JPM', note: 'rejected by J.P. Morgan' },
  { sourceStatus: 'REJECTED', sourceSubStatus: '*', status: 'REJECTED', rejectedBy: 'UNKNOWN', note: 'REJECTED, older REJECTED BY EXTERNAL, or none' },
  { sourceStatus: 'CANCELED', sourceSubStatus: '*', status: 'CANCELED', note: 'canceled by the client' },
  { sourceStatus: 'RETURNED', sourceSubStatus: '*', status: 'RETURNED', note: 'returned by a clearing house or the beneficiary bank' },
] as const satisfies readonly StatusRow[]

/**
 * The events that speak of the payment itself, by the first segment of `type`, in any case. Any other speaks of something
 * beside the payment, such as its return.
 */
const V2_PAYMENT_EVENT_TYPES: readonly string[] = ['PAYMENT', 'PAYMENTINSTRUCTION']

interface V2Statement {
  readonly sourceStatus: string
  readonly sourceSubStatus: string | null
  readonly eventContext: string | null
  /** First segment of the envelope's `type`, if it has one. */
  readonly sourceType: string | null
}

/** What the event says, in our vocabulary. What is not understood is UNKNOWN and moves nothing. */
export function readV2Status(
  statement: V2Statement,
): Pick<PaymentEvent, 'status' | 'unknownBecause' | 'holdReason' | 'rejectedBy'> {
  const aboutPayment =
    statement.eventContext === null &&
    (statement.sourceType === null || V2_PAYMENT_EVENT_TYPES.includes(statement.sourceType.toUpperCase()))
  if (!aboutPayment) {
    return { status: 'UNKNOWN', unknownBecause: 'CONTEXT', holdReason: null, rejectedBy: null }
  }
  const row = rowFor(statement.sourceStatus, statement.sourceSubStatus)
  return {
    status: row?.status ?? 'UNKNOWN',
    unknownBecause: row === undefined ? 'STATUS' : null,
    holdReason: row?.holdReason ?? null,
    rejectedBy: row?.rejectedBy ?? null,
  }
}

const ROWS: ReadonlyMap<string, StatusRow> = new Map(
  V2_STATUS_MAP.map((row) => [rowKey(row.sourceStatus, row.sourceSubStatus), row]),
)

function rowFor(sourceStatus: string, sourceSubStatus: string | null): StatusRow | undefined {
  const exact = sourceSubStatus === null ? undefined : ROWS.get(rowKey(sourceStatus, sourceSubStatus))
  return exact ?? ROWS.get(rowKey(sourceStatus, '*'))
}

/** `*` has no letter and so is kept apart from every sub-status that is sent. */
function rowKey(sourceStatus: string, sourceSubStatus: string): string {
  return `${normalizeWord(sourceStatus)}|${sourceSubStatus === '*' ? '*' : normalizeWord(sourceSubStatus)}`
}
