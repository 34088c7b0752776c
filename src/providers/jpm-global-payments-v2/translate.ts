import {
  type Amount,
  CODE_LENGTH_MAX,
  ID_LENGTH_MAX,
  type ReasonScheme,
  type Reference,
} from '../../payment/payment-event.ts'
import { buildEvent } from '../build-event.ts'
import { strip } from '../clean-text.ts'
import { charsetOf, toUtf8 } from '../decode-text.ts'
import { DriftNotes, type KnownNames } from '../drift.ts'
import { noteDuplicates } from '../duplicate-names.ts'
import { ALL_GUESSED, FieldReader, isGiven, NOTHING_GUESSED } from '../fields.ts'
import { findJsonId } from '../find-json-id.ts'
import { isJsonObject, type JsonObject } from '../json-object.ts'
import { normalizeWord } from '../normalize-word.ts'
import { notRead, paymentBeside } from '../own-names.ts'
import type { Callback, DeadLetter, Provider, Translation } from '../provider.ts'
import { type JsonBody, readJson } from '../read-json.ts'
import { listOf, ReasonList } from '../reason-list.ts'
import {
  ambiguous,
  deadLetter,
  type ElementOutcome,
  neverThrowing,
  onlyDeadLetter,
  translateElements,
  unreadableField,
} from '../translate-elements.ts'
import { v2NaturalKey, v2PaymentKey } from './event-id.ts'
import {
  hasV2List,
  V2_DATA_LISTS,
  V2_ELEMENT_READ,
  V2_ENVELOPE_READ,
  V2_FIELDS,
  V2_ORIGINAL_READ,
  V2_OWN_NAMES,
  V2_PAYMENT_NAMES,
  V2_ROOT_LISTS,
  type V2Payload,
  v2PathOf,
  v2PayloadOf,
} from './payload.ts'
import { noteV2Envelope, noteV2Status, readV2Status } from './status-map.ts'

const MAPPING = { id: 'jpm-global-payments-v2', mappingVersion: 1 }

/** J.P. Morgan Global Payments v2: an envelope with payments or returns, and the `events` of the 2024 beta. */
export const jpmGlobalPaymentsV2: Provider = {
  ...MAPPING,
  // The OAS requires 204; the documentation does not say that 200 fails.
  successCode: 204,
  // As for v1.
  retryHorizonDays: 30,
  pathSuffixes: [],
  translate: neverThrowing(translate),
  firstPaymentKey,
}

function translate(callback: Callback): Translation {
  const read = readJson(callback)
  if (read.outcome === 'dead-letter') {
    return onlyDeadLetter(read.deadLetter)
  }
  const { json } = read
  const drift = new DriftNotes()
  noteEnvelope(drift, json)
  noteDuplicates(drift, json.duplicates)
  const list = ambiguousList(json)
  if (list !== null) {
    return onlyDeadLetter(ambiguous(list, null), drift.list)
  }
  const payload = v2PayloadOf(json.value)
  if (payload === null) {
    return onlyDeadLetter(notOurs(json.value), drift.list)
  }
  const twiceInEnvelope = json.duplicates.ambiguousAt([], withContext(V2_ENVELOPE_READ[payload.list]))
  if (twiceInEnvelope !== null) {
    return onlyDeadLetter(ambiguous(twiceInEnvelope, null), drift.list)
  }
  const translateOne = payload.list === 'data.returns' ? translateReturn : translatePayment
  const names = withContext(V2_ELEMENT_READ[payload.list])
  const contexts = contextsIn([payload.envelope, payload.envelope['data']])
  return translateElements(payload.elements, drift, unreadIn(payload), (element, index) => {
    const path = [...v2PathOf(payload.list), index]
    const twice = json.duplicates.ambiguousAt(path, names)
    return twice === null
      ? translateOne({ callback, json, payload, contexts, drift, path }, element, index)
      : ambiguous(twice, index)
  })
}

/** The name of a list, or of a context beside it. */
function ambiguousList({ duplicates }: JsonBody): string | null {
  const inData = duplicates.ambiguousAt(['data'], withContext(V2_DATA_LISTS))
  return duplicates.ambiguousAt([], V2_ROOT_LISTS) ?? (inData === null ? null : `data.${inData}`)
}

