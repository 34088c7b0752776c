import type { Reference } from '../../payment/payment-event.ts'
import { buildEvent } from '../build-event.ts'
import { charsetOf, toUtf8 } from '../decode-text.ts'
import { DriftNotes } from '../drift.ts'
import { noteDuplicates } from '../duplicate-names.ts'
import { ALL_GUESSED, FieldReader, isGiven, NOTHING_GUESSED } from '../fields.ts'
import { findJsonId } from '../find-json-id.ts'
import { isJsonObject, type JsonObject } from '../json-object.ts'
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
import { v1NaturalKey, v1PaymentKey } from './event-id.ts'
import {
  callbacksOf,
  V1_ELEMENT_READ,
  V1_FIELDS,
  V1_LIST,
  V1_LISTS,
  V1_OWN_NAMES,
  V1_PAYMENT_NAMES,
} from './payload.ts'
import { readV1Status } from './status-map.ts'

const MAPPING = { id: 'jpm-global-payments-v1', mappingVersion: 1 }

/** J.P. Morgan Global Payments v1: `{"callbacks": [...]}`, acknowledged with 200. */
export const jpmGlobalPaymentsV1: Provider = {
  ...MAPPING,
  successCode: 200,
  // No end of the retries is documented; the API itself detects duplicates for 30 days.
  retryHorizonDays: 30,
  // The OAS names the callback `{client-url}/status`.
  pathSuffixes: ['/status'],
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
  drift.fields(isJsonObject(json.value) ? json.value : null, V1_FIELDS.body)
  noteDuplicates(drift, json.duplicates)
  const list = json.duplicates.ambiguousAt([], V1_LISTS)
  if (list !== null) {
    return onlyDeadLetter(ambiguous(list, null), drift.list)
  }
  const elements = callbacksOf(json.value)
  if (elements === null) {
    return onlyDeadLetter(notOurs(json.value), drift.list)
  }
  const unread = paymentBeside(json.value, V1_PAYMENT_NAMES, elements)
  return translateElements(elements, drift, unread, (element, index) =>
    translateElement(callback, json, drift, element, index),
  )
}

function notOurs(body: unknown): DeadLetter {
  const isOther = isJsonObject(body) && Object.keys(body).length > 0 && !Object.hasOwn(body, V1_LIST)
  return notRead(body, V1_OWN_NAMES, isOther, {
    foreign: 'the body has no callbacks: it belongs to another product',
    misshapen: 'the body has no callbacks array',
  })
}

function translateElement(
  callback: Callback,
  json: JsonBody,
  drift: DriftNotes,
  element: JsonObject,
  index: number,
): ElementOutcome {
  drift.fields(element, V1_FIELDS.element)
  const twice = json.duplicates.ambiguousAt([V1_LIST, index], V1_ELEMENT_READ)
  if (twice !== null) {
    return ambiguous(twice, index)
  }
  const read = new FieldReader(drift, json.guessed ? ALL_GUESSED : NOTHING_GUESSED)
  const firmRootId = read.decidingId(element, 'firmRootId')
  // Without J.P. Morgan's id, the customer's reference is the key and so a deciding field.
  const endToEndId = firmRootId === null ? read.decidingId(element, 'endToEndId') : read.id(element, 'endToEndId')
  const sourceStatus = read.decidingCode(element, 'paymentStatus')
  const meaning = sourceStatus === null ? null : readV1Status(sourceStatus)
  if (sourceStatus !== null && meaning?.status === 'UNKNOWN') {
    drift.word('status', sourceStatus)
  }
  const clearingSystemReference = read.id(element, 'clearingSystemReference')
  const time = read.time(element, 'createDateTime')
  const reasons = reasonsOf(element, json, drift)
  const fx = read.object(element, 'fx')
  drift.fields(fx, V1_FIELDS.fx, 'fx.')
  const fxAppliedRate = read.decimal(fx, 'appliedRate', 'fx.appliedRate', json, [V1_LIST, index, 'fx'])
  if (read.problem !== null) {
    return unreadableField(read.problem, index)
  }
  const key = v1PaymentKey(callback.namespace, firmRootId, endToEndId)
  if (key === null) {
    return deadLetter('missing-payment-id', 'the element has neither firmRootId nor endToEndId', index)
  }
  if (sourceStatus === null || meaning === null) {
    return deadLetter('missing-status', 'the element has no paymentStatus', index)
  }
  return buildEvent(callback, MAPPING, index, {
    ...key,
    ...meaning,
    naturalKey: v1NaturalKey(sourceStatus),
    sourceStatus,
    time,
    endToEndId,
    references: referencesOf(clearingSystemReference),
    fxAppliedRate,
    reasons: reasons.reasons,
    reasonsOmitted: reasons.omitted,
    unreadable: read.unreadable,
  })
}

function referencesOf(clearingSystemReference: string | null): readonly Reference[] {
  return clearingSystemReference === null ? [] : [{ type: 'clearingSystemReference', value: clearingSystemReference }]
}

function reasonsOf(element: JsonObject, json: JsonBody, drift: DriftNotes): ReasonList {
  const list = new ReasonList(json.guessed)
  for (const name of ['exceptions', 'exception']) {
    for (const exception of listOf(element[name])) {
      addException(list, exception, drift)
    }
  }
  return list
}

/** `externalCode` is an ISO 20022 reason, sent if the clearing house rejected the payment. */
function addException(list: ReasonList, exception: unknown, drift: DriftNotes): void {
  if (!isJsonObject(exception)) {
    list.omit()
    return
  }
  drift.fields(exception, V1_FIELDS.exception, 'exceptions.')
  const { errorCode, externalCode, ruleDefinition } = exception
  if (isGiven(errorCode)) {
    list.add('JPM', errorCode, { rule: ruleDefinition })
  }
  if (isGiven(externalCode)) {
    // The rule belongs to the bank's own code. Without that code it is published here, so that it is not lost.
    list.add('ISO20022', externalCode, isGiven(errorCode) ? {} : { rule: ruleDefinition })
  }
  if (!isGiven(errorCode) && !isGiven(externalCode)) {
    list.omit()
  }
}

function firstPaymentKey({ namespace, body, contentType }: Parameters<Provider['firstPaymentKey']>[0]): string | null {
  const utf8 = toUtf8(body, charsetOf(contentType))
  const firmRootId = findJsonId(utf8, 'firmRootId')
  const endToEndId = firmRootId === null ? findJsonId(utf8, 'endToEndId') : null
  return v1PaymentKey(namespace, firmRootId, endToEndId)?.paymentKey ?? null
}
