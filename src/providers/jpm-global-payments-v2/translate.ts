import { CODE_LENGTH_MAX, type ReasonScheme, type Reference } from '../../payment/payment-event.ts'
import { buildEvent } from '../build-event.ts'
import { DriftNotes } from '../drift.ts'
import { FieldReader } from '../fields.ts'
import { findJsonId } from '../find-json-id.ts'
import { isJsonObject, type JsonObject } from '../json-object.ts'
import { normalizeWord } from '../normalize-word.ts'
import type { Callback, Provider, Translation } from '../provider.ts'
import { type JsonBody, readJson } from '../read-json.ts'
import { isGiven, listOf, ReasonList } from '../reason-list.ts'
import {
  deadLetter,
  type ElementOutcome,
  neverThrowing,
  onlyDeadLetter,
  translateElements,
} from '../translate-elements.ts'
import { v2NaturalKey, v2PaymentKey } from './event-id.ts'
import { V2_FIELDS, type V2Payload, v2PayloadOf } from './payload.ts'
import { noteV2Envelope, noteV2Status, readV2Status } from './status-map.ts'

const PROVIDER_ID = 'jpm-global-payments-v2'

/** J.P. Morgan Global Payments 2: an envelope with `data.payments[]`, and the `events[]` of the 2024 beta. */
export const jpmGlobalPaymentsV2: Provider = {
  id: PROVIDER_ID,
  // The OAS asks for 204; the documentation does not say that 200 fails.
  successCode: 204,
  // As v1.
  retryHorizonDays: 30,
  pathSuffixes: [],
  translate: neverThrowing(translate),
  firstPaymentKey,
}

function translate(callback: Callback): Translation {
  const read = readJson(callback.body, callback.jsonDepthMax)
  if (read.outcome === 'dead-letter') {
    return onlyDeadLetter(read.deadLetter)
  }
  const { json } = read
  const drift = new DriftNotes()
  noteEnvelope(drift, json.value)
  const payload = v2PayloadOf(json.value)
  if (payload === null) {
    return onlyDeadLetter(
      deadLetter('unexpected-shape', 'the body has neither a data.payments array nor an events array', null),
      drift.list,
    )
  }
  const translation = translateElements(payload.payments, drift, (element, index) =>
    translateElement(callback, json, payload, drift, element, index),
  )
  return payload.unread === 0 ? translation : { ...translation, deadLetters: [...translation.deadLetters, BOTH_SHAPES] }
}

const BOTH_SHAPES = deadLetter('unexpected-shape', 'the body has events beside its data.payments', null)

/** The two types that almost every envelope has, in the documented spelling. */
const PAYMENT_TYPE = /^Payment(?:Instruction)?\./

function isPaymentType(type: unknown): boolean {
  return typeof type === 'string' && PAYMENT_TYPE.test(type)
}

function noteEnvelope(drift: DriftNotes, body: unknown): void {
  if (isJsonObject(body)) {
    drift.fields(body, V2_FIELDS.envelope)
    drift.fields(isJsonObject(body['data']) ? body['data'] : null, V2_FIELDS.data, 'data.')
    if (isGiven(body['eventcontext']) || isGiven(body['eventContext']) || !isPaymentType(body['type'])) {
      // Read once more for each payment, where one that cannot be read is a problem; here it is only not named.
      const read = new FieldReader()
      noteV2Envelope(drift, readType(read, body), readEventContext(read, body))
    }
  }
}

function translateElement(
  callback: Callback,
  json: JsonBody,
  payload: V2Payload,
  drift: DriftNotes,
  element: JsonObject,
  index: number,
): ElementOutcome {
  drift.fields(element, V2_FIELDS.element)
  const read = new FieldReader()
  const envelope = readEnvelope(read, payload, element)

  const paymentId = read.id(element, 'paymentId')
  const sourceStatus = read.code(element, 'paymentStatus')
  const sourceSubStatus = read.code(element, 'paymentSubStatus')
  if (sourceStatus !== null) {
    noteV2Status(drift, sourceStatus, sourceSubStatus)
  }
  const time = read.time(element, timeFieldOf(payload, element))
  const identifiers = read.object(element, 'paymentIdentifiers')
  const endToEndId = read.id(identifiers, 'endToEndId', 'paymentIdentifiers.endToEndId')
  const clearingSystem = read.object(element, 'clearingSystem')
  const clearingSystemName = read.code(clearingSystem, 'name', 'clearingSystem.name')
  const references = readReferences(read, identifiers, clearingSystem, drift)
  const rail = read.code(element, 'paymentType')
  const direction = read.code(element, 'transferType')
  const requestedExecutionDate = read.code(element, 'requestedExecutionDate')
  const valueDate = read.code(element, 'valueDate')
  const gpi = read.object(element, 'gpi')
  drift.fields(gpi, V2_FIELDS.gpi, 'gpi.')
  const gpiStatus = read.code(gpi, 'status', 'gpi.status')
  const fxAppliedRate = readAppliedRate(read, json, payload, drift, element, index)
  const reasons = reasonsOf(element, gpi, drift)

  if (read.problem !== null) {
    return deadLetter('invalid-field', read.problem, index)
  }
  if (paymentId === null) {
    return deadLetter('missing-payment-id', 'the element has no paymentId', index)
  }
  if (sourceStatus === null) {
    return deadLetter('missing-status', 'the element has no paymentStatus', index)
  }
  const { providerEventId, sourceType, eventContext } = envelope
  const meaning = readV2Status({ sourceStatus, sourceSubStatus, eventContext, sourceType })
  return buildEvent(callback, PROVIDER_ID, index, {
    paymentKey: v2PaymentKey(callback.namespace, paymentId),
    naturalKey: v2NaturalKey(sourceStatus, sourceSubStatus, time.occurredAtText),
    status: meaning.status,
    unknownBecause: meaning.unknownBecause,
    holdReason: meaning.holdReason,
    rejectedBy: meaning.rejectedBy,
    sourceStatus,
    sourceSubStatus,
    providerEventId,
    eventContext,
    sourceType,
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
  })
}

