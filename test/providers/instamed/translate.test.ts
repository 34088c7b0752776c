import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ID_LENGTH_MAX } from '../../../src/payment/payment-event.ts'
import { INSTAMED_STATUS_MAP, instamedRowFor } from '../../../src/providers/instamed/status-map.ts'
import { instamed } from '../../../src/providers/instamed/translate.ts'
import type { Callback } from '../../../src/providers/provider.ts'
import { callbackOf } from '../callback-of.ts'
import { goldenEvents, testGoldenCallbacks } from '../golden.ts'

const FORM = { contentType: 'application/x-www-form-urlencoded; charset=utf-8' }
const translate = (body: string | Buffer | object, overrides: Partial<Callback> = {}) =>
  instamed.translate(callbackOf(body, overrides))
const message = (fields: object = {}) => ({
  PaymentTransactionID: 'a1',
  OriginalTransactionID: 'a1',
  TransactionAction: 'Sale',
  CurrentTransactionStatusCode: 'C',
  ...fields,
})
const eventOf = (body: string | object, overrides: Partial<Callback> = {}) => {
  const { events, deadLetters } = translate(body, overrides)
  expect(deadLetters).toEqual([])
  const [event] = events
  if (event === undefined) {
    throw new Error('no event')
  }
  return event
}

const FIXTURES = join(import.meta.dirname, 'fixtures')
testGoldenCallbacks(instamed, FIXTURES)

test('every row of the table has a golden callback', () => {
  const rows = goldenEvents(instamed, FIXTURES).map(({ sourceAction, sourceStatus, sourceSubStatus, relatesTo }) =>
    instamedRowFor({
      action: sourceAction,
      code: sourceStatus,
      primaryCode: sourceSubStatus,
      hasOtherOriginal: relatesTo !== null,
    }),
  )
  expect(INSTAMED_STATUS_MAP.filter((row) => !rows.includes(row))).toEqual([])
})

describe('action, code and whose id', () => {
  const OWN = 'a1'
  const OTHER = 'b2'
  test.each([
    ['Sale', 'A', OWN, 'PAYMENT', 'AUTHORIZED'],
    ['Sale', 'C', OWN, 'PAYMENT', 'AUTHORIZED'],
    ['sale', 'c', OWN, 'PAYMENT', 'AUTHORIZED'],
    ['AuthCapt', 'C', OWN, 'PAYMENT', 'AUTHORIZED'],
    ['Sale', 'D', OWN, 'PAYMENT', 'DECLINED'],
    ['Sale', 'S', OWN, 'PAYMENT', 'SETTLED'],
    ['Sale', 'SE', OWN, 'PAYMENT', 'SETTLEMENT_FAILED'],
    ['Sale', 'V', OWN, 'PAYMENT', 'VOIDED'],
    ['Sale', 'O', OWN, 'PAYMENT', 'UNKNOWN'],
    ['Sale', 'X', OWN, 'PAYMENT', 'UNKNOWN'],
    ['Sale', 'Z', OWN, 'PAYMENT', 'UNKNOWN'],
    [null, 'V', OWN, 'PAYMENT', 'VOIDED'],
    [null, 'C', OWN, 'PAYMENT', 'UNKNOWN'],
    ['Adjust', 'C', OWN, 'PAYMENT', 'UNKNOWN'],
    ['Sale', 'RI', OTHER, 'RETURN', 'COMPLETED'],
    ['Sale', 'RI', OWN, 'PAYMENT', 'RETURNED'],
    ['Sale', 'CB', OTHER, 'CHARGEBACK', 'COMPLETED'],
    ['Sale', 'CB', OWN, 'PAYMENT', 'RETURNED'],
    ['Sale', 'CB', null, 'PAYMENT', 'RETURNED'],
    ['Refund', 'C', OTHER, 'REFUND', 'COMPLETED'],
    ['Refund', 'C', null, 'REFUND', 'COMPLETED'],
    ['Credit', 'C', OTHER, 'REFUND', 'COMPLETED'],
    ['Refund', 'D', OTHER, 'REFUND', 'DECLINED'],
    ['Refund', 'V', OTHER, 'REFUND', 'VOIDED'],
    ['Refund', 'SE', OTHER, 'REFUND', 'SETTLEMENT_FAILED'],
    ['Refund', 'S', OTHER, 'REFUND', 'SETTLED'],
    ['Refund', 'RI', OTHER, 'REFUND', 'UNKNOWN'],
    ['Refund', 'RI', OWN, 'REFUND', 'RETURNED'],
    ['Credit', 'CB', null, 'REFUND', 'RETURNED'],
    ['Refund', 'A', OTHER, 'REFUND', 'UNKNOWN'],
    ['Return', 'RI', OTHER, 'RETURN', 'COMPLETED'],
    ['Return', 'C', OTHER, 'RETURN', 'COMPLETED'],
    ['Return', 'S', OTHER, 'RETURN', 'SETTLED'],
    ['Return', 'SE', OTHER, 'RETURN', 'SETTLEMENT_FAILED'],
    ['Return', 'D', OTHER, 'RETURN', 'DECLINED'],
    ['Return', 'V', OTHER, 'RETURN', 'VOIDED'],
    ['Return', 'X', OTHER, 'RETURN', 'UNKNOWN'],
    ['Return', 'C', OWN, 'PAYMENT', 'RETURNED'],
    ['Return', 'S', OWN, 'PAYMENT', 'UNKNOWN'],
    ['Return', 'CB', OTHER, 'CHARGEBACK', 'COMPLETED'],
  ])('%s %s with original %s is %s %s', (action, code, original, kind, status) => {
    const event = eventOf(
      message({ TransactionAction: action, CurrentTransactionStatusCode: code, OriginalTransactionID: original }),
    )
    expect(event).toMatchObject({
      kind,
      status,
      unknownBecause: status === 'UNKNOWN' ? 'STATUS' : null,
      sourceAction: action,
      sourceStatus: code,
      paymentKey: 'acme:a1',
      relatesTo: original === OTHER ? 'acme:b2' : null,
    })
  })

  test('the table has no row that the list above does not have', () => {
    expect(INSTAMED_STATUS_MAP).toHaveLength(27)
  })
})

