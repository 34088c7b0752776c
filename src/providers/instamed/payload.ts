import { isJsonObject, type JsonObject } from '../json-object.ts'

/**
 * An InstaMed message is flat: one transaction, every value a text or null, no event id, no currency. Read from it, and
 * nothing else (the message also holds patient, payer, card and account data and free text):
 *
 * | webhook                        | name-value pairs           | read as                                       |
 * |--------------------------------|----------------------------|-----------------------------------------------|
 * | `PaymentTransactionID`         | `transactionID`            | id; case differs between their interfaces      |
 * | `OriginalTransactionID`        | `primaryTransactionID`     | the original; of a sale, its own id            |
 * | `TransactionAction`            |                            | `Sale`, `Refund`                               |
 * | `CurrentTransactionStatusCode` | `transactionStatus`        | see status-map.ts                              |
 * |                                | `primaryTransactionStatus` | status of the original after a void            |
 * | `TransactionType`              |                            | rail, such as `CreditCard`                     |
 * | `Amount`, `RequestAmount`      |                            | decimals                                       |
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

/** Decodes name-value pairs (`application/x-www-form-urlencoded`) to the webhook's names. Null if it is not a valid form. */
export function messageFromForm(text: string): JsonObject | null {
  const fields: MessageField[] = []
  for (const pair of text.trim().split('&')) {
    const equals = pair.indexOf('=')
    if (pair !== '' && equals < 1) {
      return null
    }
    try {
      const name = decodeFormText(pair.slice(0, Math.max(equals, 0)))
      if (name !== '') {
        fields.push({ name, value: decodeFormText(pair.slice(equals + 1)) })
      }
    } catch {
      return null
    }
  }
  return messageFromFields(fields)
}

interface MessageField {
  readonly name: string
  /** Null if it is not a text. */
  readonly value: string | null
}

/**
 * A flat list of fields under the webhook's names. A field that is there twice with different values becomes a list, and
 * one that is not a text an object: neither can be read as a text, so that nobody takes one of the values for the truth.
 */
export function messageFromFields(fields: readonly MessageField[]): JsonObject {
  const message: Record<string, unknown> = Object.create(null)
  for (const field of fields) {
    const name = webhookName(field.name)
    const value = field.value ?? {}
    message[name] = name in message && message[name] !== value ? [message[name], value] : value
  }
  return message
}

/** Throws URIError if an escape is malformed or not UTF-8. */
function decodeFormText(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}

export function messageFromJson(body: unknown): JsonObject | null {
  return isJsonObject(body) ? body : null
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