function withContext(names: KnownNames): KnownNames {
  return { has: (name) => names.has(name) || isContextName(name) }
}

function notOurs(body: unknown): DeadLetter {
  const isOther = isJsonObject(body) && Object.keys(body).length > 0 && !hasV2List(body)
  return notRead(body, V2_OWN_NAMES, isOther, {
    foreign: 'the body has no payments, returns or events: it belongs to another product',
    misshapen: 'the body has none of the arrays data.payments, data.returns and events',
  })
}

function unreadIn({ list, envelope, elements, unread }: V2Payload): DeadLetter | null {
  return unread.length === 0
    ? paymentBeside(envelope, V2_PAYMENT_NAMES, elements)
    : deadLetter('unexpected-shape', `the body has ${unread.join(' and ')} beside its ${list}`, null)
}

/** The types that almost every envelope has, in the documented spelling. */
const PAYMENT_TYPE = /^Payment(?:Instruction|Batch)?\./

function isPaymentType(type: unknown): boolean {
  return typeof type === 'string' && PAYMENT_TYPE.test(type)
}

function noteEnvelope(drift: DriftNotes, json: JsonBody): void {
  const body = json.value
  if (isJsonObject(body)) {
    drift.fields(body, V2_FIELDS.envelope)
    drift.fields(isJsonObject(body['data']) ? body['data'] : null, V2_FIELDS.data, 'data.')
    const contexts = contextsIn([body])
    if (contexts.length > 0 || !isPaymentType(body['type'])) {
      // Only notes drift. Each element reads both fields again and marks them if they cannot be read.
      const read = readerOf(drift, json)
      noteV2Envelope(drift, readType(read, body), readEventContext(read, contexts))
    }
  }
}

function readerOf(drift: DriftNotes, json: JsonBody): FieldReader {
  return new FieldReader(drift, json.guessed ? ALL_GUESSED : NOTHING_GUESSED)
}

/** What is needed to read an element. */
interface Context {
  readonly callback: Callback
  readonly json: JsonBody
  readonly payload: V2Payload
  /** Those of the envelope: looked for once, because it can have as many fields as elements. */
  readonly contexts: readonly ContextField[]
  readonly drift: DriftNotes
  /** From the root of the body to the element. */
  readonly path: readonly (string | number)[]
}

function translatePayment(context: Context, element: JsonObject, index: number): ElementOutcome {
  const { callback, json, payload, drift } = context
  drift.fields(element, V2_FIELDS.payment)
  const read = readerOf(drift, json)
  const { providerEventId, eventContext, sourceType } = readEnvelope(read, context, element)

  const paymentId = read.decidingId(element, 'paymentId')
  const sourceStatus = read.decidingCode(element, 'paymentStatus')
  const sourceSubStatus = read.code(element, 'paymentSubStatus')
  if (sourceStatus !== null) {
    noteV2Status(drift, sourceStatus, sourceSubStatus)
  }
  const time = read.time(element, timeFieldOf(payload, element))
  const identifiers = readIdentifiers(read, drift, element)
  const endToEndId = read.id(identifiers, 'endToEndId', 'paymentIdentifiers.endToEndId')
  const clearingSystem = read.object(element, 'clearingSystem')
  drift.fields(clearingSystem, V2_FIELDS.clearingSystem, 'clearingSystem.')
  const clearingSystemName = read.code(clearingSystem, 'name', 'clearingSystem.name')
  const references = readReferences(read, identifiers, clearingSystem, drift)
  const rail = read.code(element, 'paymentType')
  const direction = read.code(element, 'transferType')
  const requestedExecutionDate = read.date(element, 'requestedExecutionDate')
  const valueDate = read.date(element, 'valueDate')
  const gpi = read.object(element, 'gpi')
  drift.fields(gpi, V2_FIELDS.gpi, 'gpi.')
  const gpiStatus = read.code(gpi, 'status', 'gpi.status')
  const fxAppliedRate = readAppliedRate(read, context, element)
  const reasons = reasonsOf(context, element, gpi)

  if (read.problem !== null) {
    return unreadableField(read.problem, index)
  }
  if (paymentId === null) {
    return deadLetter('missing-payment-id', 'the element has no paymentId', index)
  }
  if (sourceStatus === null) {
    return deadLetter('missing-status', 'the element has no paymentStatus', index)
  }
  // An unreadable type could name anything, so it counts as another type.
  const isBeside = hasContext(read, eventContext) || read.isUnreadable('type')
  return buildEvent(callback, MAPPING, index, {
    ...readV2Status({ sourceStatus, sourceSubStatus, sourceType, isBeside }),
    providerEventId,
    eventContext,
    sourceType,
    paymentKey: v2PaymentKey(callback.namespace, paymentId),
    naturalKey: v2NaturalKey(sourceStatus, sourceSubStatus, time.occurredAtText),
    sourceStatus,
    sourceSubStatus,
    time,
    endToEndId,
    references,
    rail,
    direction,
    clearingSystem: clearingSystemName,
    requestedExecutionDate,
    valueDate,
    fxAppliedRate,
    gpiStatus,
    reasons: reasons.reasons,
    reasonsOmitted: reasons.omitted,
    unreadable: read.unreadable,
  })
}

