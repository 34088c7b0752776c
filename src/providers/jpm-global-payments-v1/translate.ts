import type { Reference } from '../../payment/payment-event.ts'
import { buildEvent } from '../build-event.ts'
import { DriftNotes } from '../drift.ts'
import { FieldReader } from '../fields.ts'
import { findJsonId } from '../find-json-id.ts'
import { isJsonObject, type JsonObject } from '../json-object.ts'
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
import { v1NaturalKey, v1PaymentKey } from './event-id.ts'
import { callbacksOf, V1_FIELDS } from './payload.ts'
import { readV1Status } from './status-map.ts'

const PROVIDER_ID = 'jpm-global-payments-v1'

/** J.P. Morgan Global Payments, first version: `{"callbacks": [...]}`, answered with 200. */
export const jpmGlobalPaymentsV1: Provider = {
  id: PROVIDER_ID,
  successCode: 200,
  // Retries have no stated end; 30 days is how long the API itself knows a duplicate.
  retryHorizonDays: 30,
  // The OAS names the callback `{client-url}/status`.
  pathSuffixes: ['/status'],
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
  drift.fields(isJsonObject(json.value) ? json.value : null, V1_FIELDS.body)
  const elements = callbacksOf(json.value)
  if (elements === null) {
    return onlyDeadLetter(deadLetter('unexpected-shape', 'the body has no callbacks array', null), drift.list)
  }
  return translateElements(elements, drift, (element, index) => translateElement(callback, json, drift, element, index))
}

function translateElement(
  callback: Callback,
  json: JsonBody,
  drift: DriftNotes,
  element: JsonObject,
  index: number,
): ElementOutcome {
  drift.fields(element, V1_FIELDS.element)
  const read = new FieldReader()
  const firmRootId = read.id(element, 'firmRootId')
  const endToEndId = read.id(element, 'endToEndId')
  const sourceStatus = read.code(element, 'paymentStatus')
  const meaning = sourceStatus === null ? null : readV1Status(sourceStatus)
  if (sourceStatus !== null && meaning?.status === 'UNKNOWN') {
    drift.word('status', sourceStatus)
  }
  const clearingSystemReference = read.id(element, 'clearingSystemReference')
  const time = read.time(element, 'createDateTime')
  const reasons = reasonsOf(element, drift)
  const fx = read.object(element, 'fx')
  drift.fields(fx, V1_FIELDS.fx, 'fx.')
  const fxAppliedRate = read.decimal(fx, 'appliedRate', 'fx.appliedRate', json, ['callbacks', index, 'fx'])
  if (read.problem !== null) {
    return deadLetter('invalid-field', read.problem, index)
  }
  const key = v1PaymentKey(callback.namespace, firmRootId, endToEndId)
  if (key === null) {
    return deadLetter('missing-payment-id', 'the element has neither firmRootId nor endToEndId', index)
  }
  if (sourceStatus === null || meaning === null) {
    return deadLetter('missing-status', 'the element has no paymentStatus', index)
  }
  return buildEvent(callback, PROVIDER_ID, index, {
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
  })
}

function referencesOf(clearingSystemReference: string | null): readonly Reference[] {
  return clearingSystemReference === null ? [] : [{ type: 'clearingSystemReference', value: clearingSystemReference }]
}

function reasonsOf(element: JsonObject, drift: DriftNotes): ReasonList {
  const list = new ReasonList()
  for (const name of ['exceptions', 'exception']) {
    for (const exception of listOf(element[name])) {
      addException(list, exception, drift)
    }
  }
  return list
}

/** `externalCode` is given for rejections by the clearing and is an ISO 20022 reason. */
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
    // The rule is the bank's own and stands with its code; without one it would be lost.
    list.add('ISO20022', externalCode, isGiven(errorCode) ? {} : { rule: ruleDefinition })
  }
  if (!isGiven(errorCode) && !isGiven(externalCode)) {
    list.omit()
  }
}

function firstPaymentKey({ namespace, body }: Pick<Callback, 'namespace' | 'body'>): string | null {
  const firmRootId = findJsonId(body, 'firmRootId')
  const endToEndId = firmRootId === null ? findJsonId(body, 'endToEndId') : null
  return v1PaymentKey(namespace, firmRootId, endToEndId)?.paymentKey ?? null
}
