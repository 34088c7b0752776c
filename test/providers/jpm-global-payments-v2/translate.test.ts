import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { V2_STATUS_MAP, v2RowFor } from '../../../src/providers/jpm-global-payments-v2/status-map.ts'
import { jpmGlobalPaymentsV2 } from '../../../src/providers/jpm-global-payments-v2/translate.ts'
import { callbackOf } from '../callback-of.ts'
import { goldenEvents, testGoldenCallbacks } from '../golden.ts'

const translate = (body: string | Buffer | object) => jpmGlobalPaymentsV2.translate(callbackOf(body))
const payment = (fields: object = {}) => ({
  paymentId: 'P1',
  paymentStatus: 'COMPLETED',
  statusUpdatedAt: '2025-11-10T14:42:04Z',
  ...fields,
})
const envelopeOf = (payments: readonly unknown[], fields: object = {}) => ({
  specversion: '1.0',
  id: 'envelope-1',
  time: '2025-11-10T14:42:05Z',
  type: 'Payment.Completed',
  source: '/payment/v2/payments/P1',
  ...fields,
  data: { payments },
})
const eventOf = (fields: object = {}, envelope: object = {}) => {
  const { events, deadLetters } = translate(envelopeOf([payment(fields)], envelope))
  expect(deadLetters).toEqual([])
  const [event] = events
  if (event === undefined) {
    throw new Error('no event')
  }
  return event
}
const deadLetterOf = (fields: object, envelope: object = {}) =>
  translate(envelopeOf([payment(fields)], envelope)).deadLetters[0]

const FIXTURES = join(import.meta.dirname, 'fixtures')
testGoldenCallbacks(jpmGlobalPaymentsV2, FIXTURES)

test('every row of the table has a golden callback', () => {
  const rows = goldenEvents(jpmGlobalPaymentsV2, FIXTURES).map(({ sourceStatus, sourceSubStatus }) =>
    v2RowFor(sourceStatus, sourceSubStatus),
  )
  expect(V2_STATUS_MAP.filter((row) => !rows.includes(row))).toEqual([])
})

test.each([1, 50, 200])('%s payments in one callback are as many events', (count) => {
  const payments = Array.from({ length: count }, (_, index) => payment({ paymentId: `P${index}` }))
  const { events, deadLetters, setAside } = translate(envelopeOf(payments))
  expect([deadLetters, setAside]).toEqual([[], 0])
  expect(events.map((event) => [event.element, event.paymentKey])).toEqual(
    payments.map((_, index) => [index, `acme:P${index}`]),
  )
})

