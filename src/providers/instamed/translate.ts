import { type Amount, ID_LENGTH_MAX } from '../../payment/payment-event.ts'
import { buildEvent } from '../build-event.ts'
import { strip } from '../clean-text.ts'
import { charsetOf, charsetOfXml, decodeText, toUtf8 } from '../decode-text.ts'
import { DriftNotes } from '../drift.ts'
import { noteDuplicates } from '../duplicate-names.ts'
import { FieldReader, isGiven } from '../fields.ts'
import { findJsonId, usableId } from '../find-json-id.ts'
import type { JsonObject } from '../json-object.ts'
import { notRead, paymentBeside } from '../own-names.ts'
import { isPlaceholder } from '../placeholder.ts'
import type { Callback, DeadLetter, DeadLetterReason, Provider, Translation } from '../provider.ts'
import { readJson } from '../read-json.ts'
import { readXml } from '../read-xml.ts'
import { ReasonList } from '../reason-list.ts'
import {
  ambiguous,
  deadLetter,
  type ElementOutcome,
  neverThrowing,
  onlyDeadLetter,
  translateElements,
  unreadableField,
} from '../translate-elements.ts'
import { instamedNaturalKey, instamedPaymentKey } from './event-id.ts'
import {
  fieldsOfForm,
  formatOf,
  INSTAMED_FIELDS,
  INSTAMED_OWN_NAMES,
  INSTAMED_PAYMENT_NAMES,
  INSTAMED_READ,
  isInstamedName,
  type Message,
  messageFromFields,
  messageFromJson,
  shownName,
} from './payload.ts'
import { noteInstamedStatus, readInstamedStatus } from './status-map.ts'

const MAPPING = { id: 'instamed', mappingVersion: 1 }

/** InstaMed's payment webhook and its Member Payments variant: one transaction per message. */
export const instamed: Provider = {
  ...MAPPING,
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
  const { message } = read
  const twice = message.duplicates.ambiguousAt([], INSTAMED_READ)
  const unread = transactionInside(message.fields)
  if (twice === null && isPaymentPlan(message.fields['PaymentPlanTransactionType'])) {
    return unread === null ? PAYMENT_PLAN : onlyDeadLetter(unread)
  }
  const drift = new DriftNotes()
  drift.fields(message.fields, INSTAMED_FIELDS)
  noteDuplicates(drift, message.duplicates)
  if (twice !== null) {
    return onlyDeadLetter(ambiguous(shownName(message, twice), 0), drift.list)
  }
  if (isForeign(message.fields)) {
    return onlyDeadLetter(notOurs(callback, message.fields), drift.list)
  }
  return translateElements([message.fields], drift, unread, () => translateMessage(callback, drift, message))
}

/** The dead letter of another transaction inside a message, in anything but the texts of its own fields. */
function transactionInside(fields: JsonObject): DeadLetter | null {
  for (const name in fields) {
    const value = fields[name]
    // Most values are null or the texts of known fields.
    if (value !== null && (typeof value === 'object' || (typeof value === 'string' && !isInstamedName(name)))) {
      // By itself, because the names of the message are no transaction inside it.
      const letter = paymentBeside({ [name]: value }, INSTAMED_PAYMENT_NAMES)
      if (letter !== null) {
        return letter
      }
    }
  }
  return null
}

/** Any text except a placeholder. Another value does not say enough to set a payment aside. */
function isPaymentPlan(type: unknown): boolean {
  const text = typeof type === 'string' ? strip(type) : ''
  return text !== '' && !isPlaceholder(text)
}

const PAYMENT_PLAN: Translation = { events: [], deadLetters: [], setAside: 1, drift: [] }

/** A body whose names only look like InstaMed's becomes the dead letter of a message without an id. */
function isForeign(fields: JsonObject): boolean {
  for (const name in fields) {
    if (isInstamedName(name)) {
      return false
    }
  }
  return true
}

