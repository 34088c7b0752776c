import { isJsonObject, type JsonObject } from '../json-object.ts'

/** Which of the two wire shapes a v2 callback has, and where its payments are. */
export type V2Payload = CurrentPayload | BetaPayload

/**
 * The current shape (OAS 2.0.22 and later), after CloudEvents but not quite:
 *
 * ```
 * { "specversion", "id", "time", "type": "Payment.Completed", "source", "dataschema",
 *   "eventcontext":            present if the event is about a request concerning the payment, not the payment
 *   "data": { "payments": [ {                       1 to 50 payments
 *     "paymentId", "paymentStatus", "paymentSubStatus", "statusUpdatedAt",
 *     "paymentIdentifiers": { "endToEndId", "paymentBatchId", "achTraceNumber", "transactionIdentifier",
 *                             "otherPaymentReferences": { "relatedReferenceId", "uetr" } },
 *     "paymentType", "transferType", "requestedExecutionDate", "valueDate",
 *     "clearingSystem":     { "name", "reference" },      either may be missing
 *     "gpi":                { "status", "statusDescription", "reason" },
 *     "fxInformation":      { "appliedRate", ... },
 *     "exceptions":         [ { "code", "message", "location", "field",
 *                               "additionalContext": [ { "type", "code", "message" } ] } ],
 *     "paymentRedirection": { "accountNumber", ... }      never read
 * } ] } }
 * ```
 *
 * Messages and descriptions are free text and never read.
 */
interface CurrentPayload {
  readonly shape: 'current'
  readonly envelope: JsonObject
  readonly payments: readonly unknown[]
  /** Elements of the other shape in the same body: no such body is documented. */
  readonly unread: number
}

/** The shape of the 2024 beta: `{ "events": [ { "eventId", "eventTimestamp", … the fields of a payment } ] }`. */
interface BetaPayload {
  readonly shape: 'beta-2024'
  readonly envelope: JsonObject
  readonly payments: readonly unknown[]
  readonly unread: 0
}

/** Every documented field, read or not, of both shapes: what is in none of these is new. */
export const V2_FIELDS = {
  envelope: new Set([
    'specversion',
    'id',
    'time',
    'type',
    'source',
    'dataschema',
    'datacontenttype',
    'subject',
    'eventcontext',
    'eventContext',
    'data',
    'events',
  ]),
  data: new Set(['payments']),
  element: new Set([
    'eventId',
    'eventTimestamp',
    'eventcontext',
    'eventContext',
    'paymentId',
    'paymentStatus',
    'paymentSubStatus',
    'statusUpdatedAt',
    'paymentIdentifiers',
    'paymentType',
    'transferType',
    'requestedExecutionDate',
    'valueDate',
    'gpi',
    'exceptions',
    'fxInformation',
    'clearingSystem',
    'paymentRedirection',
  ]),
  paymentIdentifiers: new Set([
    'endToEndId',
    'paymentBatchId',
    'achTraceNumber',
    'transactionIdentifier',
    'otherPaymentReferences',
  ]),
  otherPaymentReferences: new Set(['relatedReferenceId', 'uetr']),
  clearingSystem: new Set(['name', 'reference']),
  gpi: new Set(['status', 'statusDescription', 'reason']),
  fxInformation: new Set(['exchangeRate', 'exchangeRateType', 'rateId', 'contractId', 'appliedRate']),
  exception: new Set(['code', 'message', 'location', 'field', 'additionalContext']),
  additionalContext: new Set(['type', 'code', 'message']),
} as const satisfies Record<string, ReadonlySet<string>>

export function v2PayloadOf(body: unknown): V2Payload | null {
  if (!isJsonObject(body)) {
    return null
  }
  const events = Array.isArray(body['events']) ? body['events'] : null
  const payments =
    isJsonObject(body['data']) && Array.isArray(body['data']['payments']) ? body['data']['payments'] : null
  if (payments !== null && (payments.length > 0 || events === null)) {
    return { shape: 'current', envelope: body, payments, unread: events?.length ?? 0 }
  }
  return events === null ? null : { shape: 'beta-2024', envelope: body, payments: events, unread: 0 }
}