describe('status and sub-status', () => {
  const HOLD = (holdReason: string) => ({ status: 'ON_HOLD', holdReason, rejectedBy: null })
  const PLAIN = (status: string) => ({ status, holdReason: null, rejectedBy: null })
  const REJECTED = (rejectedBy: string) => ({ status: 'REJECTED', holdReason: null, rejectedBy })

  test.each([
    ['RECEIVED', 'RECEIVED', PLAIN('RECEIVED')],
    ['RECEIVED', null, PLAIN('RECEIVED')],
    ['ACCEPTED', 'ACCEPTED', PLAIN('ACCEPTED')],
    ['PENDING', null, PLAIN('PROCESSING')],
    ['PENDING', 'PENDING_CLIENT_ACTION', PLAIN('PROCESSING')],
    ['SCHEDULED', null, PLAIN('SCHEDULED')],
    ['PROCESSING', null, PLAIN('PROCESSING')],
    ['PROCESSING', 'PROCESSING_BY_JPM', PLAIN('PROCESSING')],
    ['PROCESSING', 'SOMETHING_NEW', PLAIN('PROCESSING')],
    ['PROCESSING', 'COMPLETED_BY_JPM', PLAIN('PROCESSING')],
    ['PROCESSING', 'SCHEDULED', PLAIN('SCHEDULED')],
    ['PROCESSING', 'PENDING_CLIENT_ACTION', HOLD('PENDING_CLIENT_ACTION')],
    ['PROCESSING', 'PENDING_COMPLIANCE_REVIEW', HOLD('PENDING_COMPLIANCE_REVIEW')],
    ['PROCESSING', 'PENDING_FRAUD_REVIEW', HOLD('PENDING_FRAUD_REVIEW')],
    ['PROCESSING', 'PENDING_FUNDING_REVIEW', HOLD('PENDING_FUNDING_REVIEW')],
    ['PROCESSING', 'PENDING_JPM_REVIEW', HOLD('PENDING_JPM_REVIEW')],
    ['PROCESSING', 'PENDING CLIENT REVIEW', HOLD('PENDING_CLIENT_ACTION')],
    ['PROCESSING', 'PENDING J.P. MORGAN REVIEW', HOLD('PENDING_JPM_REVIEW')],
    ['PROCESSING', 'Pending JP Morgan Review', HOLD('PENDING_JPM_REVIEW')],
    ['PROCESSING', 'PENDING_POSTING', PLAIN('PENDING_POSTING')],
    ['PROCESSING', "SENT TO 'EXTERNAL'", PLAIN('SENT_TO_CLEARING')],
    ['PROCESSING', 'SENT_TO_EXTERNAL', PLAIN('SENT_TO_CLEARING')],
    ['COMPLETED', null, PLAIN('COMPLETED')],
    ['COMPLETED', 'COMPLETED_BY_JPM', PLAIN('COMPLETED')],
    ['COMPLETED', 'SOMETHING_NEW', PLAIN('COMPLETED')],
    ['COMPLETED', 'PENDING_POSTING', PLAIN('COMPLETED')],
    ['COMPLETED', 'REJECTED_BY_JPM', PLAIN('COMPLETED')],
    ['COMPLETED', 'SENT_TO_CLEARING', PLAIN('SENT_TO_CLEARING')],
    ['Completed', 'sent-to-clearing', PLAIN('SENT_TO_CLEARING')],
    ['COMPLETED', 'DELIVERED_TO_RECIPIENT', PLAIN('CREDITED')],
    ['CANCELED', 'CANCELED', PLAIN('CANCELED')],
    ['CANCELED', null, PLAIN('CANCELED')],
    ['REJECTED', null, REJECTED('UNKNOWN')],
    ['REJECTED', 'REJECTED', REJECTED('UNKNOWN')],
    ['REJECTED', 'REJECTED BY EXTERNAL', REJECTED('UNKNOWN')],
    ['REJECTED', 'REJECTED_BY_JPM', REJECTED('JPM')],
    ['RETURNED', 'RETURNED', PLAIN('RETURNED')],
    ['RETURNED', 'COMPLETED_BY_JPM', PLAIN('RETURNED')],
  ])('%s / %s', (paymentStatus, paymentSubStatus, meaning) => {
    expect(eventOf({ paymentStatus, paymentSubStatus })).toMatchObject({
      ...meaning,
      unknownBecause: null,
      sourceStatus: paymentStatus,
      sourceSubStatus: paymentSubStatus,
    })
  })

  test('the table has no row that the list above does not have', () => {
    expect(V2_STATUS_MAP).toHaveLength(22)
  })

  test.each([
    ['SOMETHING_NEW', 'COMPLETED_BY_JPM'],
    ['constructor', null],
    ['*', '*'],
  ])('%s / %s is kept as UNKNOWN: a sub-status never decides', (paymentStatus, paymentSubStatus) => {
    expect(eventOf({ paymentStatus, paymentSubStatus })).toMatchObject({
      status: 'UNKNOWN',
      unknownBecause: 'STATUS',
      holdReason: null,
      rejectedBy: null,
    })
  })
})