/** A payment can also be sent as a list of names and values, or in attributes of XML, which are not read. */
function notOurs({ body, contentType }: Callback, fields: JsonObject): DeadLetter {
  const messages = {
    foreign: "the body has none of InstaMed's fields: it belongs to another product",
    misshapen: "the body has none of InstaMed's fields where they belong",
  }
  return notRead(fields, INSTAMED_OWN_NAMES, true, messages, decodeText(body, charsetOf(contentType)).text)
}

type ReadMessage =
  | { readonly outcome: 'message'; readonly message: Message }
  | { readonly outcome: 'dead-letter'; readonly deadLetter: DeadLetter }

function readMessage(callback: Callback): ReadMessage {
  const { body, contentType } = callback
  switch (formatOf(body, contentType)) {
    case 'json': {
      const read = readJson(callback)
      if (read.outcome === 'dead-letter') {
        return read
      }
      const message = messageFromJson(read.json)
      if (message === null) {
        return refused('unexpected-shape', 'the body is not a JSON object')
      }
      return Object.keys(message.fields).length === 0
        ? refused('unexpected-shape', 'the body is an empty object')
        : messageOf(message)
    }
    case 'form': {
      if (body.length === 0) {
        return refused('empty-body', 'the body is empty')
      }
      const fields = fieldsOfForm(body, charsetOf(contentType))
      return fields === null
        ? refused('invalid-form', 'the body has no pair of a name and a value')
        : messageOf(messageFromFields(fields))
    }
    case 'xml': {
      const read = readXml(body, charsetOf(contentType))
      return read.outcome === 'dead-letter'
        ? read
        : messageOf(messageFromFields(read.fields.map((field) => ({ ...field, guessed: read.guessed }))))
    }
  }
}

function messageOf(message: Message): ReadMessage {
  return { outcome: 'message', message }
}

function refused(reason: DeadLetterReason, message: string): ReadMessage {
  return { outcome: 'dead-letter', deadLetter: deadLetter(reason, message, null) }
}

function translateMessage(callback: Callback, drift: DriftNotes, message: Message): ElementOutcome {
  const { fields, json } = message
  const read = new FieldReader(drift, message.guessed)
  const transactionId = read.decidingId(fields, 'PaymentTransactionID')
  const originalId = read.id(fields, 'OriginalTransactionID')
  const sourceAction = read.code(fields, 'TransactionAction')
  const sourceStatus = read.decidingCode(fields, 'CurrentTransactionStatusCode')
  const primaryCode = read.code(fields, 'primaryTransactionStatus')
  const rail = read.code(fields, 'TransactionType')
  const claimReference = read.id(fields, 'CLMREF')
  const time = read.time(fields, 'ResponseDateTime')
  // Not a payment plan: the field is only marked if it is not a text.
  read.code(fields, 'PaymentPlanTransactionType')
  const decimal = (name: string) => read.decimal(fields, name, name, json, [])
  const wholeAmount = decimal('Amount')
  const requestAmount = decimal('RequestAmount')
  const partialApproval = isPartialApproval(read, fields)
  const approvedAmount = partialApproval ? decimal('PartialApprovalAmount') : null
  // The whole amount was not approved, so it does not replace an approved amount that cannot be read.
  const amount = read.isUnreadable('PartialApprovalAmount') ? null : (approvedAmount ?? wholeAmount)
  if (read.problem !== null) {
    return unreadableField(read.problem, 0, shownName(message, read.problem.field))
  }
  if (transactionId === null) {
    return deadLetter('missing-payment-id', 'the message has no PaymentTransactionID', 0)
  }
  if (sourceStatus === null) {
    return deadLetter('missing-status', 'the message has no CurrentTransactionStatusCode', 0)
  }
  const paymentKey = instamedPaymentKey(callback.namespace, transactionId)
  const originalKey = originalId === null ? null : instamedPaymentKey(callback.namespace, originalId)
  const relatesTo = originalKey === paymentKey ? null : originalKey
  // An unreadable id counts as another original: a refund must not look like a payment.
  const hasOtherOriginal = relatesTo !== null || read.isUnreadable('OriginalTransactionID')
  const statement = {
    action: sourceAction,
    isActionUnreadable: read.isUnreadable('TransactionAction'),
    code: sourceStatus,
    primaryCode,
    hasOtherOriginal,
  }
  const meaning = readInstamedStatus(statement)
  noteInstamedStatus(drift, statement, meaning.status)
  const reasons = reasonsOf(message)
  return buildEvent(callback, MAPPING, 0, {
    paymentKey,
    naturalKey: instamedNaturalKey(sourceAction, sourceStatus),
    kind: meaning.kind,
    relatesTo,
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
    partialApproval,
    reasons: reasons.reasons,
    reasonsOmitted: reasons.omitted,
    unreadable: read.unreadable,
  })
}

