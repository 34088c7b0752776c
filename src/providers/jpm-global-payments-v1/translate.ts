import type { Reference } from '../../payment/payment-event.ts'
import { buildEvent } from '../build-event.ts'
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
import { callbacksOf } from './payload.ts'
import { readV1Status } from './status-map.ts'

const PROVIDER_ID = 'jpm-global-payments-v1'

/** J.P. Morgan Global Payments, first version: `{"callbacks": [...]}`, answered with 200. */
export const jpmGlobalPaymentsV1: Provider = {
  id: PROVIDER_ID,
  successCode: 200,
  // The OAS names the callback `{client-url}/status`.
  pathSuffixes: ['/status'],
  translate: neverThrowing(translate),
  firstPaymentKey,
}

function translate(callback: Callback): Translation {
  const read = readJson(callback.body)
  if (read.outcome === 'dead-letter') {
    return onlyDeadLetter(read.deadLetter)
  }
  const elements = callbacksOf(read.json.value)
  if (elements === null) {
    return onlyDeadLetter(deadLetter('unexpected-shape', 'the body has no callbacks array', null))
  }
  return translateElements(elements, (element, index) => translateElement(callback, read.json, element, index))
}

function translateElement(callback: Callback, json: JsonBody, element: JsonObject, index: number): ElementOutcome {
  const read = new FieldReader()
  const firmRootId = read.id(element, 'firmRootId')
  const endToEndId = read.id(element, 'endToEndId')
  const sourceStatus = read.code(element, 'paymentStatus')
  const clearingSystemReference = read.id(element, 'clearingSystemReference')
  const time = read.time(element, 'createDateTime')
  const fx = read.object(element, 'fx')
  const fxAppliedRate = read.decimal(fx, 'appliedRate', 'fx.appliedRate', json, ['callbacks', index, 'fx'])
  if (read.problem !== null) {
    return deadLetter('invalid-field', read.problem, index)
  }
  const key = v1PaymentKey(callback.namespace, firmRootId, endToEndId)
  if (key === null) {
    return deadLetter('missing-payment-id', 'the element has neither firmRootId nor endToEndId', index)
  }
  if (sourceStatus === null) {
    return deadLetter('missing-status', 'the element has no paymentStatus', index)
  }
  const reasons = reasonsOf(element)
  return buildEvent(callback, PROVIDER_ID, index, {
    ...key,
    ...readV1Status(sourceStatus),
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

function reasonsOf(element: JsonObject): ReasonList {
  const list = new ReasonList()
  for (const name of ['exceptions', 'exception']) {
    for (const exception of listOf(element[name])) {
      addException(list, exception)
    }
  }
  return list
}

/** `externalCode` is given for rejections by the clearing and is an ISO 20022 reason. */
function addException(list: ReasonList, exception: unknown): void {
  if (!isJsonObject(exception)) {
    list.omit()
    return
  }
  const { errorCode, externalCode, ruleDefinition } = exception
  if (isGiven(errorCode)) {
    list.add('JPM', errorCode, { rule: ruleDefinition })
  }
  if (isGiven(externalCode)) {
    list.add('ISO20022', externalCode)
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