describe('an event about something beside the payment moves nothing', () => {
  test.each([
    [{ eventcontext: 'MESSAGE_STATUS_ROF_REQ_' }, 'MESSAGE_STATUS_ROF_REQ_', 'Payment'],
    [{ eventContext: 'MESSAGE_STATUS_ROF_REQ_' }, 'MESSAGE_STATUS_ROF_REQ_', 'Payment'],
    [{ eventcontext: null, eventContext: 'X' }, 'X', 'Payment'],
    [{ type: 'PaymentReturn.Completed' }, null, 'PaymentReturn'],
    [{ type: 'com.jpmorgan.Payment.Completed' }, null, 'com'],
    [{ type: '.Completed' }, null, ''],
  ])('%j', (envelope, eventContext, sourceType) => {
    expect(eventOf({ paymentStatus: 'REJECTED', paymentSubStatus: 'REJECTED_BY_JPM' }, envelope)).toMatchObject({
      status: 'UNKNOWN',
      unknownBecause: 'CONTEXT',
      rejectedBy: null,
      sourceStatus: 'REJECTED',
      eventContext,
      sourceType,
    })
  })

  test.each([
    [{ type: 'PaymentInstruction.Completed' }, 'PaymentInstruction'],
    [{ type: 'PAYMENT.COMPLETED' }, 'PAYMENT'],
    [{ type: null }, null],
    [{ eventcontext: '' }, 'Payment'],
    [{ eventcontext: ' ' }, 'Payment'],
    [{ eventcontext: null }, 'Payment'],
  ])('%j is about the payment', (envelope, sourceType) => {
    expect(eventOf({}, envelope)).toMatchObject({
      status: 'COMPLETED',
      unknownBecause: null,
      eventContext: null,
      sourceType,
    })
  })

  test.each([
    [{ eventcontext: { a: 1 } }, 'eventcontext is not a text'],
    [{ eventcontext: 'c'.repeat(65) }, 'eventcontext is longer than 64 characters'],
    [{ type: ['Payment.Completed'] }, 'type is not a text'],
  ])('%j cannot be read and is not taken for absent', (envelope, message) => {
    expect(deadLetterOf({}, envelope)).toEqual({ reason: 'invalid-field', message, element: 0 })
  })

  test('the same statement with and without a context are two events', () => {
    expect(eventOf({}, { eventcontext: 'X' }).eventId).not.toBe(eventOf().eventId)
  })
})

describe('identity', () => {
  test('a re-issue under a new envelope is the same event', () => {
    const again = {
      id: 'envelope-2',
      time: '2026-01-01T00:00:00Z',
      source: 'payment/v2/payments?endToEndId=x',
      type: 'Payment.Other',
    }
    const [first, second] = [eventOf(), eventOf({}, again)]
    expect(second.eventId).toBe(first.eventId)
    expect([first.providerEventId, second.providerEventId]).toEqual(['envelope-1', 'envelope-2'])
  })

  test.each([
    [{ statusUpdatedAt: '2025-11-10T14:42:05Z' }],
    [{ clearingSystem: { reference: 'C1' } }],
    [{ paymentStatus: 'completed' }],
    [{ paymentSubStatus: 'COMPLETED_BY_JPM' }],
    [{ exceptions: [{ code: '10001' }] }],
    [{ fxInformation: { appliedRate: '1.1' } }],
  ])('%j is news', (fields) => {
    expect(eventOf(fields).eventId).not.toBe(eventOf().eventId)
  })

  test('a field that is not published is not in the id', () => {
    const fields = { paymentRedirection: { accountNumber: '12345678' }, gpi: { reason: 'x' } }
    const event = eventOf(fields)
    expect(event.eventId).toBe(eventOf().eventId)
    expect(JSON.stringify(event)).not.toContain('12345678')
  })

  test('status, sub-status and time make the natural key', () => {
    expect(eventOf({ paymentSubStatus: 'completed by jpm' }).naturalKey).toBe(
      'COMPLETED|COMPLETED_BY_JPM|2025-11-10T14:42:04Z',
    )
    expect(eventOf({ statusUpdatedAt: null }).naturalKey).toBe('COMPLETED||')
  })

  test('the time is the element’s, never the envelope’s', () => {
    expect(eventOf()).toMatchObject({ occurredAt: Date.UTC(2025, 10, 10, 14, 42, 4), occurredAtPrecision: 'SECOND' })
    expect(eventOf({ statusUpdatedAt: undefined })).toMatchObject({ occurredAt: null, occurredAtPrecision: 'NONE' })
  })
})