/**
 * What the envelope says about the event. An `eventcontext` or a `type` that cannot be read is a problem, not an
 * absence: without it, an event about a request for return of funds would look like news of the payment.
 */
function readEnvelope(read: FieldReader, { shape, envelope }: V2Payload, element: JsonObject) {
  return {
    providerEventId: shape === 'current' ? read.id(envelope, 'id') : read.id(element, 'eventId'),
    // In the 2024 beta each event is its own envelope.
    eventContext: readEventContext(read, envelope) ?? readEventContext(read, element),
    sourceType: readType(read, envelope),
  }
}

function readEventContext(read: FieldReader, envelope: JsonObject): string | null {
  const field = isGiven(envelope['eventcontext']) ? 'eventcontext' : 'eventContext'
  return read.code(envelope, field, 'eventcontext')
}

/** The first segment of `type`. */
function readType(read: FieldReader, envelope: JsonObject): string | null {
  const type = read.id(envelope, 'type')
  return type === null ? null : (type.split('.', 1)[0] ?? null)
}

/** The 2024 beta has no `statusUpdatedAt`; each of its events has a time of its own instead. */
function timeFieldOf({ shape }: V2Payload, element: JsonObject): string {
  return shape === 'beta-2024' && !isGiven(element['statusUpdatedAt']) ? 'eventTimestamp' : 'statusUpdatedAt'
}

function readReferences(
  read: FieldReader,
  identifiers: JsonObject | null,
  clearingSystem: JsonObject | null,
  drift: DriftNotes,
): readonly Reference[] {
  const others = read.object(identifiers, 'otherPaymentReferences', 'paymentIdentifiers.otherPaymentReferences')
  drift.fields(identifiers, V2_FIELDS.paymentIdentifiers, 'paymentIdentifiers.')
  drift.fields(others, V2_FIELDS.otherPaymentReferences, 'paymentIdentifiers.otherPaymentReferences.')
  drift.fields(clearingSystem, V2_FIELDS.clearingSystem, 'clearingSystem.')
  const references: Reference[] = []
  const take = (type: string, value: string | null) => {
    if (value !== null) {
      references.push({ type, value })
    }
  }
  take('paymentBatchId', read.id(identifiers, 'paymentBatchId'))
  take('achTraceNumber', read.id(identifiers, 'achTraceNumber'))
  take('relatedReferenceId', read.id(others, 'relatedReferenceId'))
  take('uetr', read.id(others, 'uetr'))
  take('transactionIdentifier', read.id(identifiers, 'transactionIdentifier'))
  take('clearingSystemReference', read.id(clearingSystem, 'reference', 'clearingSystem.reference'))
  return references
}

function readAppliedRate(
  read: FieldReader,
  json: JsonBody,
  { shape }: V2Payload,
  drift: DriftNotes,
  element: JsonObject,
  index: number,
): string | null {
  const fx = read.object(element, 'fxInformation')
  drift.fields(fx, V2_FIELDS.fxInformation, 'fxInformation.')
  if (fx === null) {
    return null
  }
  const path = shape === 'current' ? ['data', 'payments', index, 'fxInformation'] : ['events', index, 'fxInformation']
  return read.decimal(fx, 'appliedRate', 'fxInformation.appliedRate', json, path)
}

/** Whose codes `additionalContext` carries, by its `type`. */
const CONTEXT_SCHEMES: ReadonlyMap<string, ReasonScheme> = new Map([
  ['ISO20022', 'ISO20022'],
  ['CLEARING_NACHA', 'NACHA'],
  ['EXTERNAL', 'EXTERNAL'],
])

/** SWIFT's reasons (`AC04`, `G002`) have four characters; the OAS allows any text there, and free text stays in raw. */
const GPI_REASON_CODE = /^[A-Z][A-Z0-9]{3}$/

function reasonsOf(element: JsonObject, gpi: JsonObject | null, drift: DriftNotes): ReasonList {
  const list = new ReasonList()
  for (const exception of listOf(element['exceptions'])) {
    if (!isJsonObject(exception)) {
      list.omit()
      continue
    }
    // The context explains the same problem in another scheme, so that it is at the same place.
    const { code, location, field, additionalContext } = exception
    drift.fields(exception, V2_FIELDS.exception, 'exceptions.')
    list.add('JPM', code, { location, field })
    for (const context of listOf(additionalContext)) {
      addContext(list, context, { location, field }, drift)
    }
  }
  const gpiReason = gpi?.['reason']
  if (typeof gpiReason === 'string' && GPI_REASON_CODE.test(gpiReason)) {
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
    typeof type === 'string' && type.length <= CODE_LENGTH_MAX ? CONTEXT_SCHEMES.get(normalizeWord(type)) : undefined
  if (scheme === undefined) {
    // A code whose owner we do not know would be read in the wrong list.
    list.omit()
    if (typeof type === 'string' && type !== '') {
      drift.word('reason-type', type)
    }
    return
  }
  list.add(scheme, context['code'], at)
}

function firstPaymentKey({ namespace, body }: Pick<Callback, 'namespace' | 'body'>): string | null {
  const paymentId = findJsonId(body, 'paymentId')
  return paymentId === null ? null : v2PaymentKey(namespace, paymentId)
}
