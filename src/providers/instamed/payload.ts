import { isUtf8 } from 'node:buffer'
import { isAscii, strip } from '../clean-text.ts'
import { type Charset, decodeBytes, decodeText, isUtf16, toUtf8, withoutByteOrderMark } from '../decode-text.ts'
import type { KnownNames } from '../drift.ts'
import { DuplicateNames } from '../duplicate-names.ts'
import { ALL_GUESSED, BROKEN_ENCODING, isGiven, NOTHING_GUESSED } from '../fields.ts'
import { isJsonObject, type JsonObject } from '../json-object.ts'
import type { OwnNames } from '../own-names.ts'
import type { JsonBody, NumberTexts } from '../read-json.ts'

/**
 * An InstaMed message is flat: one transaction, every value a text or null, no event id, no currency. Only these fields are
 * read (the message also has patient, payer, card and account data and free text):
 *
 * | webhook                        | name-value pairs           | read as                                       |
 * |--------------------------------|----------------------------|-----------------------------------------------|
 * | `PaymentTransactionID`         | `transactionID`            | id; case differs between their interfaces      |
 * | `OriginalTransactionID`        | `primaryTransactionID`     | the original; of a sale, its own id            |
 * | `TransactionAction`            |                            | `Sale`, `Refund`, `SimpleRefund`               |
 * | `CurrentTransactionStatusCode` | `transactionStatus`        | see status-map.ts                              |
 * |                                | `primaryTransactionStatus` | status of the original after a void            |
 * | `TransactionType`              |                            | rail, such as `CreditCard`                     |
 * | `Amount`, `RequestAmount`      |                            | decimals                                       |
 * | `IsPartiallyApproved`          |                            | true: less than the requested amount approved  |
 * | `PartialApprovalAmount`        |                            | then, if given, the amount                     |
 * | `ResponseDateTime`             | `transactionDate`          | time                                           |
 * | `ReasonCode`, `ResponseCode`   | `responseCode`             | reasons, unless they say "nothing to report"   |
 * | `CLMREF`                       |                            | claim reference of Member Payments             |
 * | `PaymentPlanTransactionType`   |                            | a text: a payment plan, not a payment          |
 */
const NAME_VALUE_PAIR_NAMES = {
  transactionID: 'PaymentTransactionID',
  primaryTransactionID: 'OriginalTransactionID',
  transactionStatus: 'CurrentTransactionStatusCode',
  transactionDate: 'ResponseDateTime',
  responseCode: 'ResponseCode',
} as const

/**
 * Every known field of the webhook, and `primaryTransactionStatus` of the name-value pairs. Most are never read: the list
 * distinguishes new fields from those ignored on purpose.
 */
