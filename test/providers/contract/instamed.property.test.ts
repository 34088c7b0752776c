import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { runs } from '../../runs.ts'
import { expectContract, jsonBytes, provider } from './expect-contract.ts'
import { decimal, fileTime, HEX, isoTime, optional, text, unread, usTime } from './specified.ts'

/** InstaMed's webhook: flat, every value a text or null, as JSON, as a form or as XML; 20,000 bodies in all. */
const ACTIONS = ['Sale', 'AuthCapt', 'Refund', 'Credit', 'SimpleRefund', 'Return'] as const
const CODES = ['A', 'C', 'CB', 'D', 'O', 'RI', 'S', 'SE', 'V', 'X'] as const

const id = fc.string({ unit: HEX, minLength: 31, maxLength: 31 }).map((hex) => `a${hex}`)
const idAsSent = fc.oneof(
  { weight: 4, arbitrary: id },
  id.map((lower) => lower.toUpperCase()),
)
const bool = fc.constantFrom('true', 'false', 'True', 'False')

/** The documented fields of the webhook that must never be read. */
// biome-ignore format: grouped by what they are about
const UNREAD_FIELDS = [
  'SaveOnFileTransactionID', 'PaymentPlanID', 'StatementID', 'EstimateID', 'SingleSignOnToken', 'InvoiceNumber',
  'CurrentTransactionStatusDescription', 'OriginalTransactionStatusCode', 'OriginalTransactionStatusDescription',
  'ResponseMessage', 'ReasonCodeDescription', 'WorkflowStatus', 'FreeFormTextResponse', 'TransactionServiceFee',
  'ReturnCheckFee', 'EstimatedAmount', 'MerchantID', 'StoreID', 'TerminalID', 'Outlet', 'OutletDescription', 'Alias',
  'UserID', 'MarketSegment', 'CardType', 'CardLastFourDigits', 'ExpDate', 'AuthorizationCode', 'AuthorizationText',
  'CardHolderName', 'CardInputMode', 'CardPresentStatus', 'SaveCardOnFile', 'RoutingNumber',
  'AccountNumberLastFourDigits', 'CheckNumber', 'CheckState', 'DriversLicense', 'SaveBankAccountOnFile',
  'HasCheckImage', 'PatientID', 'PatientMedicalRecordNumber', 'PatientFirstName', 'PatientLastName',
  'PatientMiddleName', 'PatientBirthDate', 'PatientCountry', 'GuarantorID', 'AccountHolderEmail', 'AdditionalCode1',
  'AdditionalCode6', 'AdditionalInfo1', 'AdditionalInfo6', 'IsMultiAR', 'LineItemNumber', 'InstallmentSequenceNumber',
  'InstallmentCount', 'TransactionCode', 'TransactionDescription',
]

/** A few at a time: there are many, and each is tried often. */
const unreadFields = fc
  .tuple(fc.subarray(UNREAD_FIELDS, { maxLength: 8 }), fc.array(optional(unread(60)), { minLength: 8, maxLength: 8 }))
  .map(([names, values]) => Object.fromEntries(names.map((name, index) => [name, values[index]])))

const message = fc
  .tuple(
    unreadFields,
    fc.record({
      PaymentTransactionID: idAsSent,
      original: fc.constantFrom('own', 'own in capitals', 'other', 'null', 'empty', 'absent', 'zeros'),
      other: idAsSent,
      TransactionAction: fc.constantFrom(...ACTIONS),
      CurrentTransactionStatusCode: fc.constantFrom(...CODES),
      TransactionType: optional(fc.oneof(fc.constantFrom('CreditCard', 'eCheck'), text(60))),
      RequestAmount: optional(decimal(20)),
      Amount: optional(decimal(20)),
      IsPartiallyApproved: optional(bool),
      PartialApprovalAmount: optional(decimal(20)),
      ResponseDateTime: optional(fc.oneof({ weight: 4, arbitrary: usTime }, isoTime, fileTime)),
      ResponseCode: optional(fc.constantFrom('000', '005', '010', '051')),
      ReasonCode: optional(fc.constantFrom('000', 'D05', 'R01')),
      CLMREF: optional(text(128)),
    }),
  )
  .map(([others, { original, other, ...read }]) => ({
    ...others,
    ...read,
    OriginalTransactionID: originalAsSent(original, read.PaymentTransactionID, other),
  }))

