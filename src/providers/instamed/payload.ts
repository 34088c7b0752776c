import { isUtf8 } from 'node:buffer'
import { isAscii, strip } from '../clean-text.ts'
import { type Charset, decodeBytes } from '../decode-text.ts'
import type { KnownNames } from '../drift.ts'
import type { DuplicateName } from '../duplicate-names.ts'
import { ALL_GUESSED, BROKEN_ENCODING, NOTHING_GUESSED } from '../fields.ts'
import { isJsonObject, type JsonObject } from '../json-object.ts'
import type { JsonBody } from '../read-json.ts'

/**
 * An InstaMed message is flat: one transaction, every value a text or null, no event id, no currency. Read from it, and
 * nothing else (the message also holds patient, payer, card and account data and free text):
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
 * | `PaymentPlanTransactionType`   |                            | present: a payment plan, not a payment         |
 */
const NAME_VALUE_PAIR_NAMES = {
  transactionID: 'PaymentTransactionID',
  primaryTransactionID: 'OriginalTransactionID',
  transactionStatus: 'CurrentTransactionStatusCode',
  transactionDate: 'ResponseDateTime',
  responseCode: 'ResponseCode',
} as const

/**
 * Every field that the webhook is known to send, and `primaryTransactionStatus` of the name-value pairs. Most are never
 * read: the list is there to tell a field that is new from one that is left out on purpose.
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

/** What is read of a message. */
export const INSTAMED_READ: ReadonlySet<string> = new Set([
  'PaymentTransactionID',
  'OriginalTransactionID',
  'TransactionAction',
  'CurrentTransactionStatusCode',
  'primaryTransactionStatus',
  'TransactionType',
  'Amount',
  'RequestAmount',
  'IsPartiallyApproved',
  'PartialApprovalAmount',
  'ResponseDateTime',
  'ReasonCode',
  'ResponseCode',
  'CLMREF',
  'PaymentPlanTransactionType',
])

const NAMES: ReadonlyMap<string, string> = new Map([
  ...[...INSTAMED_FIELDS].map((name) => [name, name] as const),
  ...Object.entries(NAME_VALUE_PAIR_NAMES),
])
const NAMES_BY_LOWER_CASE: ReadonlyMap<string, string> = new Map(
  [...NAMES].map(([sent, name]) => [sent.toLowerCase(), name] as const),
)

/**
 * Name-value pairs and XML are known by their interface's documentation, not by a sample of the webhook, so that their
 * names are taken in any case.
 */
function webhookName(sent: string): string {
  return NAMES.get(sent) ?? NAMES_BY_LOWER_CASE.get(sent.toLowerCase()) ?? sent
}

/** Whether a message that has such a name could be InstaMed's, however it is written. */
export function isInstamedName(sent: string): boolean {
  return NAMES.has(sent) || NAMES_BY_LOWER_CASE.has(sent.toLowerCase())
}

/** A message under the webhook's names. */
export interface Message {
  readonly fields: JsonObject
  /** The fields whose characters outside ASCII are a guess. */
  readonly guessed: KnownNames
  readonly duplicates: readonly DuplicateName[]
  /** As the sender wrote them, in a form and in XML; in JSON they are the webhook's own. */
  readonly sentNames: readonly string[]
  /** For the digits of its numbers; null if it was not JSON. */
  readonly json: JsonBody | null
}

/** Null if it is not an object. */
export function messageFromJson(json: JsonBody): Message | null {
  return isJsonObject(json.value)
    ? {
        fields: json.value,
        guessed: json.guessed ? ALL_GUESSED : NOTHING_GUESSED,
        duplicates: json.duplicates,
        sentNames: [],
        json,
      }
    : null
}

/** How a message to people names one of {@link INSTAMED_FIELDS}: with the names that the sender wrote, if they are others. */
export function shownName({ sentNames }: Message, name: string): string {
  const sent = new Set(sentNames.filter((one) => webhookName(one) === name))
  return sent.size === 0 || (sent.size === 1 && sent.has(name)) ? name : `${name} (sent as ${[...sent].join(' and ')})`
}

export interface MessageField {
  readonly name: string
  /** Null if it is not a text. */
  readonly value: string | typeof BROKEN_ENCODING | null
  readonly guessed: boolean
}

/**
 * A flat list of fields as a message. Of a field that is there twice the last value counts, as in JSON; one that is not a
 * text becomes what cannot be read as one.
 */
export function messageFromFields(list: readonly MessageField[]): Message {
  const fields: Record<string, unknown> = Object.create(null)
  const guessed = new Set<string>()
  const repeated = new Map<string, boolean>()
  for (const field of list) {
    const name = webhookName(field.name)
    const value = field.value ?? {}
    if (name in fields) {
      repeated.set(name, (repeated.get(name) ?? true) && isSameText(fields[name], value))
    }
    fields[name] = value
    if (field.guessed) {
      guessed.add(name)
    }
  }
  const duplicates = [...repeated].map(([name, equal]) => ({ path: [], name, equal }))
  return {
    fields,
    guessed: guessed.size === 0 ? NOTHING_GUESSED : guessed,
    duplicates,
    sentNames: list.map((field) => field.name),
    json: null,
  }
}

function isSameText(one: unknown, other: unknown): boolean {
  return typeof one === 'string' && typeof other === 'string' && strip(one) === strip(other)
}

/**
 * Decodes name-value pairs (`application/x-www-form-urlencoded`). Each value is decoded by itself, so that one in another
 * character set, or with a malformed escape, costs only its own field. A part without a name or an equals sign, such as
 * the rest of a value with a bare ampersand, is skipped: it names no field and may hold anything. Null if there is no pair.
 */
export function fieldsOfForm(body: Buffer, charset: Charset | null): readonly MessageField[] | null {
  const isBodyUtf8 = isUtf8(body)
  const fields: MessageField[] = []
  for (const pair of formTextOf(body, isBodyUtf8).trim().split('&')) {
    const equals = pair.indexOf('=')
    if (equals > 0) {
      const { value } = decodeFormText(pair.slice(0, equals), isBodyUtf8, charset)
      const name = typeof value === 'string' ? value : UNNAMED
      fields.push({ name, ...decodeFormText(pair.slice(equals + 1), isBodyUtf8, charset) })
    }
  }
  return fields.length === 0 ? null : fields
}

/** A name that cannot be decoded: no field of ours. */
const UNNAMED = '%'

/** A character for each byte if it is not UTF-8. */
function formTextOf(body: Buffer, isBodyUtf8: boolean): string {
  const text = body.toString(isBodyUtf8 ? 'utf8' : 'latin1')
  return isBodyUtf8 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text
}

const BYTE_ORDER_MARK = '\ufeff'

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
 * Tells the format from how the body opens, then from the content type: a body that opens like JSON, XML or a pair is
 * that, whatever the header says (clients are often left at their library's default, and name-value pairs go as text).
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

/** A name and its equals sign. No JSON and no XML begins with a letter and has one after it. */
const FIRST_PAIR = /^[A-Za-z_][\w.%+-]*=/
const OPENING_BYTES_MAX = 128

/** The first bytes that are not blank. */
function openingOf(body: Buffer): string {
  const hasByteOrderMark = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf
  let at = hasByteOrderMark ? 3 : 0
  while (at < body.length && (body[at] ?? 0) <= 0x20) {
    at += 1
  }
  return body.toString('latin1', at, at + OPENING_BYTES_MAX)
}