describe('ids', () => {
  test('are compared without case', () => {
    const event = eventOf(message({ PaymentTransactionID: 'ABCDEF', OriginalTransactionID: 'abcdef' }))
    expect(event).toMatchObject({ paymentKey: 'acme:abcdef', relatesTo: null, kind: 'PAYMENT' })
    expect(eventOf(message({ PaymentTransactionID: 'abcdef', OriginalTransactionID: 'ABCDEF' })).eventId).toBe(
      event.eventId,
    )
  })

  test('a void has the id of its payment and another natural key', () => {
    const sale = eventOf(message())
    const voided = eventOf(message({ CurrentTransactionStatusCode: 'V' }))
    expect(voided.paymentKey).toBe(sale.paymentKey)
    expect([sale.naturalKey, voided.naturalKey]).toEqual(['SALE|C', 'SALE|V'])
    expect(voided.eventId).not.toBe(sale.eventId)
  })

  test('two equal partial refunds are two payments of one original', () => {
    const refund = (id: string) =>
      eventOf(message({ PaymentTransactionID: id, TransactionAction: 'Refund', Amount: '5.00' }))
    expect(refund('r1')).toMatchObject({ paymentKey: 'acme:r1', relatesTo: 'acme:a1' })
    expect(refund('r2')).toMatchObject({ paymentKey: 'acme:r2', relatesTo: 'acme:a1' })
  })

  test.each([
    [{ PaymentTransactionID: null }, 'missing-payment-id', 'the message has no PaymentTransactionID'],
    [{ CurrentTransactionStatusCode: '' }, 'missing-status', 'the message has no CurrentTransactionStatusCode'],
    [
      { OriginalTransactionID: 'o'.repeat(129) },
      'invalid-field',
      'OriginalTransactionID is longer than 128 characters',
    ],
    [{ CLMREF: 1 }, 'invalid-field', 'CLMREF is not a text'],
    [{ Amount: '$5.00' }, 'invalid-field', 'Amount is not a decimal'],
    [{ RequestAmount: [] }, 'invalid-field', 'RequestAmount is neither a text nor a number'],
  ])('%j is a dead letter', (fields, reason, text) => {
    expect(translate(message(fields))).toEqual({
      events: [],
      deadLetters: [{ reason, message: text, element: 0 }],
      setAside: 0,
      drift: [],
    })
  })
})