// biome-ignore format: grouped by what they are about
export const INSTAMED_FIELDS: ReadonlySet<string> = new Set([
  'PaymentTransactionID', 'OriginalTransactionID', 'SaveOnFileTransactionID', 'PaymentPlanID', 'StatementID', 'EstimateID',
  'SingleSignOnToken', 'InvoiceNumber', 'CLMREF', 'PaymentPlanTransactionType',
  'TransactionAction', 'TransactionType', 'TransactionCode', 'TransactionDescription', 'CurrentTransactionStatusCode',
  'CurrentTransactionStatusDescription', 'OriginalTransactionStatusCode', 'OriginalTransactionStatusDescription',
  'primaryTransactionStatus', 'ResponseCode', 'ResponseMessage', 'ReasonCode', 'ReasonCodeDescription', 'WorkflowStatus',
  'FreeFormTextResponse', 'ResponseDateTime',
  'RequestAmount', 'Amount', 'IsPartiallyApproved', 'PartialApprovalAmount', 'TransactionServiceFee', 'ReturnCheckFee',
  'EstimatedAmount', 'InstallmentSequenceNumber', 'InstallmentCount', 'LineItemNumber', 'IsMultiAR',
  'MerchantID', 'StoreID', 'TerminalID', 'Outlet', 'OutletDescription', 'Alias', 'UserID', 'MarketSegment',
  'CardType', 'CardLastFourDigits', 'ExpDate', 'AuthorizationCode', 'AuthorizationText', 'CardHolderName',
  'CardHolderFirstName', 'CardHolderLastName', 'CardInputMode', 'CardPresentStatus', 'SaveCardOnFile',
  'AddressVerificationResponseCode', 'AddressVerificationResponseDescription', 'CardVerificationResponseCode',
  'CardVerificationResponseDescription', 'EMVApplicationIdentifier', 'EMVTerminalVerificationResults',
  'EMVIssuerApplicationData', 'EMVTransactionStatusInformation', 'EMVApplicationResponseCode',
  'RoutingNumber', 'AccountNumberLastFourDigits', 'CheckNumber', 'CheckingAccountHolderFirstName',
  'CheckingAccountHolderLastName', 'CheckingAccountType', 'CheckState', 'DriversLicense', 'SaveBankAccountOnFile',
  'HasCheckImage',
  'PatientID', 'PatientMedicalRecordNumber', 'PatientFirstName', 'PatientLastName', 'PatientMiddleName',
  'PatientBirthDate', 'PatientServiceBeginDate', 'PatientServiceEndDate', 'PatientAddress1', 'PatientAddress2',
  'PatientCity', 'PatientState', 'PatientZip', 'PatientCountry', 'PatientPhoneNumber', 'GuarantorID',
  'GuarantorFirstName', 'GuarantorLastName', 'AccountHolderEmail', 'AccountHolderAddress1', 'AccountHolderAddress2',
  'AccountHolderCity', 'AccountHolderState', 'AccountHolderZip', 'AccountHolderCountry', 'AccountHolderPhoneNumber',
  'AdditionalCode1', 'AdditionalCode2', 'AdditionalCode3', 'AdditionalCode4', 'AdditionalCode5', 'AdditionalCode6',
  'AdditionalCode1Description', 'AdditionalCode2Description', 'AdditionalCode3Description', 'AdditionalCode4Description',
  'AdditionalCode5Description', 'AdditionalCode6Description', 'AdditionalInfo1', 'AdditionalInfo2', 'AdditionalInfo3',
  'AdditionalInfo4', 'AdditionalInfo5', 'AdditionalInfo6',
])

/** What only InstaMed's messages have. */
export const INSTAMED_OWN_NAMES: readonly OwnNames[] = [
  ['PaymentTransactionID'],
  ['CurrentTransactionStatusCode'],
  ['transactionID', 'transactionStatus'],
]

/** An id and a status: what an object inside a message has if it is another transaction. */
export const INSTAMED_PAYMENT_NAMES: readonly OwnNames[] = ['PaymentTransactionID', 'transactionID'].flatMap((id) =>
  ['CurrentTransactionStatusCode', 'transactionStatus'].map((status) => [id, status]),
)

/** The fields that are read from a message. */
// biome-ignore format: a list of names
export const INSTAMED_READ: ReadonlySet<string> = new Set([
  'PaymentTransactionID', 'OriginalTransactionID', 'TransactionAction', 'CurrentTransactionStatusCode',
  'primaryTransactionStatus', 'TransactionType', 'Amount', 'RequestAmount', 'IsPartiallyApproved',
  'PartialApprovalAmount', 'ResponseDateTime', 'ReasonCode', 'ResponseCode', 'CLMREF', 'PaymentPlanTransactionType',
])

const NAMES: ReadonlyMap<string, string> = new Map([
  ...[...INSTAMED_FIELDS].map((name) => [name, name] as const),
  ...Object.entries(NAME_VALUE_PAIR_NAMES),
])
const NAMES_BY_LOWER_CASE: ReadonlyMap<string, string> = new Map(
  [...NAMES].map(([sent, name]) => [sent.toLowerCase(), name] as const),
)

/**
 * The webhook's name for a field. Case and blanks around it are ignored, in every format: only one sample of the webhook is
 * known, and without its action or its original, a refund would count as a payment.
 */
function webhookName(sent: string): string {
  return NAMES.get(sent) ?? NAMES_BY_LOWER_CASE.get(strip(sent).toLowerCase()) ?? sent
}

/** Names that only the name-value pairs have, in lower case. */
const PAIR_NAMES: ReadonlySet<string> = new Set(
  Object.entries(NAME_VALUE_PAIR_NAMES)
    .filter(([sent, name]) => sent.toLowerCase() !== name.toLowerCase())
    .map(([sent]) => sent.toLowerCase()),
)

