import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runs } from '../../runs.ts'
import { expectContract, jsonBytes, provider } from './expect-contract.ts'
import {
  DIGITS,
  decimal,
  isoDate,
  isoTime,
  list,
  optional,
  optionalObject,
  text,
  UNREAD,
  unread,
  uuid,
  zoneLessTime,
} from './specified.ts'

/** J.P. Morgan Global Payments v2, OAS 2.0.22 to 2.5.2: the documented bodies and that of the 2024 beta; 20,000 in all. */
const STATUSES: Readonly<Record<string, readonly (string | undefined)[]>> = {
  RECEIVED: ['RECEIVED'],
  ACCEPTED: ['ACCEPTED'],
  PROCESSING: [
    'SCHEDULED',
    'PROCESSING_BY_JPM',
    'PENDING_CLIENT_ACTION',
    'PENDING_COMPLIANCE_REVIEW',
    'PENDING_FRAUD_REVIEW',
    'PENDING_FUNDING_REVIEW',
    'PENDING_JPM_REVIEW',
    'PENDING_POSTING',
  ],
  COMPLETED: ['COMPLETED_BY_JPM', 'SENT_TO_CLEARING', 'DELIVERED_TO_RECIPIENT'],
  CANCELED: ['CANCELED'],
  REJECTED: ['REJECTED', 'REJECTED_BY_JPM'],
  RETURNED: ['RETURNED'],
}
/** Each status with each of its sub-statuses and without one. */
const PAIRS = Object.entries(STATUSES).flatMap(([status, subs]) =>
  [undefined, ...subs].map((sub) => [status, sub] as const),
)
const TYPES = [
  ...Object.keys(STATUSES).map((status) => `Payment.${status.charAt(0)}${status.slice(1).toLowerCase()}`),
  'PaymentInstruction.Completed',
  'PaymentBatch.Completed',
]
const PAYMENT_TYPES = ['RTP', 'WIRE', 'ACH', 'CARD', 'VENMO', 'PAYPAL', 'BLOCKCHAIN', 'INTERAC', 'ZELLE', 'DEFAULT']
const CLEARING_SYSTEMS = [
  ...[
    'SPI',
    'FPS',
    'TIPS',
    'TCH',
    'FEDNOW',
    'BIFAST',
    'RPP',
    'SPEI',
    'NPP',
    'RT1',
    'FEDWIRE',
    'CHIPS',
    'SWIFT',
    'CHAPS',
  ],
  ...['LOCALCLRG', 'IMPS', 'UPI', 'INTERAC'],
]

const id = fc.oneof(
  uuid,
  uuid.map((lower) => lower.toUpperCase()),
  text(64, { prefix: 'P' }),
)
/** Texts without a documented maximum length. One that is too long for an event affects only its own field. */
const openText = fc.oneof({ weight: 4, arbitrary: text(60) }, text(1_000))

const additionalContext = fc.record({
  type: fc.constantFrom('ISO20022', 'CLEARING_NACHA', 'EXTERNAL'),
  code: fc.oneof(fc.constantFrom('FF06', 'R01', 'AM'), fc.string({ unit: DIGITS, minLength: 2, maxLength: 10 })),
  message: optional(unread(99)),
})
const exception = fc.record({
  code: fc.string({ unit: DIGITS, minLength: 5, maxLength: 5 }),
  message: unread(99),
  location: optional(fc.constantFrom('BODY', 'PATH', 'QUERY', 'HEADER')),
  field: optional(fc.constantFrom('$.paymentPurpose.categoryPurpose.code', '$.value.amount', '$[0]')),
  additionalContext: optionalObject(list(additionalContext, 1, 5)),
})
const exceptions = optionalObject(list(exception, 1, 100))

const common = {
  paymentIdentifiers: fc.record({
    endToEndId: optional(text(128)),
    paymentBatchId: optional(openText),
    achTraceNumber: optional(fc.string({ unit: DIGITS, minLength: 1, maxLength: 15 }).map((digits) => `1${digits}`)),
    otherPaymentReferences: optionalObject(
      fc.record({
        relatedReferenceId: optional(openText),
        uetr: optional(uuid),
        transactionIdentifier: optional(openText),
      }),
    ),
  }),
  paymentType: fc.constantFrom(...PAYMENT_TYPES),
  transferType: fc.constantFrom('CREDIT', 'DEBIT'),
  requestedExecutionDate: isoDate,
  valueDate: optional(isoDate),
  gpi: optionalObject(
    fc.record({
      status: optional(openText),
      statusDescription: optional(unread(500)),
      reason: optional(fc.oneof(fc.constantFrom('AC04', 'G002'), unread(100))),
    }),
  ),
  exceptions,
  fxInformation: optionalObject(
    fc.record({
      exchangeRate: optional(decimal(20)),
      exchangeRateType: optional(fc.constant(UNREAD)),
      rateId: optional(unread(50)),
      contractId: optional(unread(50)),
      appliedRate: optional(decimal(20)),
    }),
  ),
  clearingSystem: optionalObject(
    fc.record({
      name: optional(fc.oneof(fc.constantFrom(...CLEARING_SYSTEMS), text(10, { prefix: 'CLR' }))),
      reference: optional(openText),
    }),
  ),
  paymentRedirection: optionalObject(
    fc.record({
      accountNumber: optional(unread(34)),
      financialInstitutionIds: fc.array(fc.record({ id: unread(35) }), { maxLength: 2 }),
    }),
  ),
}