/**
 * A client's return of money it had received: a separate payment, related to the original, whose status does not change.
 */
function translateReturn(context: Context, element: JsonObject, index: number): ElementOutcome {
  const { callback, json, payload, drift, path } = context
  drift.fields(element, V2_FIELDS.return)
  const originalTwice = json.duplicates.ambiguousAt([...path, ORIGINAL], V2_ORIGINAL_READ)
  if (originalTwice !== null) {
    return ambiguous(`${ORIGINAL}.${originalTwice}`, index)
  }
  const read = readerOf(drift, json)
  const { providerEventId, eventContext, sourceType } = readEnvelope(read, context, element)

  const returnId = read.decidingId(element, 'returnId')
  const sourceStatus = read.decidingCode(element, 'returnStatus')
  const sourceSubStatus = read.code(element, 'returnSubStatus')
  if (sourceStatus !== null) {
    noteV2Status(drift, sourceStatus, sourceSubStatus)
  }
  const time = read.time(payload.envelope, 'time')
  const endToEndId = read.id(readIdentifiers(read, drift, element), 'endToEndId', 'paymentIdentifiers.endToEndId')
  const original = read.object(element, ORIGINAL)
  drift.fields(original, V2_FIELDS[ORIGINAL], `${ORIGINAL}.`)
  const originalId = read.id(original, 'paymentId', `${ORIGINAL}.paymentId`)
  const references = new ReferenceList()
  for (const type of ['bankReferenceNumber', 'clearingSystemReference']) {
    references.take(type, read.id(original, type, `${ORIGINAL}.${type}`))
  }
  const rail = read.code(element, 'paymentType')
  const amount = readAmount(read, context, element)
  const reasons = reasonsOf(context, element, null)

  if (read.problem !== null) {
    return unreadableField(read.problem, index)
  }
  if (returnId === null) {
    return deadLetter('missing-payment-id', 'the element has no returnId', index)
  }
  if (sourceStatus === null) {
    return deadLetter('missing-status', 'the element has no returnStatus', index)
  }
  const paymentKey = v2PaymentKey(callback.namespace, returnId)
  const originalKey = originalId === null ? null : v2PaymentKey(callback.namespace, originalId)
  return buildEvent(callback, MAPPING, index, {
    // The list determines that it is a return, whatever the type.
    ...readV2Status({ sourceStatus, sourceSubStatus, sourceType: null, isBeside: hasContext(read, eventContext) }),
    providerEventId,
    eventContext,
    sourceType,
    kind: 'RETURN',
    paymentKey,
    naturalKey: v2NaturalKey(sourceStatus, sourceSubStatus, null),
    relatesTo: originalKey === paymentKey ? null : originalKey,
    sourceStatus,
    sourceSubStatus,
    time,
    timeOfEnvelope: true,
    endToEndId,
    references: references.list,
    rail,
    amount,
    reasons: reasons.reasons,
    reasonsOmitted: reasons.omitted,
    unreadable: read.unreadable,
  })
}

const ORIGINAL = 'originalPaymentIdentifiers'

