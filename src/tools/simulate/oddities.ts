import type { SimulatedProvider } from './lifecycles.ts'
import type { Random } from './random.ts'
import { SENSITIVE_TEXT } from './sensitive-text.ts'
import { Verbatim, type Wire } from './wire.ts'

/** Changes how a step is sent. The lifecycle that uses it states the effect. */
export type Oddity = (wire: Wire, random: Random) => void

/** Characters around an id that was copied from elsewhere; they are not part of it. */
const PADDING = [' ', '  ', '\t', '\n', '\u00a0', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff']

/** Adds white space and invisible characters at both ends of deciding fields. */
export function padded(...names: readonly string[]): Oddity {
  return (wire, random) => {
    for (const name of names) {
      wire.fields[name] = `${random.pick(PADDING)}${wire.fields[name]}${random.pick(PADDING)}${random.pick(PADDING)}`
    }
  }
}

export function inUpperCase(...names: readonly string[]): Oddity {
  return (wire) => {
    for (const name of names) {
      wire.fields[name] = String(wire.fields[name]).toUpperCase()
    }
  }
}

/** Placeholders that programs write when there is no id. */
export const PLACEHOLDERS = [
  'NOTPROVIDED',
  'NOT PROVIDED',
  'Not_Provided',
  'N/A',
  'n/a',
  'NULL',
  'none',
  'Nil',
  'undefined',
  '0000000000',
  '00000000-0000-0000-0000-000000000000',
  '{00000000-0000-0000-0000-000000000000}',
] as const

export function placeholderFor(name: string): Oddity {
  return oneOf(name, PLACEHOLDERS)
}

export function set(name: string, value: unknown): Oddity {
  return (wire) => {
    wire.fields[name] = value
  }
}

/** Sets a field to one of some values. */
function oneOf(name: string, values: readonly unknown[]): Oddity {
  return (wire, random) => set(name, random.pick(values))(wire, random)
}

/** Sets a field inside an object; its other fields stay. */
export function setIn(name: string, field: string, value: unknown): Oddity {
  return (wire) => {
    wire.fields[name] = { ...(wire.fields[name] as object | undefined), [field]: value }
  }
}

/** Values that are invalid for any text field: too long, of another type, with a control character. */
const NO_TEXT: readonly unknown[] = ['X'.repeat(129), 'X'.repeat(5_000), 7, true, {}, ['X'], 'X\u0007X', 'X\u0000']
const NO_OBJECT: readonly unknown[] = ['text', 7, ['text'], true]
const NO_DECIMAL: readonly unknown[] = ['fifty', '1,000.00', '1e', {}, ['1.00'], true]

function anyOf(...oddities: readonly Oddity[]): Oddity {
  return (wire, random) => random.pick(oddities)(wire, random)
}

export function unreadableText(name: string): Oddity {
  return oneOf(name, NO_TEXT)
}

function unreadableIn(name: string, field: string, values = NO_TEXT): Oddity {
  return (wire, random) => setIn(name, field, random.pick(values))(wire, random)
}

function unreadableObject(name: string): Oddity {
  return oneOf(name, NO_OBJECT)
}

function unreadableReference(field: string): Oddity {
  return (wire, random) =>
    setIn('paymentIdentifiers', 'otherPaymentReferences', { [field]: random.pick(NO_TEXT) })(wire, random)
}

/** Makes a random detail unreadable: it is left out, and the status is not affected. */
export const unreadableDetail: { readonly [P in SimulatedProvider]: Oddity } = {
  'jpm-global-payments-v1': anyOf(
    unreadableText('clearingSystemReference'),
    unreadableText('endToEndId'),
    unreadableObject('fx'),
    unreadableIn('fx', 'appliedRate', NO_DECIMAL),
  ),
  'jpm-global-payments-v2': anyOf(
    unreadableText('paymentSubStatus'),
    unreadableText('paymentType'),
    unreadableText('transferType'),
    unreadableText('valueDate'),
    unreadableText('requestedExecutionDate'),
    set('valueDate', 'tomorrow'),
    set('requestedExecutionDate', '2026-02-30'),
    unreadableObject('paymentIdentifiers'),
    unreadableIn('paymentIdentifiers', 'endToEndId'),
    unreadableIn('paymentIdentifiers', 'paymentBatchId'),
    unreadableIn('paymentIdentifiers', 'achTraceNumber'),
    unreadableIn('paymentIdentifiers', 'otherPaymentReferences', NO_OBJECT),
    unreadableReference('relatedReferenceId'),
    unreadableReference('uetr'),
    unreadableReference('transactionIdentifier'),
    unreadableObject('clearingSystem'),
    unreadableIn('clearingSystem', 'name'),
    unreadableIn('clearingSystem', 'reference'),
    unreadableObject('gpi'),
    unreadableIn('gpi', 'status'),
    unreadableObject('fxInformation'),
    unreadableIn('fxInformation', 'appliedRate', NO_DECIMAL),
  ),
  instamed: anyOf(unreadableText('TransactionType'), unreadableText('CLMREF'), oneOf('RequestAmount', NO_DECIMAL)),
}

export const unreadableAmount = oneOf('Amount', NO_DECIMAL)

/** Like {@link unreadableDetail}, for a payment return; the amount is not among these details. */
export const unreadableReturnDetail: Oddity = anyOf(
  unreadableText('returnSubStatus'),
  unreadableText('paymentType'),
  unreadableIn('paymentIdentifiers', 'endToEndId'),
  unreadableIn('originalPaymentIdentifiers', 'clearingSystemReference'),
)

/** Sets a field of the v2 envelope. */
export function envelopeField(name: string, values: readonly unknown[] = NO_TEXT): Oddity {
  return (wire, random) => {
    wire.envelope[name] = random.pick(values)
  }
}

/** Replaces the list of reasons by another type: reasons explain a status but do not decide it. */
export const reasonsOfAnotherType = oneOf('exceptions', ['text', 7, true, {}])

/** Repeats a name that is never read. */
export function twiceUnread(name: string): Oddity {
  return (wire) => {
    wire.twice.push([name, 'SIMULATED'])
    wire.fields[name] = SENSITIVE_TEXT
  }
}

/** Repeats a field that is read, with the same value: not ambiguous. */
export function twiceTheSame(name: string): Oddity {
  return (wire) => {
    wire.twice.push([name, wire.fields[name]])
  }
}

/** Repeats a name inside an object that holds only details: the last value counts. */
export function twiceInside(name: string, field: string, first: string, last: string): Oddity {
  return (wire) => {
    const [key, one, other] = [field, first, last].map((text) => JSON.stringify(text))
    wire.fields[name] = new Verbatim(`{${key}:${one},${key}:${other}}`)
  }
}

/** A letter that is one byte in ISO 8859-1 and Windows code pages, and invalid as UTF-8. */
const LETTER = '\u00f1'

/** Invalid UTF-8 in a field that is never read: no effect, with or without a declared charset. */
export function foreignLetterIn(name: string): Oddity {
  return (wire) => {
    wire.fields[name] = `${SENSITIVE_TEXT} ${LETTER}`
    wire.encoding = 'latin1'
  }
}

/** Invalid UTF-8 in a detail: readable only if the charset is declared. */
export function foreignLetterInDetail(name: string, contentType: string | null): Oddity {
  return (wire) => {
    wire.fields[name] = `SIM${LETTER}`
    wire.encoding = 'latin1'
    wire.contentType = contentType
  }
}

/** UTF-16 with its byte order mark. */
export const inUtf16: Oddity = (wire) => {
  wire.encoding = 'utf16le'
  wire.contentType = 'application/json; charset=utf-16'
}

export const FORM = 'application/x-www-form-urlencoded'
export const XML = 'application/xml'

/** The same fields as a form. */
export function asForm(wire: Wire): void {
  wire.format = 'form'
  wire.contentType = FORM
}

export function asXml(wire: Wire): void {
  wire.format = 'xml'
  wire.contentType = XML
}

/** The notation of another interface of the platform: no action, ids in capitals, seven decimals and a zone. */
export const asNameValuePairs: Oddity = (wire) => {
  const { PaymentTransactionID: id, CurrentTransactionStatusCode: code } = wire.fields
  wire.fields = {
    transactionID: String(id).toUpperCase(),
    transactionStatus: code,
    responseCode: '000',
    transactionDate: nameValueTime(wire.atMs),
  }
  asForm(wire)
}

/** That interface's answer to a void: the same id, and the new status of the voided transaction. */
export const asAnswerToVoid: Oddity = (wire) => {
  const id = String(wire.fields['PaymentTransactionID']).toUpperCase()
  wire.fields = {
    transactionID: id,
    primaryTransactionID: id,
    primaryTransactionStatus: 'V',
    transactionStatus: 'C',
    responseCode: '000',
    transactionDate: nameValueTime(wire.atMs),
  }
  asForm(wire)
}

function nameValueTime(timeMs: number): string {
  return new Date(timeMs).toISOString().replace('Z', '0000Z')
}

/** Makes one value of a form invalid UTF-8. */
export function foreignEscapeIn(name: string): Oddity {
  return (wire) => {
    wire.fields[name] = new Verbatim('SIM%F1')
  }
}
