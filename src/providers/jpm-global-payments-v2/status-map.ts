import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import type { DriftNotes } from '../drift.ts'
import { normalizeWord, wordKey } from '../normalize-word.ts'

/**
 * Meaning of a v2 `paymentStatus` with its `paymentSubStatus`, and of a `returnStatus` with its `returnSubStatus`.
 * Sub-status `*` matches an absent sub-status and any that has no row of its own, known or not: the status decides, and an
 * unknown sub-status never makes a payment final.
 */
interface StatusRow {
  readonly sourceStatus: string
  readonly sourceSubStatus: string
  /** For a row with `*`: the documented sub-statuses that do not change the meaning. */
  readonly known?: readonly string[]
  readonly status: PaymentStatus
  /** Why the payment waits, as the current documentation names it. */
  readonly holdReason?: string
  readonly rejectedBy?: 'JPM' | 'UNKNOWN'
  readonly note: string
}

// biome-ignore format: one row per line, so that it can be read as a table
export const V2_STATUS_MAP = [
  { sourceStatus: 'RECEIVED', sourceSubStatus: '*', known: ['RECEIVED'], status: 'RECEIVED', note: 'received, queued' },
  { sourceStatus: 'ACCEPTED', sourceSubStatus: '*', known: ['ACCEPTED'], status: 'ACCEPTED', note: 'accepted at the initiation layer' },

  { sourceStatus: 'PENDING', sourceSubStatus: '*', status: 'PROCESSING', note: 'the first callback of the 2024 beta' },
  { sourceStatus: 'SCHEDULED', sourceSubStatus: '*', known: ['SCHEDULED'], status: 'SCHEDULED', note: 'future-dated push to card or wallet' },

  { sourceStatus: 'PROCESSING', sourceSubStatus: 'SCHEDULED', status: 'SCHEDULED', note: 'scheduled for future execution' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_CLIENT_ACTION', status: 'ON_HOLD', holdReason: 'PENDING_CLIENT_ACTION', note: 'waits for the client' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_COMPLIANCE_REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_COMPLIANCE_REVIEW', note: 'under review by J.P. Morgan Compliance' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_FRAUD_REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_FRAUD_REVIEW', note: 'under review for possible fraud' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_FUNDING_REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_FUNDING_REVIEW', note: 'waits for funding' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_JPM_REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_JPM_REVIEW', note: 'on hold' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING CLIENT REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_CLIENT_ACTION', note: 'older name' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING J.P. MORGAN REVIEW', status: 'ON_HOLD', holdReason: 'PENDING_JPM_REVIEW', note: 'older name' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: 'PENDING_POSTING', status: 'PENDING_POSTING', note: 'sent to the clearing network, waits for its answer' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: "SENT TO 'EXTERNAL'", status: 'SENT_TO_CLEARING', note: 'older name of COMPLETED / SENT_TO_CLEARING' },
  { sourceStatus: 'PROCESSING', sourceSubStatus: '*', known: ['PROCESSING_BY_JPM'], status: 'PROCESSING', note: 'PROCESSING_BY_JPM, or no sub-status' },

  { sourceStatus: 'COMPLETED', sourceSubStatus: 'SENT_TO_CLEARING', status: 'SENT_TO_CLEARING', note: 'only handed over to the network: not paid' },
  { sourceStatus: 'COMPLETED', sourceSubStatus: 'DELIVERED_TO_RECIPIENT', status: 'CREDITED', note: "applied to the receiver's account" },
  { sourceStatus: 'COMPLETED', sourceSubStatus: '*', known: ['COMPLETED_BY_JPM'], status: 'COMPLETED', note: 'COMPLETED_BY_JPM, or no sub-status: done by J.P. Morgan' },

  { sourceStatus: 'REJECTED', sourceSubStatus: 'REJECTED_BY_JPM', status: 'REJECTED', rejectedBy: 'JPM', note: 'rejected by J.P. Morgan' },
  { sourceStatus: 'REJECTED', sourceSubStatus: '*', known: ['REJECTED', 'REJECTED BY EXTERNAL'], status: 'REJECTED', rejectedBy: 'UNKNOWN', note: 'REJECTED, older REJECTED BY EXTERNAL, or none' },
  { sourceStatus: 'CANCELED', sourceSubStatus: '*', known: ['CANCELED'], status: 'CANCELED', note: 'canceled by the client' },
  { sourceStatus: 'RETURNED', sourceSubStatus: '*', known: ['RETURNED'], status: 'RETURNED', note: 'returned by a clearing house or the beneficiary bank' },
] as const satisfies readonly StatusRow[]

/**
 * First segments of `type`, in any case, of events about a payment itself. In a batch event, each payment has its own
 * status. Events of any other type are not about the payment itself.
 */
const V2_PAYMENT_EVENT_TYPES: readonly string[] = ['PAYMENT', 'PAYMENTINSTRUCTION', 'PAYMENTBATCH']

/** Values of `eventcontext` in the OAS, which has no complete list. Any value is recorded without effect on the status. */
const V2_EVENT_CONTEXTS: readonly string[] = ['MESSAGE_STATUS_ROF_REQ_'].map(normalizeWord)

interface V2Statement {
  readonly sourceStatus: string
  readonly sourceSubStatus: string | null
  /** True if the event is known not to be about the payment itself, or what it is about cannot be read. */
  readonly isBeside: boolean
  /** First segment of the envelope's `type`; null if it has none, or if the shape of the body determines the meaning. */
  readonly sourceType: string | null
}

/** Maps the event to the canonical status. An event that is not understood is UNKNOWN and does not change the status. */
export function readV2Status({
  sourceStatus,
  sourceSubStatus,
  isBeside,
  sourceType,
}: V2Statement): Pick<PaymentEvent, 'status' | 'unknownBecause' | 'holdReason' | 'rejectedBy'> {
  if (isBeside || !isAboutPayment(sourceType)) {
    return { status: 'UNKNOWN', unknownBecause: 'CONTEXT', holdReason: null, rejectedBy: null }
  }
  const row = v2RowFor(sourceStatus, sourceSubStatus)
  return {
    status: row?.status ?? 'UNKNOWN',
    unknownBecause: row === undefined ? 'STATUS' : null,
    holdReason: row?.holdReason ?? null,
    rejectedBy: row?.rejectedBy ?? null,
  }
}

/** Notes a status that is not in the table, or a sub-status that is not documented for it. */
export function noteV2Status(drift: DriftNotes, sourceStatus: string, sourceSubStatus: string | null): void {
  // The documented spelling, which almost every payment has.
  if (KNOWN_STATUSES.get(sourceStatus)?.has(sourceSubStatus) === true) {
    return
  }
  const row = v2RowFor(sourceStatus, sourceSubStatus)
  if (row === undefined) {
    drift.word('status', sourceStatus)
  } else if (sourceSubStatus !== null && !knowsSubStatus(row, sourceSubStatus)) {
    drift.word('sub-status', sourceStatus, sourceSubStatus)
  }
}

/** Notes an undocumented type or event context of the envelope. */
export function noteV2Envelope(drift: DriftNotes, sourceType: string | null, eventContext: string | null): void {
  if (sourceType !== null && !isAboutPayment(sourceType)) {
    drift.name('event-type', sourceType)
  }
  if (eventContext !== null && !V2_EVENT_CONTEXTS.includes(normalizeWord(eventContext))) {
    drift.word('event-context', eventContext)
  }
}

function isAboutPayment(sourceType: string | null): boolean {
  return sourceType === null || V2_PAYMENT_EVENT_TYPES.includes(sourceType.toUpperCase())
}

const ROWS: ReadonlyMap<string, StatusRow> = new Map(
  V2_STATUS_MAP.map((row) => [rowKey(row.sourceStatus, row.sourceSubStatus), row]),
)

/** Every status with its documented sub-statuses and null, for none. */
const KNOWN_STATUSES: ReadonlyMap<string, ReadonlySet<string | null>> = new Map(
  [...Map.groupBy<string, StatusRow>(V2_STATUS_MAP, (row) => row.sourceStatus)].map(([sourceStatus, rows]) => [
    sourceStatus,
    new Set([
      null,
      ...rows.flatMap((row) => (row.sourceSubStatus === '*' ? (row.known ?? []) : [row.sourceSubStatus])),
    ]),
  ]),
)

/** The row that applies; undefined for a status that is not in the table. */
export function v2RowFor(sourceStatus: string, sourceSubStatus: string | null): StatusRow | undefined {
  const exact = sourceSubStatus === null ? undefined : ROWS.get(rowKey(sourceStatus, sourceSubStatus))
  return exact ?? ROWS.get(rowKey(sourceStatus, '*'))
}

function knowsSubStatus(row: StatusRow, sourceSubStatus: string): boolean {
  const key = wordKey(sourceSubStatus)
  return row.sourceSubStatus !== '*' || (row.known?.some((known) => wordKey(known) === key) ?? false)
}

/** No key of a sub-status is `*`, so the two cannot collide. */
function rowKey(sourceStatus: string, sourceSubStatus: string): string {
  return `${wordKey(sourceStatus)}|${sourceSubStatus === '*' ? '*' : wordKey(sourceSubStatus)}`
}
