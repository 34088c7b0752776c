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
const WEBHOOK_NAMES: ReadonlyMap<string, string> = new Map([
  ['transactionID', 'PaymentTransactionID'],
  ['primaryTransactionID', 'OriginalTransactionID'],
  ['transactionStatus', 'CurrentTransactionStatusCode'],
  ['transactionDate', 'ResponseDateTime'],
  ['responseCode', 'ResponseCode'],
])

/** Decodes name-value pairs (`application/x-www-form-urlencoded`) to the webhook's names. Null if it is not a valid form. */
export function messageFromForm(text: string): JsonObject | null {
  const message: Record<string, string> = Object.create(null)
  for (const pair of text.trim().split('&')) {
    const equals = pair.indexOf('=')
    if (pair !== '' && equals < 1) {
      return null
    }
    try {
      const name = decodeFormText(pair.slice(0, Math.max(equals, 0)))
      if (name !== '') {
        message[WEBHOOK_NAMES.get(name) ?? name] = decodeFormText(pair.slice(equals + 1))
      }
    } catch {
      return null
    }
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
 * Tells the format from the first character, then from the content type: a body that opens like JSON or XML is that,
 * whatever the header says (clients are often left at their library's default).
 */
export function formatOf(body: Buffer, contentType: string): BodyFormat {
  const first = firstCharacterOf(body)
  if (first === '{' || first === '[') {
    return 'json'
  }
  if (first === '<') {
    return 'xml'
  }
  const type = contentType.toLowerCase()
  return type.includes('x-www-form-urlencoded') ? 'form' : type.includes('xml') ? 'xml' : 'json'
}

function firstCharacterOf(body: Buffer): string {
  const hasByteOrderMark = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf
  let at = hasByteOrderMark ? 3 : 0
  while (at < body.length && (body[at] ?? 0) <= 0x20) {
    at += 1
  }
  return at < body.length ? String.fromCharCode(body[at] ?? 0) : ''
}