describe('amounts', () => {
  test('are what was sent, in the configured currency', () => {
    expect(eventOf(message({ Amount: '1.00', RequestAmount: '50.00' }))).toMatchObject({
      amount: { value: '1.00', currency: 'USD' },
      requestAmount: { value: '50.00', currency: 'USD' },
    })
    expect(eventOf(message({ Amount: '1.00' }), { currency: null }).amount).toEqual({ value: '1.00', currency: null })
  })

  test('a JSON number keeps its digits', () => {
    const body = '{"PaymentTransactionID":"a1","CurrentTransactionStatusCode":"S","Amount":100.10,"RequestAmount":0.10}'
    expect(eventOf(body)).toMatchObject({ amount: { value: '100.10' }, requestAmount: { value: '0.10' } })
  })

  test('the currency is not part of the identity, the amount is', () => {
    const event = eventOf(message({ Amount: '1.00' }))
    expect(eventOf(message({ Amount: '1.00' }), { currency: 'CAD' }).eventId).toBe(event.eventId)
    expect(eventOf(message({ Amount: '2.00' })).eventId).not.toBe(event.eventId)
  })
})

test('reason and response codes are taken unless they are zeros', () => {
  const reasons = (fields: object) => eventOf(message(fields)).reasons
  expect(reasons({ ReasonCode: 'R01', ResponseCode: '000' })).toEqual([
    { scheme: 'INSTAMED', code: 'R01', rule: null, location: null, field: 'ReasonCode' },
  ])
  expect(reasons({ ReasonCode: '00', ResponseCode: '051' })).toEqual([
    { scheme: 'INSTAMED', code: '051', rule: null, location: null, field: 'ResponseCode' },
  ])
  expect(reasons({ ReasonCode: null, ResponseCode: '' })).toEqual([])
})

test('nothing of a patient, a card, an account or free text gets into an event', () => {
  const secrets = Object.fromEntries(
    [
      'PatientID',
      'PatientMedicalRecordNumber',
      'PatientFirstName',
      'PatientLastName',
      'PatientBirthDate',
      'GuarantorID',
      'AccountHolderEmail',
      'CardHolderName',
      'CardLastFourDigits',
      'ExpDate',
      'AuthorizationCode',
      'AuthorizationText',
      'RoutingNumber',
      'AccountNumberLastFourDigits',
      'CheckNumber',
      'DriversLicense',
      'FreeFormTextResponse',
      'ResponseMessage',
      'ReasonCodeDescription',
      'AdditionalCode1',
      'AdditionalInfo1',
      'SingleSignOnToken',
      'UserID',
      'InvoiceNumber',
      'MerchantID',
    ].map((name) => [name, 'Private']),
  )
  const event = eventOf(message(secrets))
  expect(JSON.stringify(event)).not.toContain('Private')
  expect(event.eventId).toBe(eventOf(message()).eventId)
})

test.each([{ PaymentPlanTransactionType: 'Created' }, message({ PaymentPlanTransactionType: 'Updated' })])(
  'a payment-plan message is set aside',
  (body) => {
    expect(translate(body)).toEqual({ events: [], deadLetters: [], setAside: 1, drift: [] })
  },
)

test.each([null, '', ' '])('an empty PaymentPlanTransactionType (%j) does not make it one', (type) => {
  expect(eventOf(message({ PaymentPlanTransactionType: type })).status).toBe('AUTHORIZED')
})

describe('name-value pairs', () => {
  test('the answer to a void is VOIDED on the same payment, whatever the case of the ids', () => {
    const body =
      'transactionID=ABCD&primaryTransactionID=abcd&transactionStatus=C&primaryTransactionStatus=V&responseCode=000&transactionDate=2016-04-27T19%3A17%3A05.2770143Z'
    expect(eventOf(body, FORM)).toMatchObject({
      paymentKey: 'acme:abcd',
      relatesTo: null,
      status: 'VOIDED',
      sourceStatus: 'C',
      sourceSubStatus: 'V',
      occurredAt: Date.UTC(2016, 3, 27, 19, 17, 5, 277),
      occurredAtPrecision: 'SUBMILLISECOND',
      reasons: [],
    })
    expect(instamed.firstPaymentKey(callbackOf(body, FORM))).toBe('acme:abcd')
  })

  test('the status of another original says nothing about this payment', () => {
    const body = 'transactionID=abcd&primaryTransactionID=ef01&transactionStatus=D&primaryTransactionStatus=V'
    expect(eventOf(body, FORM)).toMatchObject({ status: 'DECLINED', relatesTo: 'acme:ef01' })
  })

  test('the webhook’s own names work as well, and plus is a blank', () => {
    const body =
      'PaymentTransactionID=a1&TransactionAction=Sale&CurrentTransactionStatusCode=C&ResponseDateTime=12/14/2017+11:58:06+PM'
    expect(eventOf(body, FORM)).toMatchObject({ status: 'AUTHORIZED', occurredAt: Date.UTC(2017, 11, 14, 23, 58, 6) })
  })

  test.each(['transactionID', '=x', 'transactionID=%ZZ', 'transactionID=%FF', 'a=1&&b'])('%j is not a form', (body) => {
    expect(translate(body, FORM).deadLetters[0]).toMatchObject({ reason: 'invalid-form', element: null })
  })

  test('prototype names are only names', () => {
    expect(translate('__proto__=x&constructor=y', FORM).deadLetters[0]?.reason).toBe('missing-payment-id')
  })
})

