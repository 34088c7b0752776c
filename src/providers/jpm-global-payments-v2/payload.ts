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
}

/** The shape of the 2024 beta: `{ "events": [ { "eventId", "eventTimestamp", … the fields of a payment } ] }`. */
interface BetaPayload {
  readonly shape: 'beta-2024'
  readonly envelope: JsonObject
  readonly payments: readonly unknown[]
}

export function v2PayloadOf(body: unknown): V2Payload | null {
  if (!isJsonObject(body)) {
    return null
  }
  const { data, events } = body
  if (isJsonObject(data) && Array.isArray(data['payments'])) {
    return { shape: 'current', envelope: body, payments: data['payments'] }
  }
  return Array.isArray(events) ? { shape: 'beta-2024', envelope: body, payments: events } : null
}