function isPairName(sent: string): boolean {
  return PAIR_NAMES.has(strip(sent).toLowerCase())
}

/** Whether this is the name of an InstaMed field, in any case. */
export function isInstamedName(sent: string): boolean {
  return NAMES.has(sent) || NAMES_BY_LOWER_CASE.has(strip(sent).toLowerCase())
}

/** A message under the webhook's names. */
export interface Message {
  readonly fields: JsonObject
  /** The fields whose characters outside ASCII are a guess. */
  readonly guessed: KnownNames
  readonly duplicates: DuplicateNames
  readonly sentNames: readonly string[]
  /** Gives the digits of numbers as sent; null if the message was not JSON. */
  readonly json: NumberTexts | null
}

/** Null if it is not an object. */
export function messageFromJson(json: JsonBody): Message | null {
  if (!isJsonObject(json.value)) {
    return null
  }
  const guessed = json.guessed ? ALL_GUESSED : NOTHING_GUESSED
  const sentNames = Object.keys(json.value)
  if (sentNames.every((name) => webhookName(name) === name)) {
    return { fields: json.value, guessed, duplicates: json.duplicates, sentNames, json }
  }
  const sent = Object.entries(json.value)
  // In JSON, a name of the pairs beside the webhook's own name is another field.
  const own = new Set(sent.flatMap(([name, value]) => (isGiven(value) && !isPairName(name) ? [webhookName(name)] : [])))
  const { fields, sentAs, repeated } = underWebhookNames(
    sent.filter(([name]) => !isPairName(name) || !own.has(webhookName(name))),
  )
  const duplicates = json.duplicates.list.map((one) =>
    one.path.length === 0 ? { ...one, name: webhookName(one.name) } : one,
  )
  return {
    fields,
    guessed,
    duplicates: new DuplicateNames([...duplicates, ...repeated]),
    sentNames,
    json: { numberTextAt: ([name = '']) => json.numberTextAt([sentAs.get(String(name)) ?? name]) },
  }
}

/**
 * If several fields have one name, the last value counts, as in JSON, and the name is among `repeated`. A value that is not given
 * contradicts nothing. Values that are no texts are all kept: any of them may contain another transaction.
 */
function underWebhookNames(sent: readonly (readonly [name: string, value: unknown])[]) {
  const fields: Record<string, unknown> = Object.create(null)
  const sentAs = new Map<string, string>()
  const equal = new Map<string, boolean>()
  const lists = new Map<string, unknown[]>()
  for (const [sentName, value] of sent) {
    const name = webhookName(sentName)
    const before = fields[name]
    const isRepeated = isGiven(before)
    if (isRepeated && !isGiven(value)) {
      continue
    }
    fields[name] = value
    sentAs.set(name, sentName)
    if (isRepeated) {
      equal.set(name, (equal.get(name) ?? true) && isSame(before, value))
      if (typeof before === 'object' || typeof value === 'object') {
        const list = lists.get(name) ?? [before]
        list.push(value)
        lists.set(name, list)
        fields[name] = list
      }
    }
  }
  return { fields, sentAs, repeated: [...equal].map(([name, isEqual]) => ({ path: [], name, equal: isEqual })) }
}

/** Two broken encodings can stand for different texts. */
function isSame(one: unknown, other: unknown): boolean {
  return typeof one === 'string' && typeof other === 'string'
    ? strip(one) === strip(other)
    : one === other && one !== BROKEN_ENCODING
}

/** The name of a field for error messages, with the names the sender used if they differ. */
export function shownName({ sentNames }: Message, name: string): string {
  const sent = new Set(sentNames.filter((one) => webhookName(one) === name))
  return sent.size === 0 || (sent.size === 1 && sent.has(name)) ? name : `${name} (sent as ${[...sent].join(' and ')})`
}

export interface MessageField {
  readonly name: string
  /** Null if it is not a text. */
  readonly value: string | typeof BROKEN_ENCODING | null
  /** What it contains if it is not a text. */
  readonly nested?: readonly JsonObject[]
  readonly guessed: boolean
}

/**
 * Turns a flat list of fields into a message. A value that is not a text becomes a list or an object, so that reading the
 * field fails.
 */
