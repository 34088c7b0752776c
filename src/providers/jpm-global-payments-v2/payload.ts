import type { KnownNames } from '../drift.ts'
import { isGiven } from '../fields.ts'
import { isJsonObject, type JsonObject } from '../json-object.ts'
import type { OwnNames } from '../own-names.ts'

/**
 * A v2 callback: its envelope and the one list of elements that is read.
 *
 * `payments`, the current shape (OAS 2.0.22 to 2.5.2), resembles CloudEvents but does not fully conform:
 *
 * ```
 * { "specversion", "id", "time", "type": "Payment.Completed", "source", "dataschema",
 *   "eventcontext":            present if the event is about a request concerning the payment, not about the payment
 *   "data": { "payments": [ {                       1 to 50 payments; of one ACH batch if type is PaymentBatch.*
 *     "paymentId", "paymentStatus", "paymentSubStatus", "statusUpdatedAt",
 *     "paymentIdentifiers": { "endToEndId", "paymentBatchId", "achTraceNumber",
 *                             "otherPaymentReferences": { "relatedReferenceId", "uetr", "transactionIdentifier" },
 *                             "transactionIdentifier": here in older documentation },
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
 * `returns` reports that a client returned money it had received, in the same envelope. `type` is `Payment.*` here, too, so
 * only the shape distinguishes it. It has no time of its own.
 *
 * ```
 *   "data": { "returns": [ {
 *     "returnId", "returnStatus", "returnSubStatus", "paymentType",
 *     "paymentIdentifiers":         { "endToEndId" },
 *     "originalPaymentIdentifiers": { "paymentId" or "bankReferenceNumber" or "clearingSystemReference", "account" },
 *     "value":                      { "amount", "currency": may be missing },
 *     "exceptions":                 as above
 *     "country", "returnType", "chargeBearer", "additionalInformation": never read
 * } ] }
 * ```
 *
 * `events` is the shape of the 2024 beta: `{ "events": [ { "eventId", "eventTimestamp", … the fields of a payment } ] }`.
 *
 * Messages and descriptions are free text and are never read.
 */
export interface V2Payload {
  readonly list: V2List
  readonly envelope: JsonObject
  readonly elements: readonly unknown[]
  /**
   * Where else the same body has something in the place of a list: other lists that are not empty, and values that are not
   * arrays. No such body is documented.
   */
  readonly unread: readonly (V2List | 'data')[]
}

/** The lists, by their names in messages. The first list that has elements is read. */
const LISTS = {
  'data.payments': ['data', 'payments'],
  'data.returns': ['data', 'returns'],
  events: ['events'],
} as const satisfies Record<string, readonly string[]>
export type V2List = keyof typeof LISTS
const LIST_NAMES = Object.keys(LISTS) as readonly V2List[]

/** The path from the root of the body to the list. */
export function v2PathOf(list: V2List): readonly string[] {
  return LISTS[list]
}

/** The names in the root and in `data` that hold a list or lead to one. */
export const V2_ROOT_LISTS: ReadonlySet<string> = new Set(['data', 'events'])
export const V2_DATA_LISTS: ReadonlySet<string> = new Set(['payments', 'returns'])

const V2_LIST_NAMES: ReadonlySet<string> = new Set([...V2_DATA_LISTS, 'events'])

/** What only a payment or a return of v2 has. v1 has `paymentStatus` as well, and other products can have a `returnId`. */
export const V2_OWN_NAMES: readonly OwnNames[] = [['paymentId'], ['returnId', 'returnStatus']]

/** An id and a status: what an object outside of the list has if it is a payment or a return. */
export const V2_PAYMENT_NAMES: readonly OwnNames[] = [
  ['paymentId', 'paymentStatus'],
  ['returnId', 'returnStatus'],
]

const ENVELOPE_READ = ['eventcontext', 'eventContext', 'type']

/** The fields of the envelope that decide what an element means, by list. A return has its time from the envelope. */
export const V2_ENVELOPE_READ = {
  'data.payments': new Set(ENVELOPE_READ),
  'data.returns': new Set([...ENVELOPE_READ, 'time']),
  events: new Set(ENVELOPE_READ),
} as const satisfies Record<V2List, ReadonlySet<string>>