describe('details', () => {
  test('a gpi reason is taken as a code, after the exceptions, and free text is not', () => {
    const GPI = (code: string) => ({ scheme: 'GPI', code, rule: null, location: null, field: null })
    expect(eventOf({ gpi: { status: 'ACSP', reason: 'G002' } })).toMatchObject({
      gpiStatus: 'ACSP',
      reasons: [GPI('G002')],
      reasonsOmitted: 0,
    })
    const exceptions = [{ code: '11000' }]
    expect(eventOf({ exceptions, gpi: { reason: 'AC04' } }).reasons).toMatchObject([{ code: '11000' }, GPI('AC04')])
    for (const reason of [
      'account closed',
      'AC04 John',
      'ac04',
      'A C4',
      'G00',
      'G0020',
      '0AC4',
      4,
      ['AC04'],
      {},
      null,
    ]) {
      expect(eventOf({ gpi: { reason } })).toMatchObject({ reasons: [], reasonsOmitted: 0 })
    }
  })

  test('references keep their own names', () => {
    const { references } = eventOf({
      paymentIdentifiers: {
        paymentBatchId: 'B',
        achTraceNumber: 'A',
        transactionIdentifier: 'T',
        otherPaymentReferences: { relatedReferenceId: 'R', uetr: 'U' },
      },
      clearingSystem: { reference: 'C' },
    })
    expect(Object.fromEntries(references.map(({ type, value }) => [type, value]))).toEqual({
      paymentBatchId: 'B',
      achTraceNumber: 'A',
      relatedReferenceId: 'R',
      uetr: 'U',
      transactionIdentifier: 'T',
      clearingSystemReference: 'C',
    })
  })

  test('empty objects are nothing', () => {
    expect(eventOf({ clearingSystem: {}, paymentIdentifiers: {}, gpi: {}, fxInformation: {} })).toMatchObject({
      references: [],
      clearingSystem: null,
      endToEndId: null,
      gpiStatus: null,
      fxAppliedRate: null,
    })
  })

  test('a rate that is sent as a number keeps its digits, in both shapes', () => {
    const fields = '"paymentId":"P1","paymentStatus":"COMPLETED","fxInformation":{"appliedRate":1.10000000000000000001}'
    expect(translate(`{"data":{"payments":[{${fields}}]}}`).events[0]?.fxAppliedRate).toBe('1.10000000000000000001')
    expect(translate(`{"events":[{${fields}}]}`).events[0]?.fxAppliedRate).toBe('1.10000000000000000001')
  })

  test('additional context becomes a reason of its scheme; a scheme that we do not know is only counted', () => {
    const exception = {
      code: '11000',
      location: 'BODY',
      field: '$.creditor.account',
      message: 'Private',
      additionalContext: [
        { type: 'ISO20022', code: 'AC01' },
        { type: 'CLEARING_NACHA', code: 'R03' },
        { type: 'EXTERNAL', code: 'E99' },
        { type: 'CLEARING_NEW', code: 'N01' },
        'text',
      ],
    }
    const event = eventOf({ exceptions: [exception] })
    const at = { rule: null, location: 'BODY', field: '$.creditor.account' }
    expect(event.reasons).toEqual([
      { scheme: 'JPM', code: '11000', ...at },
      { scheme: 'ISO20022', code: 'AC01', ...at },
      { scheme: 'NACHA', code: 'R03', ...at },
      { scheme: 'EXTERNAL', code: 'E99', ...at },
    ])
    expect(event.reasonsOmitted).toBe(2)
    expect(JSON.stringify(event)).not.toContain('Private')
  })

  test('a location that is no word is left out', () => {
    const reasonAt = (location: string) => eventOf({ exceptions: [{ code: '10001', location }] }).reasons[0]
    expect(reasonAt('QUERY')?.location).toBe('QUERY')
    expect(reasonAt('Some One')).toMatchObject({ code: '10001', location: null })
  })

  test('a field path that could quote a value is left out', () => {
    const field = "$.creditors[?(@.name=='Private')]"
    expect(eventOf({ exceptions: [{ code: '10001', field }] }).reasons[0]).toMatchObject({ code: '10001', field: null })
  })
})