/** Reads the envelope. In the 2024 beta, each event is its own envelope. */
function readEnvelope(read: FieldReader, { payload: { list, envelope }, contexts }: Context, element: JsonObject) {
  return {
    providerEventId: list === 'events' ? read.id(element, 'eventId') : read.id(envelope, 'id'),
    eventContext: readEventContext(read, contexts) ?? readEventContext(read, contextsIn([element])),
    sourceType: readType(read, envelope),
  }
}

interface ContextField {
  readonly holder: JsonObject
  readonly name: string
}

function contextsIn(holders: readonly unknown[]): readonly ContextField[] {
  return holders.filter(isJsonObject).flatMap((holder) => {
    const name = contextNameIn(holder)
    return name === null ? [] : [{ holder, name }]
  })
}

/** The first that can be read. Those before it are marked. */
function readEventContext(read: FieldReader, contexts: readonly ContextField[]): string | null {
  for (const { holder, name } of contexts) {
    const code = read.code(holder, name, EVENT_CONTEXT)
    if (code !== null) {
      return code
    }
  }
  return null
}

/** The name of the context, in any case: without it, an event about a request would count as a status of the payment. */
function contextNameIn(object: JsonObject): string | null {
  let found: string | null = null
  for (const name in object) {
    // Of several, the last in alphabetical order, so that the order of the fields has no effect.
    if (isContextName(name) && isGiven(object[name]) && (found === null || name > found)) {
      found = name
    }
  }
  return found
}

function isContextName(name: string): boolean {
  return name.length === EVENT_CONTEXT.length && name.toLowerCase() === EVENT_CONTEXT
}

const EVENT_CONTEXT = 'eventcontext'

/**
 * An unreadable context still counts: without it, an event about a request for return of funds would look like an update
 * of the payment.
 */
function hasContext(read: FieldReader, eventContext: string | null): boolean {
  return eventContext !== null || read.isUnreadable(EVENT_CONTEXT)
}

/** The first segment of `type`. */
function readType(read: FieldReader, envelope: JsonObject): string | null {
  const type = read.code(envelope, 'type', 'type', ID_LENGTH_MAX)
  return type === null ? null : (type.split('.', 1)[0] ?? null)
}

/** The 2024 beta has no `statusUpdatedAt`; its events have `eventTimestamp` instead. */
function timeFieldOf({ list }: V2Payload, element: JsonObject): string {
  return list === 'events' && !isGiven(element['statusUpdatedAt']) ? 'eventTimestamp' : 'statusUpdatedAt'
}

function readIdentifiers(read: FieldReader, drift: DriftNotes, element: JsonObject): JsonObject | null {
  const identifiers = read.object(element, 'paymentIdentifiers')
  drift.fields(identifiers, V2_FIELDS.paymentIdentifiers, 'paymentIdentifiers.')
  return identifiers
}

class ReferenceList {
  readonly list: Reference[] = []

  take(type: string, value: string | null): void {
    if (value !== null) {
      this.list.push({ type, value })
    }
  }
}

const OTHERS = 'paymentIdentifiers.otherPaymentReferences'

function readReferences(
  read: FieldReader,
  identifiers: JsonObject | null,
  clearingSystem: JsonObject | null,
  drift: DriftNotes,
): readonly Reference[] {
  const others = read.object(identifiers, 'otherPaymentReferences', OTHERS)
  drift.fields(others, V2_FIELDS.otherPaymentReferences, `${OTHERS}.`)
  const references = new ReferenceList()
  references.take('paymentBatchId', read.id(identifiers, 'paymentBatchId', 'paymentIdentifiers.paymentBatchId'))
  references.take('achTraceNumber', read.id(identifiers, 'achTraceNumber', 'paymentIdentifiers.achTraceNumber'))
  references.take('relatedReferenceId', read.id(others, 'relatedReferenceId', `${OTHERS}.relatedReferenceId`))
  references.take('uetr', read.id(others, 'uetr', `${OTHERS}.uetr`))
  references.take(
    'transactionIdentifier',
    read.id(others, 'transactionIdentifier', `${OTHERS}.transactionIdentifier`) ??
      read.id(identifiers, 'transactionIdentifier', 'paymentIdentifiers.transactionIdentifier'),
  )
  references.take('clearingSystemReference', read.id(clearingSystem, 'reference', 'clearingSystem.reference'))
  return references.list
}

