import { CODE_LENGTH_MAX, type ReasonScheme, type Reference } from '../../payment/payment-event.ts'
import { buildEvent } from '../build-event.ts'
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
import { type V2Payload, v2PayloadOf } from './payload.ts'
import { readV2Status } from './status-map.ts'

const PROVIDER_ID = 'jpm-global-payments-v2'

/** J.P. Morgan Global Payments 2: an envelope with `data.payments[]`, and the `events[]` of the 2024 beta. */
export const jpmGlobalPaymentsV2: Provider = {
  id: PROVIDER_ID,
  // The OAS asks for 204; the documentation does not say that 200 fails.
  successCode: 204,
  pathSuffixes: [],
  translate: neverThrowing(translate),
  firstPaymentKey,
}

function translate(callback: Callback): Translation {
  const read = readJson(callback.body)
  if (read.outcome === 'dead-letter') {
    return onlyDeadLetter(read.deadLetter)
  }
  const { json } = read
  const payload = v2PayloadOf(json.value)
  if (payload === null) {
    return onlyDeadLetter(
      deadLetter('unexpected-shape', 'the body has neither a data.payments array nor an events array', null),
    )
  }
  return translateElements(payload.payments, (element, index) =>
    translateElement(callback, json, payload, element, index),
  )
}

function translateElement(
  callback: Callback,
  json: JsonBody,
  payload: V2Payload,
  element: JsonObject,
  index: number,
): ElementOutcome {
  const read = new FieldReader()
  const envelope = readEnvelope(read, payload, element)

  const paymentId = read.id(element, 'paymentId')
  const sourceStatus = read.code(element, 'paymentStatus')
  const sourceSubStatus = read.code(element, 'paymentSubStatus')
  const time = read.time(element, timeFieldOf(payload, element))
  const identifiers = read.object(element, 'paymentIdentifiers')
  const endToEndId = read.id(identifiers, 'endToEndId', 'paymentIdentifiers.endToEndId')
  const clearingSystem = read.object(element, 'clearingSystem')
  const clearingSystemName = read.code(clearingSystem, 'name', 'clearingSystem.name')
  const references = readReferences(read, identifiers, clearingSystem)
  const rail = read.code(element, 'paymentType')
  const direction = read.code(element, 'transferType')
  const requestedExecutionDate = read.code(element, 'requestedExecutionDate')
  const valueDate = read.code(element, 'valueDate')
  const gpiStatus = read.code(read.object(element, 'gpi'), 'status', 'gpi.status')
  const fxAppliedRate = readAppliedRate(read, json, payload, element, index)

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
  const reasons = reasonsOf(element)
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
  const contextField = isGiven(envelope['eventcontext']) ? 'eventcontext' : 'eventContext'
  return {
    providerEventId: shape === 'current' ? read.id(envelope, 'id') : read.id(element, 'eventId'),
    eventContext: read.code(envelope, contextField, 'eventcontext'),
    sourceType: firstSegment(read.id(envelope, 'type')),
  }
}

function firstSegment(type: string | null): string | null {
  return type === null ? null : (type.split('.', 1)[0] ?? null)
}

/** The 2024 beta has no `statusUpdatedAt`; each of its events has a time of its own instead. */
function timeFieldOf({ shape }: V2Payload, element: JsonObject): string {
  return shape === 'beta-2024' && element['statusUpdatedAt'] === undefined ? 'eventTimestamp' : 'statusUpdatedAt'
}

function readReferences(
  read: FieldReader,
  identifiers: JsonObject | null,
  clearingSystem: JsonObject | null,
): readonly Reference[] {
  const others = read.object(identifiers, 'otherPaymentReferences', 'paymentIdentifiers.otherPaymentReferences')
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
  element: JsonObject,
  index: number,
): string | null {
  const fx = read.object(element, 'fxInformation')
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

function reasonsOf(element: JsonObject): ReasonList {
  const list = new ReasonList()
  for (const exception of listOf(element['exceptions'])) {
    if (!isJsonObject(exception)) {
      list.omit()
      continue
    }
    // The context explains the same problem in another scheme, so that it is at the same place.
    const { code, location, field, additionalContext } = exception
    list.add('JPM', code, { location, field })
    for (const context of listOf(additionalContext)) {
      addContext(list, context, { location, field })
    }
  }
  return list
}

function addContext(
  list: ReasonList,
  context: unknown,
  at: { readonly location: unknown; readonly field: unknown },
): void {
  const type = isJsonObject(context) ? context['type'] : null
  const scheme =
    typeof type === 'string' && type.length <= CODE_LENGTH_MAX ? CONTEXT_SCHEMES.get(normalizeWord(type)) : undefined
  if (!isJsonObject(context) || scheme === undefined) {
    // A code whose owner we do not know would be read in the wrong list.
    list.omit()
    return
  }
  list.add(scheme, context['code'], at)
}

function firstPaymentKey({ namespace, body }: Pick<Callback, 'namespace' | 'body'>): string | null {
  const paymentId = findJsonId(body, 'paymentId')
  return paymentId === null ? null : v2PaymentKey(namespace, paymentId)
}
