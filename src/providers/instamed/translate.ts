import { type Amount, ID_LENGTH_MAX } from '../../payment/payment-event.ts'
import { buildEvent } from '../build-event.ts'
import { isBlank, isCleanText } from '../clean-text.ts'
import { decodeText } from '../decode-text.ts'
import { DriftNotes } from '../drift.ts'
import { FieldReader } from '../fields.ts'
import { findJsonId } from '../find-json-id.ts'
import type { JsonObject } from '../json-object.ts'
import type { Callback, DeadLetter, Provider, Translation } from '../provider.ts'
import { type JsonBody, readJson } from '../read-json.ts'
import { readXml } from '../read-xml.ts'
import { isGiven, ReasonList } from '../reason-list.ts'
import {
  deadLetter,
  type ElementOutcome,
  neverThrowing,
  onlyDeadLetter,
  translateElements,
} from '../translate-elements.ts'
import { instamedNaturalKey, instamedPaymentKey } from './event-id.ts'
import { formatOf, INSTAMED_FIELDS, messageFromFields, messageFromForm, messageFromJson } from './payload.ts'
import { noteInstamedStatus, readInstamedStatus } from './status-map.ts'

const PROVIDER_ID = 'instamed'

/** InstaMed's payment webhook and its Member Payments variant: one transaction per message. */
export const instamed: Provider = {
  id: PROVIDER_ID,
  successCode: 200,
  // Five attempts, one every 30 minutes.
  retryHorizonDays: 1,
  pathSuffixes: [],
  translate: neverThrowing(translate),
  firstPaymentKey,
}

function translate(callback: Callback): Translation {
  const read = readMessage(callback)
  if (read.outcome === 'dead-letter') {
    return onlyDeadLetter(read.deadLetter)
  }
  const { message, json } = read
  if (isGiven(message['PaymentPlanTransactionType'])) {
    return { events: [], deadLetters: [], setAside: 1, drift: [] }
  }
  const drift = new DriftNotes()
  drift.fields(message, INSTAMED_FIELDS)
  return translateElements([message], drift, () => translateMessage(callback, json, drift, message))
}

type ReadMessage =
  | { readonly outcome: 'message'; readonly message: JsonObject; readonly json: JsonBody | null }
  | { readonly outcome: 'dead-letter'; readonly deadLetter: DeadLetter }

function readMessage({ body, contentType, jsonDepthMax }: Callback): ReadMessage {
  switch (formatOf(body, contentType)) {
    case 'json': {
      const read = readJson(body, jsonDepthMax)
      if (read.outcome === 'dead-letter') {
        return read
      }
      const message = messageFromJson(read.json.value)
      return message === null
        ? { outcome: 'dead-letter', deadLetter: deadLetter('unexpected-shape', 'the body is not a JSON object', null) }
        : { outcome: 'message', message, json: read.json }
    }
    case 'form': {
      const decoded = decodeText(body)
      if (decoded.outcome === 'dead-letter') {
        return decoded
      }
      const message = messageFromForm(decoded.text)
      return message === null
        ? { outcome: 'dead-letter', deadLetter: deadLetter('invalid-form', 'the body is not a valid form', null) }
        : { outcome: 'message', message, json: null }
    }
    case 'xml': {
      const read = readXml(body)
      return read.outcome === 'dead-letter'
        ? read
        : { outcome: 'message', message: messageFromFields(read.fields), json: null }
    }
  }
}