function readAppliedRate(read: FieldReader, { json, drift, path }: Context, element: JsonObject): string | null {
  const fx = read.object(element, 'fxInformation')
  if (fx === null) {
    return null
  }
  drift.fields(fx, V2_FIELDS.fxInformation, 'fxInformation.')
  return read.decimal(fx, 'appliedRate', 'fxInformation.appliedRate', json, [...path, 'fxInformation'])
}

/**
 * An unreadable currency is not replaced by the configured one, which could be different. An amount or a currency that
 * appears twice with different values is unreadable.
 */
function readAmount(read: FieldReader, { callback, json, drift, path }: Context, element: JsonObject): Amount | null {
  const value = read.object(element, 'value')
  drift.fields(value, V2_FIELDS.value, 'value.')
  const place = [...path, 'value']
  const amount = json.duplicates.isAmbiguous(place, 'amount')
    ? read.leaveOut('value.amount')
    : read.decimal(value, 'amount', 'value.amount', json, place)
  const currency = json.duplicates.isAmbiguous(place, 'currency')
    ? read.leaveOut('value.currency')
    : read.currency(value, 'currency', 'value.currency')
  if (amount === null) {
    return null
  }
  return { value: amount, currency: currency ?? (read.isUnreadable('value.currency') ? null : callback.currency) }
}

/** The scheme of the codes in `additionalContext`, by its `type`. */
const CONTEXT_SCHEMES: ReadonlyMap<string, ReasonScheme> = new Map([
  ['ISO20022', 'ISO20022'],
  ['CLEARING_NACHA', 'NACHA'],
  ['EXTERNAL', 'EXTERNAL'],
])

/** SWIFT's reasons (`AC04`, `G002`) have four characters; the OAS allows any text, and free text is not published. */
const GPI_REASON_CODE = /^[A-Z][A-Z0-9]{3}$/

function reasonsOf({ json, drift }: Context, element: JsonObject, gpi: JsonObject | null): ReasonList {
  const list = new ReasonList(json.guessed)
  for (const exception of listOf(element['exceptions'])) {
    if (!isJsonObject(exception)) {
      list.omit()
      continue
    }
    // The context explains the same problem in another scheme, so it has the same location and field.
    const { code, location, field, additionalContext } = exception
    drift.fields(exception, V2_FIELDS.exception, 'exceptions.')
    list.add('JPM', code, { location, field })
    for (const context of listOf(additionalContext)) {
      addContext(list, context, { location, field }, drift)
    }
  }
  const gpiReason = gpi?.['reason']
  if (typeof gpiReason === 'string' && GPI_REASON_CODE.test(strip(gpiReason))) {
    list.add('GPI', gpiReason)
  }
  return list
}

function addContext(
  list: ReasonList,
  context: unknown,
  at: { readonly location: unknown; readonly field: unknown },
  drift: DriftNotes,
): void {
  if (!isJsonObject(context)) {
    list.omit()
    return
  }
  drift.fields(context, V2_FIELDS.additionalContext, 'exceptions.additionalContext.')
  const type = context['type']
  const scheme =
    typeof type === 'string' && type.length <= CODE_LENGTH_MAX
      ? CONTEXT_SCHEMES.get(normalizeWord(strip(type)))
      : undefined
  if (scheme === undefined) {
    // A code of an unknown scheme would be looked up in the wrong code list.
    list.omit()
    if (typeof type === 'string' && type !== '') {
      drift.word('reason-type', type)
    }
    return
  }
  list.add(scheme, context['code'], at)
}

/** A body without `paymentStatus` has returns, whose elements also contain the ids of other payments. */
function firstPaymentKey({ namespace, body, contentType }: Parameters<Provider['firstPaymentKey']>[0]): string | null {
  const utf8 = toUtf8(body, charsetOf(contentType))
  const id = findJsonId(utf8, utf8.includes('"paymentStatus"', 0, 'latin1') ? 'paymentId' : 'returnId')
  return id === null ? null : v2PaymentKey(namespace, id)
}