export function messageFromFields(list: readonly MessageField[]): Message {
  const { fields, repeated } = underWebhookNames(
    list.map(({ name, value, nested }) => [name, value ?? nested ?? {}] as const),
  )
  const guessed = list.filter((field) => field.guessed).map(({ name }) => webhookName(name))
  return {
    fields,
    guessed: guessed.length === 0 ? NOTHING_GUESSED : new Set(guessed),
    duplicates: new DuplicateNames(repeated),
    sentNames: list.map(({ name }) => name),
    json: null,
  }
}

/**
 * Decodes name-value pairs (`application/x-www-form-urlencoded`). Each value is decoded separately, so that a different
 * character set or a malformed escape affects only its own field. A part without a name or an equals sign, such as the
 * rest of a value with an unescaped ampersand, is skipped: it names no field. Null if there is no pair.
 */
export function fieldsOfForm(body: Buffer, charset: Charset | null): readonly MessageField[] | null {
  const bytes = withoutByteOrderMark(isUtf16(body) ? toUtf8(body, null) : body)
  const isBodyUtf8 = isUtf8(bytes)
  const fields: MessageField[] = []
  // A body that is not UTF-8 becomes a text with one character for each byte.
  for (const pair of bytes
    .toString(isBodyUtf8 ? 'utf8' : 'latin1')
    .trim()
    .split('&')) {
    const equals = pair.indexOf('=')
    if (equals > 0) {
      const { value } = decodeFormText(pair.slice(0, equals), isBodyUtf8, charset)
      const name = typeof value === 'string' ? value : UNNAMED
      fields.push({ name, ...decodeFormText(pair.slice(equals + 1), isBodyUtf8, charset) })
    }
  }
  return fields.length === 0 ? null : fields
}

/** Replaces a name that cannot be decoded. It is the name of no InstaMed field. */
const UNNAMED = '%'

function decodeFormText(
  text: string,
  isBodyUtf8: boolean,
  charset: Charset | null,
): Pick<MessageField, 'value' | 'guessed'> {
  const plain = text.replaceAll('+', ' ')
  if (isBodyUtf8 || isAscii(plain)) {
    try {
      return { value: decodeURIComponent(plain), guessed: false }
    } catch {
      // An escape that is malformed, or not UTF-8.
    }
  }
  if (MALFORMED_ESCAPE.test(plain)) {
    return { value: BROKEN_ENCODING, guessed: false }
  }
  const bytes = bytesOf(plain, isBodyUtf8)
  return isUtf8(bytes)
    ? { value: bytes.toString('utf8'), guessed: false }
    : { value: decodeBytes(bytes, charset), guessed: charset === null }
}

const MALFORMED_ESCAPE = /%(?![0-9A-Fa-f]{2})/
const ESCAPE = /%([0-9A-Fa-f]{2})/g

function bytesOf(text: string, isBodyUtf8: boolean): Buffer {
  const characters = isBodyUtf8 ? Buffer.from(text, 'utf8').toString('latin1') : text
  return Buffer.from(
    characters.replace(ESCAPE, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  )
}

type BodyFormat = 'json' | 'form' | 'xml'

/**
 * Detects the format from the start of the body, then from the content type. A body that starts like JSON, XML or a pair is
 * read as such, whatever the header says: clients often keep their library's default, and name-value pairs are sent as
 * text.
 */
export function formatOf(body: Buffer, contentType: string): BodyFormat {
  const opening = openingOf(body)
  const first = opening[0]
  if (first === '{' || first === '[') {
    return 'json'
  }
  if (first === '<') {
    return 'xml'
  }
  const type = contentType.toLowerCase()
  if (type.includes('x-www-form-urlencoded') || FIRST_PAIR.test(opening)) {
    return 'form'
  }
  return type.includes('xml') ? 'xml' : 'json'
}

/** A name followed by an equals sign. Neither JSON nor XML starts this way. */
const FIRST_PAIR = /^[A-Za-z_][\w.%+-]*=/
const OPENING_BYTES_MAX = 128

/** The first characters after a byte order mark and white space. */
function openingOf(body: Buffer): string {
  const bytes = isUtf16(body) ? Buffer.from(decodeText(body, null).text) : withoutByteOrderMark(body)
  let at = 0
  while (at < bytes.length && (bytes[at] ?? 0) <= 0x20) {
    at += 1
  }
  return bytes.toString('latin1', at, at + OPENING_BYTES_MAX)
}