const withStatus = fc.constantFrom(...PAIRS)
const updatedAt = fc.oneof({ weight: 5, arbitrary: isoTime }, zoneLessTime)
const payment = fc
  .tuple(withStatus, fc.record({ paymentId: id, statusUpdatedAt: updatedAt, ...common }))
  .map(([[paymentStatus, paymentSubStatus], others]) => ({ ...others, paymentStatus, paymentSubStatus }))

const envelope = fc.record({
  specversion: fc.constantFrom('1.0', '1.0.0'),
  id: fc.oneof(uuid, text(64)),
  time: isoTime,
  type: fc.constantFrom(...TYPES),
  source: unread(100),
  dataschema: optional(fc.constant('urn:com.jpmorgan.payments/payment-event')),
})

const V2 = provider('jpm-global-payments-v2')

/** UUIDs of v2 are compared case-insensitively. */
function keyOf(sent: string | undefined): string {
  const trimmed = sent?.trim() ?? ''
  return `acme:${/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(trimmed) ? trimmed.toLowerCase() : trimmed}`
}

test('I2 I3 I9 every body of payments or a batch that the v2 schema allows gives one event per payment', () => {
  const body = fc.tuple(envelope, list(payment, 1, 50), optional(fc.constant('MESSAGE_STATUS_ROF_REQ_')))
  fc.assert(
    fc.property(body, ([fields, payments, eventcontext]) => {
      const bytes = jsonBytes({ ...fields, eventcontext, data: { payments } })
      const events = expectContract(V2, bytes, 'application/json', payments.length)
      for (const [index, event] of events.entries()) {
        expect(event.kind).toBe('PAYMENT')
        expect(event.paymentKey).toBe(keyOf(payments[index]?.paymentId))
        expect([event.sourceStatus, event.sourceSubStatus]).toEqual([
          payments[index]?.paymentStatus,
          payments[index]?.paymentSubStatus ?? null,
        ])
        // A context means that the event is not about the payment itself; nothing else is unknown.
        expect(event.unknownBecause).toBe(eventcontext ? 'CONTEXT' : null)
      }
    }),
    runs(12_000),
  )
}, 300_000)

const originals = fc.oneof(
  fc.record({ paymentId: uuid }),
  fc.record({ bankReferenceNumber: openText, account: optionalObject(fc.record({ accountNumber: unread(34) })) }),
  fc.record({ clearingSystemReference: openText, account: optionalObject(fc.record({ accountNumber: unread(34) })) }),
)
const paymentReturn = fc
  .tuple(
    withStatus,
    fc.record({
      returnId: id,
      paymentType: optional(fc.constant('RTP')),
      paymentIdentifiers: optionalObject(fc.record({ endToEndId: optional(text(128)) })),
      originalPaymentIdentifiers: optionalObject(originals),
      returnType: optional(fc.constantFrom('FULL', 'PARTIAL')),
      value: optionalObject(
        fc.record({ amount: optional(decimal(20)), currency: optional(fc.constantFrom('BRL', 'USD')) }),
      ),
      country: optional(fc.constant('BR')),
      chargeBearer: optional(fc.constant('SHAR')),
      additionalInformation: optionalObject(fc.array(unread(140), { maxLength: 3 })),
      exceptions,
    }),
  )
  .map(([[returnStatus, returnSubStatus], others]) => ({ ...others, returnStatus, returnSubStatus }))

test('I2 I3 I9 every payment return that the v2 schema allows is one event of kind RETURN', () => {
  fc.assert(
    fc.property(envelope, paymentReturn, (fields, sent) => {
      const bytes = jsonBytes({ ...fields, data: { returns: [sent] } })
      const [event] = expectContract(V2, bytes, 'application/json', 1)
      const original = (sent.originalPaymentIdentifiers as { paymentId?: string } | null | undefined)?.paymentId
      expect(event).toMatchObject({
        kind: 'RETURN',
        paymentKey: keyOf(sent.returnId),
        sourceStatus: sent.returnStatus,
        sourceSubStatus: sent.returnSubStatus ?? null,
        relatesTo: original === undefined ? null : keyOf(original),
        unknownBecause: null,
        occurredAtText: fields.time,
      })
      const amount = sent.value?.amount
      expect(event?.amount?.value ?? null).toBe(amount ? amount : null)
    }),
    runs(4_000),
  )
}, 300_000)

test('I2 I3 I9 every body of the 2024 beta gives one event per element', () => {
  const statuses = fc.constantFrom(
    ['PENDING', undefined] as const,
    ['PROCESSING', "SENT TO 'EXTERNAL'"] as const,
    ['PROCESSING', 'PENDING CLIENT REVIEW'] as const,
    ['PROCESSING', 'PENDING J.P. MORGAN REVIEW'] as const,
    ['REJECTED', 'REJECTED BY EXTERNAL'] as const,
    ...PAIRS,
  )
  const event = fc
    .tuple(statuses, fc.record({ eventId: text(64), eventTimestamp: isoTime, paymentId: id, ...common }))
    .map(([[paymentStatus, paymentSubStatus], others]) => ({ ...others, paymentStatus, paymentSubStatus }))
  fc.assert(
    fc.property(list(event, 1, 50), (events) => {
      const found = expectContract(V2, jsonBytes({ events }), 'application/json', events.length)
      expect(found.map(({ paymentKey }) => paymentKey)).toEqual(events.map(({ paymentId }) => keyOf(paymentId)))
      expect(found.every(({ unknownBecause }) => unknownBecause === null)).toBe(true)
    }),
    runs(4_000),
  )
}, 300_000)

test.each(['payments', 'returns', 'events'])('a body with an empty list of %s is set aside', (name) => {
  const body = name === 'events' ? { events: [] } : { type: 'Payment.Completed', data: { [name]: [] } }
  expectContract(V2, jsonBytes(body), 'application/json', 0)
})