/** InstaMed sends no currency; the configured one of the source applies. */
function amountOf(value: string | null, { currency }: Callback): Amount | null {
  return value === null ? null : { value, currency }
}

/** Whether less than the requested amount was approved. InstaMed has two fields for it; either is enough. */
function isPartialApproval(read: FieldReader, fields: JsonObject): boolean {
  const flag = fields['IsPartiallyApproved']
  const code = fields['ResponseCode']
  // InstaMed sends a text, but JSON also has booleans and numbers. Any other value is read as a code and marked if unreadable.
  const isJsonWord = typeof flag === 'boolean' || flag === 1 || flag === 0
  const said = isJsonWord ? Boolean(flag) : YES.test(read.code(fields, 'IsPartiallyApproved') ?? '')
  return said || (typeof code === 'string' && strip(code) === PARTIALLY_APPROVED)
}

const YES = /^(?:true|1|y|yes)$/i
const PARTIALLY_APPROVED = '010'

/** Zeros of any length mean "nothing to report". */
const NOTHING_TO_REPORT = /^0+$/

/** The two fields have separate code lists, so each reason names its field. */
function reasonsOf({ fields, guessed }: Message): ReasonList {
  const list = new ReasonList(guessed.has('ReasonCode') || guessed.has('ResponseCode'))
  for (const field of ['ReasonCode', 'ResponseCode']) {
    const code = fields[field]
    const nothing = (typeof code === 'string' && NOTHING_TO_REPORT.test(strip(code))) || code === 0
    if (isGiven(code) && !nothing) {
      list.add('INSTAMED', code, { field })
    }
  }
  return list
}

function firstPaymentKey({ namespace, body, contentType }: Parameters<Provider['firstPaymentKey']>[0]): string | null {
  const id = FIND_ID[formatOf(body, contentType)](body, contentType)
  return id === null ? null : instamedPaymentKey(namespace, id)
}

const FIND_ID = {
  json: (body: Buffer, contentType: string) => {
    const utf8 = toUtf8(body, charsetOf(contentType))
    return findJsonId(utf8, 'PaymentTransactionID') ?? findJsonId(utf8, 'transactionID')
  },
  form: findFormId,
  xml: (body: Buffer, contentType: string) => findXmlId(toUtf8(body, charsetOf(contentType) ?? charsetOfXml(body))),
} as const

/** Finds the id without parsing, only in the usual spelling of its tag. A missed id only reduces locality. */
function findXmlId(body: Buffer): string | null {
  for (const tag of ['<PaymentTransactionID>', '<transactionID>']) {
    const at = body.indexOf(tag, 0, 'latin1')
    if (at >= 0) {
      const start = at + tag.length
      const end = body.indexOf('<', start, 'latin1')
      const text = end < 0 || end - start > 4 * ID_LENGTH_MAX ? '' : body.toString('utf8', start, end)
      return text.includes('&') ? null : usableId(text)
    }
  }
  return null
}

function findFormId(body: Buffer, contentType: string): string | null {
  const message = messageFromFields(fieldsOfForm(body, charsetOf(contentType)) ?? [])
  const read = new FieldReader(new DriftNotes(), message.guessed)
  return read.decidingId(message.fields, 'PaymentTransactionID')
}