describe('the id of an XML body, found without parsing', () => {
  const LONGEST = 'x'.repeat(ID_LENGTH_MAX)
  test.each([
    ['<m><PaymentTransactionID>a1</PaymentTransactionID></m>', 'acme:a1'],
    // Nothing before it.
    ['<PaymentTransactionID>a1</PaymentTransactionID>', 'acme:a1'],
    ['<m><transactionID>b2</transactionID></m>', 'acme:b2'],
    ['<m><transactionID>b2</transactionID><PaymentTransactionID>a1</PaymentTransactionID></m>', 'acme:a1'],
    ['<m><PaymentTransactionID>\n  a1\t</PaymentTransactionID></m>', 'acme:a1'],
    [`<m><PaymentTransactionID>${LONGEST}</PaymentTransactionID></m>`, `acme:${LONGEST}`],
    [`<m><PaymentTransactionID>${LONGEST}x</PaymentTransactionID></m>`, null],
    [`<m><PaymentTransactionID>${' '.repeat(4 * ID_LENGTH_MAX - 2)}a1</PaymentTransactionID></m>`, 'acme:a1'],
    [`<m><PaymentTransactionID>${' '.repeat(4 * ID_LENGTH_MAX - 1)}a1</PaymentTransactionID></m>`, null],
    ['<m><PaymentTransactionID> </PaymentTransactionID></m>', null],
    ['<m><PaymentTransactionID>a&amp;1</PaymentTransactionID></m>', null],
    ['<m><PaymentTransactionID>a\u00001</PaymentTransactionID></m>', null],
    ['<m><PaymentTransactionID>a1', null],
    ['<m>a1</m>', null],
  ])('%j', (body, key) => {
    expect(instamed.firstPaymentKey(callbackOf(body))).toBe(key)
  })
})

describe('format', () => {
  test.each(['\ufeff<m>', ' \n<m>'])('XML that opens with %j', (start) => {
    const fields =
      '<TransactionAction>Sale</TransactionAction><CurrentTransactionStatusCode>C</CurrentTransactionStatusCode>'
    const body = `${start}<PaymentTransactionID>a1</PaymentTransactionID>${fields}</m>`
    expect(eventOf(body)).toMatchObject({ paymentKey: 'acme:a1', status: 'AUTHORIZED' })
  })

  test.each([
    ['application/json', '{'],
    ['', '{'],
    ['application/x-www-form-urlencoded', '{'],
    ['text/xml', ' \n{'],
    ['application/json', '\ufeff{'],
  ])('JSON under content type %j', (contentType, start) => {
    expect(eventOf(JSON.stringify(message()).replace('{', start), { contentType }).status).toBe('AUTHORIZED')
  })

  test.each(['text/plain; charset=utf-8', 'application/octet-stream', 'application/json', 'text/xml', ''])(
    'name-value pairs under content type %j',
    (contentType) => {
      const body = ' \nTransactionAction=Sale&PaymentTransactionID=a1&CurrentTransactionStatusCode=C'
      expect(eventOf(body, { contentType }).status).toBe('AUTHORIZED')
      expect(instamed.firstPaymentKey(callbackOf(body, { contentType }))).toBe('acme:a1')
    },
  )

  test.each([
    ['application/json', '<a/>', 'unexpected-shape'],
    ['application/xml', 'a', 'invalid-xml'],
    ['application/xml', ' ', 'empty-body'],
    ['application/json', '[]', 'unexpected-shape'],
    ['application/json', 'null', 'unexpected-shape'],
    ['text/plain', 'a', 'invalid-json'],
    ['text/plain', '=b', 'invalid-json'],
    ['text/plain', 'a b=c', 'invalid-json'],
    ['application/json', '"a=b"', 'unexpected-shape'],
    ['application/x-www-form-urlencoded', 'a', 'invalid-form'],
    ['application/x-www-form-urlencoded', '', 'empty-body'],
    ['', '', 'empty-body'],
  ])('%j: %j is %s', (contentType, body, reason) => {
    expect(translate(body, { contentType }).deadLetters[0]).toMatchObject({ reason, element: null })
  })
})

test('InstaMed expects 200', () => {
  expect(instamed).toMatchObject({ successCode: 200, pathSuffixes: [] })
})