function translateMessage(
  callback: Callback,
  json: JsonBody | null,
  drift: DriftNotes,
  message: JsonObject,
): ElementOutcome {
  const read = new FieldReader()
  const transactionId = read.id(message, 'PaymentTransactionID')
  const originalId = read.id(message, 'OriginalTransactionID')
  const sourceAction = read.code(message, 'TransactionAction')
  const sourceStatus = read.code(message, 'CurrentTransactionStatusCode')
  const primaryCode = read.code(message, 'primaryTransactionStatus')
  const rail = read.code(message, 'TransactionType')
  const claimReference = read.id(message, 'CLMREF')
  const time = read.time(message, 'ResponseDateTime')
  const amount = read.decimal(message, 'Amount', 'Amount', json, [])
  const requestAmount = read.decimal(message, 'RequestAmount', 'RequestAmount', json, [])
  if (read.problem !== null) {
    return deadLetter('invalid-field', read.problem, 0)
  }
  if (transactionId === null) {
    return deadLetter('missing-payment-id', 'the message has no PaymentTransactionID', 0)
  }
  if (sourceStatus === null) {
    return deadLetter('missing-status', 'the message has no CurrentTransactionStatusCode', 0)
  }
  const paymentKey = instamedPaymentKey(callback.namespace, transactionId)
  const originalKey = originalId === null ? paymentKey : instamedPaymentKey(callback.namespace, originalId)
  const hasOtherOriginal = originalKey !== paymentKey
  const statement = { action: sourceAction, code: sourceStatus, primaryCode, hasOtherOriginal }
  const meaning = readInstamedStatus(statement)
  noteInstamedStatus(drift, statement, meaning.status)
  const reasons = reasonsOf(message)
  return buildEvent(callback, PROVIDER_ID, 0, {
    paymentKey,
    naturalKey: instamedNaturalKey(sourceAction, sourceStatus),
    kind: meaning.kind,
    relatesTo: hasOtherOriginal ? originalKey : null,
    status: meaning.status,
    unknownBecause: meaning.unknownBecause,
    sourceStatus,
    sourceSubStatus: primaryCode,
    sourceAction,
    time,
    references: claimReference === null ? [] : [{ type: 'CLMREF', value: claimReference }],
    rail,
    amount: amountOf(amount, callback),
    requestAmount: amountOf(requestAmount, callback),
    reasons: reasons.reasons,
    reasonsOmitted: reasons.omitted,
  })
}

/** InstaMed sends no currency: it is what the source is configured with. */
function amountOf(value: string | null, { currency }: Callback): Amount | null {
  return value === null ? null : { value, currency }
}

/** `000` in any length says that there is nothing to report. */
const NOTHING_TO_REPORT = /^0+$/

/** The two fields have code lists of their own, so that the reason says which one it is from. */
function reasonsOf(message: JsonObject): ReasonList {
  const list = new ReasonList()
  for (const field of ['ReasonCode', 'ResponseCode']) {
    const code = message[field]
    const nothing = (typeof code === 'string' && NOTHING_TO_REPORT.test(code)) || code === 0
    if (isGiven(code) && !nothing) {
      list.add('INSTAMED', code, { field })
    }
  }
  return list
}

function firstPaymentKey({ namespace, body, contentType }: Parameters<Provider['firstPaymentKey']>[0]): string | null {
  const id = FIND_ID[formatOf(body, contentType)](body)
  return id === null ? null : instamedPaymentKey(namespace, id)
}

const FIND_ID = {
  json: (body: Buffer) => findJsonId(body, 'PaymentTransactionID'),
  form: findFormId,
  xml: findXmlId,
} as const

/** The id in its usual spelling, without parsing; another one costs only that the key is not found. */
function findXmlId(body: Buffer): string | null {
  for (const tag of ['<PaymentTransactionID>', '<transactionID>']) {
    const at = body.indexOf(tag, 0, 'latin1')
    if (at >= 0) {
      const start = at + tag.length
      const end = body.indexOf('<', start, 'latin1')
      const id = end < 0 || end - start > 4 * ID_LENGTH_MAX ? '' : body.toString('utf8', start, end).trim()
      return id.length > ID_LENGTH_MAX || isBlank(id) || id.includes('&') || !isCleanText(id) ? null : id
    }
  }
  return null
}

function findFormId(body: Buffer): string | null {
  const message = messageFromForm(body.toString('utf8'))
  const read = new FieldReader()
  return read.id(message, 'PaymentTransactionID')
}