function originalAsSent(original: string, own: string, other: string): string | null | undefined {
  const sent = new Map<string, string | null | undefined>([
    ['own', own],
    ['own in capitals', own.toUpperCase()],
    ['other', other],
    ['null', null],
    ['empty', ''],
    ['absent', undefined],
    ['zeros', '0'.repeat(32)],
  ])
  return sent.get(original)
}

type Fields = Readonly<Record<string, string | null | undefined>>

function formBytes(fields: Fields): Buffer {
  const pairs = Object.entries(fields).filter(([, value]) => value !== undefined)
  return Buffer.from(pairs.map(([name, value]) => `${name}=${encodeURIComponent(value ?? '')}`).join('&'))
}

function xmlBytes(fields: Fields): Buffer {
  const elements = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `<${name}>${(value ?? '').replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</${name}>`)
  return Buffer.from(`<?xml version="1.0" encoding="utf-8"?><Payment>${elements.join('')}</Payment>`)
}

const FORMATS = [
  ['JSON', 'application/json; charset=utf-8', jsonBytes],
  ['a form', 'application/x-www-form-urlencoded', formBytes],
  ['XML', 'text/xml', xmlBytes],
] as const
const INSTAMED = provider('instamed')

test('I2 I3 I9 every documented message of the webhook is one event, the same in every format', () => {
  fc.assert(
    fc.property(message, (fields) => {
      const found: PaymentEvent[] = []
      for (const [, contentType, bytesOf] of FORMATS) {
        const [event] = expectContract(INSTAMED, bytesOf(fields), contentType, 1)
        expect(event).toMatchObject({
          paymentKey: `acme:${fields.PaymentTransactionID.toLowerCase()}`,
          sourceStatus: fields.CurrentTransactionStatusCode,
          sourceAction: fields.TransactionAction,
        })
        found.push(event as PaymentEvent)
      }
      const [json, ...others] = found
      for (const other of others) {
        expect(other).toEqual(json)
      }
      const original = fields.OriginalTransactionID?.toLowerCase() ?? ''
      const isOther = /^a/.test(original) && original !== fields.PaymentTransactionID.toLowerCase()
      expect(json?.relatesTo).toBe(isOther ? `acme:${original}` : null)
      expect(json?.status === 'UNKNOWN').toBe(json?.unknownBecause === 'STATUS')
      if (fields.TransactionAction === 'SimpleRefund' || fields.TransactionAction === 'Refund') {
        expect(json?.kind).toBe('REFUND')
      }
    }),
    runs(6_000),
  )
}, 300_000)

test('I2 I3 what the name-value interface answers is one event', () => {
  const answer = fc.record({
    transactionID: idAsSent.map((sent) => sent.toUpperCase()),
    primaryTransactionID: optional(id),
    primaryTransactionStatus: optional(fc.constantFrom(...CODES)),
    transactionStatus: fc.constantFrom(...CODES),
    responseCode: optional(fc.constantFrom('000', '010', '051')),
    transactionDate: optional(isoTime.map((iso) => iso.replace(/(\.\d{3})?(770)?(Z|\+00:00)$/, '.2770143Z'))),
  })
  fc.assert(
    fc.property(answer, (fields) => {
      const [event] = expectContract(INSTAMED, formBytes(fields), 'application/x-www-form-urlencoded', 1)
      expect(event?.paymentKey).toBe(`acme:${fields.transactionID.toLowerCase()}`)
    }),
    runs(2_000),
  )
}, 300_000)

test('a message about a payment plan is set aside', () => {
  fc.assert(
    fc.property(message, fc.constantFrom('Create', 'Update'), (fields, type) => {
      for (const [, contentType, bytesOf] of FORMATS) {
        const bytes = bytesOf({ ...fields, PaymentPlanTransactionType: type })
        expectContract(INSTAMED, bytes, contentType, 0)
      }
    }),
    runs(300),
  )
})