/** The fields that are read from a payment. */
// biome-ignore format: a list of names
const PAYMENT_READ = [
  'eventcontext', 'eventContext', 'paymentId', 'paymentStatus', 'paymentSubStatus', 'statusUpdatedAt',
  'paymentIdentifiers', 'paymentType', 'transferType', 'requestedExecutionDate', 'valueDate', 'gpi', 'exceptions',
  'fxInformation', 'clearingSystem',
]
/** The fields that are read from an element, by list. */
// biome-ignore format: a list of names
export const V2_ELEMENT_READ = {
  'data.payments': new Set(PAYMENT_READ),
  'data.returns': new Set([
    'eventcontext', 'eventContext', 'returnId', 'returnStatus', 'returnSubStatus', 'paymentType', 'paymentIdentifiers',
    'originalPaymentIdentifiers', 'value', 'exceptions',
  ]),
  events: new Set([...PAYMENT_READ, 'eventId', 'eventTimestamp']),
} as const satisfies Record<V2List, ReadonlySet<string>>

/** The fields of a return's `originalPaymentIdentifiers` that are read: they say what was returned. */
export const V2_ORIGINAL_READ: ReadonlySet<string> = new Set([
  'paymentId',
  'bankReferenceNumber',
  'clearingSystemReference',
])

/** Every documented field of all shapes, read or not. Any other field is new. */
// biome-ignore format: a list of names
export const V2_FIELDS = {
  envelope: new Set([
    'specversion', 'id', 'time', 'type', 'source', 'dataschema', 'datacontenttype', 'subject', 'eventcontext',
    'eventContext', 'data', 'events',
  ]),
  data: V2_DATA_LISTS,
  payment: new Set([...V2_ELEMENT_READ.events, 'paymentRedirection']),
  return: new Set([
    ...V2_ELEMENT_READ['data.returns'], 'account', 'country', 'returnType', 'chargeBearer', 'additionalInformation',
  ]),
  paymentIdentifiers: new Set([
    'endToEndId', 'paymentBatchId', 'achTraceNumber', 'transactionIdentifier', 'otherPaymentReferences',
  ]),
  otherPaymentReferences: new Set(['relatedReferenceId', 'uetr', 'transactionIdentifier']),
  originalPaymentIdentifiers: new Set([...V2_ORIGINAL_READ, 'account']),
  value: new Set(['amount', 'currency']),
  clearingSystem: new Set(['name', 'reference']),
  gpi: new Set(['status', 'statusDescription', 'reason']),
  fxInformation: new Set(['exchangeRate', 'exchangeRateType', 'rateId', 'contractId', 'appliedRate']),
  exception: new Set(['code', 'message', 'location', 'field', 'additionalContext']),
  additionalContext: new Set(['type', 'code', 'message']),
} as const satisfies Record<string, KnownNames>

/** The first list that has elements, otherwise the first list. Null if none of the names holds an array. */
export function v2PayloadOf(body: unknown): V2Payload | null {
  if (!isJsonObject(body)) {
    return null
  }
  let read: V2List | null = null
  let elements: readonly unknown[] = []
  for (const list of LIST_NAMES) {
    const value = valueAt(body, list)
    if (Array.isArray(value) && (read === null || (elements.length === 0 && value.length > 0))) {
      read = list
      elements = value
    }
  }
  return read === null ? null : { list: read, envelope: body, elements, unread: unreadBeside(body, read) }
}

function unreadBeside(body: JsonObject, read: V2List): V2Payload['unread'] {
  const unread: (V2List | 'data')[] = isGiven(body['data']) && !isJsonObject(body['data']) ? ['data'] : []
  for (const list of LIST_NAMES) {
    const value = valueAt(body, list)
    if (list !== read && isGiven(value) && !(Array.isArray(value) && value.length === 0)) {
      unread.push(list)
    }
  }
  return unread
}

/**
 * Whether the body has the name of a list of any shape, whatever its value, or a `data` that does not say what it is about:
 * an empty one, one that is not an object, or CloudEvents' `data_base64`.
 */
export function hasV2List(body: JsonObject): boolean {
  const data = body['data']
  const inData = typeof data === 'object' && data !== null ? Object.keys(data) : []
  return (
    (Object.hasOwn(body, 'data') && inData.length === 0) ||
    Object.hasOwn(body, 'data_base64') ||
    [...Object.keys(body), ...inData].some((name) => V2_LIST_NAMES.has(name))
  )
}

function valueAt(body: JsonObject, list: V2List): unknown {
  let value: unknown = body
  for (const step of LISTS[list]) {
    value = isJsonObject(value) ? value[step] : null
  }
  return value
}