describe('the 2024 shape', () => {
  const betaOf = (fields: object = {}) =>
    translate({
      events: [
        {
          eventId: 'EV1',
          eventTimestamp: '2024-05-01T10:00:00.000Z',
          paymentId: 'P1',
          paymentStatus: 'PENDING',
          ...fields,
        },
      ],
    })

  test('has its own event id and time', () => {
    expect(betaOf().events[0]).toMatchObject({
      providerEventId: 'EV1',
      status: 'PROCESSING',
      sourceType: null,
      occurredAt: Date.UTC(2024, 4, 1, 10),
      occurredAtText: '2024-05-01T10:00:00.000Z',
    })
  })

  test('prefers statusUpdatedAt if it is there', () => {
    expect(betaOf({ statusUpdatedAt: '2024-05-01T09:00:00Z' }).events[0]?.occurredAt).toBe(Date.UTC(2024, 4, 1, 9))
  })

  test.each([null, '', ' '])('has its own time if statusUpdatedAt is %j', (statusUpdatedAt) => {
    expect(betaOf({ statusUpdatedAt }).events[0]?.occurredAt).toBe(Date.UTC(2024, 4, 1, 10))
  })

  test('an event with a context of its own moves nothing', () => {
    const [event] = betaOf({ paymentStatus: 'RETURNED', eventcontext: 'MESSAGE_STATUS_ROF_REQ' }).events
    expect(event).toMatchObject({
      status: 'UNKNOWN',
      unknownBecause: 'CONTEXT',
      eventContext: 'MESSAGE_STATUS_ROF_REQ',
    })
  })

  test('I2 beside an empty data.payments it is read, beside a full one it is a dead letter', () => {
    const events = [{ eventId: 'EV1', paymentId: 'P1', paymentStatus: 'PENDING' }]
    expect(translate({ data: { payments: [] }, events }).events).toHaveLength(1)
    const both = translate({ data: { payments: [{ paymentId: 'P2', paymentStatus: 'COMPLETED' }] }, events })
    expect(both.events.map(({ paymentKey }) => paymentKey)).toEqual([expect.stringContaining('P2')])
    expect(both.deadLetters).toEqual([
      { reason: 'unexpected-shape', message: 'the body has events beside its data.payments', element: null },
    ])
  })

  test('a re-issue under a new eventId is the same event', () => {
    expect(betaOf({ eventId: 'EV2' }).events[0]?.eventId).toBe(betaOf().events[0]?.eventId)
  })
})

describe('shapes', () => {
  test.each([
    '{}',
    '[]',
    '"text"',
    '{"data":{}}',
    '{"data":"{\\"payments\\":[]}"}',
    '{"data":{"payments":{}}}',
    '{"events":{}}',
    '{"callbacks":[]}',
  ])('%s is not what v2 sends', (body) => {
    expect(translate(body).deadLetters).toEqual([
      {
        reason: 'unexpected-shape',
        message: 'the body has neither a data.payments array nor an events array',
        element: null,
      },
    ])
  })

  test.each(['{"data":{"payments":[]}}', '{"events":[]}'])('%s is set aside', (body) => {
    expect(translate(body)).toEqual({ events: [], deadLetters: [], setAside: 1, drift: [] })
  })

  test('an element without an id or with a bad reference is a dead letter, its siblings go on', () => {
    const { events, deadLetters } = translate(
      envelopeOf([
        payment({ paymentId: undefined, paymentIdentifiers: { endToEndId: 'E1' } }),
        payment(),
        payment({ paymentIdentifiers: { otherPaymentReferences: { uetr: 'u'.repeat(129) } } }),
        payment({ paymentStatus: null }),
      ]),
    )
    expect(events.map((event) => event.element)).toEqual([1])
    expect(deadLetters).toEqual([
      { reason: 'missing-payment-id', message: 'the element has no paymentId', element: 0 },
      { reason: 'invalid-field', message: 'uetr is longer than 128 characters', element: 2 },
      { reason: 'missing-status', message: 'the element has no paymentStatus', element: 3 },
    ])
  })
})

test('J.P. Morgan v2 expects 204, at the registered path only', () => {
  expect(jpmGlobalPaymentsV2).toMatchObject({ successCode: 204, pathSuffixes: [] })
})
