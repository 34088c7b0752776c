import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { withChildReports } from '../../../src/payment/child-report.ts'
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
const deadLetterOf = (fields: object) => translate(envelopeOf([payment(fields)])).deadLetters[0]

const FIXTURES = join(import.meta.dirname, 'fixtures')
testGoldenCallbacks(jpmGlobalPaymentsV2, FIXTURES)

test('every row of the table has a golden callback', () => {
  const rows = goldenEvents(jpmGlobalPaymentsV2, FIXTURES).map(({ sourceStatus, sourceSubStatus }) =>
    v2RowFor(sourceStatus, sourceSubStatus),
  )
  expect(V2_STATUS_MAP.filter((row) => !rows.includes(row))).toEqual([])
})

test.each([1, 50, 200])('%s payments in one callback give that many events', (count) => {
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
    ['PROCESSING', 'PENDING J. P. MORGAN REVIEW', HOLD('PENDING_JPM_REVIEW')],
    ['Processing', 'PendingPosting', PLAIN('PENDING_POSTING')],
    ['PROCESSING', "SENT TO 'EXTERNAL'", PLAIN('SENT_TO_CLEARING')],
    ['PROCESSING', 'SENT_TO_EXTERNAL', PLAIN('SENT_TO_CLEARING')],
    ['COMPLETED', null, PLAIN('COMPLETED')],
    ['COMPLETED', 'COMPLETED_BY_JPM', PLAIN('COMPLETED')],
    ['COMPLETED', 'SOMETHING_NEW', PLAIN('COMPLETED')],
    ['COMPLETED', 'PENDING_POSTING', PLAIN('COMPLETED')],
    ['COMPLETED', 'REJECTED_BY_JPM', PLAIN('COMPLETED')],
    ['COMPLETED', 'SENT_TO_CLEARING', PLAIN('SENT_TO_CLEARING')],
    ['Completed', 'sent-to-clearing', PLAIN('SENT_TO_CLEARING')],
    ['COMPLETED', 'SentToClearing', PLAIN('SENT_TO_CLEARING')],
    ['COMPLETED', 'SENTTOCLEARING', PLAIN('SENT_TO_CLEARING')],
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

  test('I5 a documented word without its underscores is not noted as drift', () => {
    const status = { paymentStatus: 'Completed', paymentSubStatus: 'CompletedByJpm' }
    expect(translate(envelopeOf([payment(status)]))).toMatchObject({ events: [{ status: 'COMPLETED' }], drift: [] })
  })

  test('the list above covers every row of the table', () => {
    expect(V2_STATUS_MAP).toHaveLength(22)
  })

  test.each([
    ['SOMETHING_NEW', 'COMPLETED_BY_JPM'],
    ['constructor', null],
    ['*', '*'],
  ])('%s / %s is UNKNOWN: a sub-status never determines the status', (paymentStatus, paymentSubStatus) => {
    expect(eventOf({ paymentStatus, paymentSubStatus })).toMatchObject({
      status: 'UNKNOWN',
      unknownBecause: 'STATUS',
      holdReason: null,
      rejectedBy: null,
    })
  })
})

describe('an event that is not about the payment itself does not change the status', () => {
  test.each([
    [{ eventcontext: 'MESSAGE_STATUS_ROF_REQ_' }, 'MESSAGE_STATUS_ROF_REQ_', 'Payment'],
    [{ eventContext: 'MESSAGE_STATUS_ROF_REQ_' }, 'MESSAGE_STATUS_ROF_REQ_', 'Payment'],
    [{ eventcontext: null, eventContext: 'X' }, 'X', 'Payment'],
    [{ EventContext: 'X', EVENTCONTEXT: '' }, 'X', 'Payment'],
    [{ EventContext: 'Y', eventContext: 'X', EVENTCONTEXT: 'Z' }, 'X', 'Payment'],
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

  test('a context beside the list, or in the element, is one as well', () => {
    const context = { status: 'UNKNOWN', unknownBecause: 'CONTEXT', eventContext: 'X' }
    for (const name of ['eventcontext', 'EventContext']) {
      expect(translate({ data: { payments: [payment()], [name]: 'X' } }).events).toMatchObject([context])
      expect(translate({ data: { payments: [payment({ [name]: 'X' })] } }).events).toMatchObject([context])
      const returns = [{ returnId: 'R1', returnStatus: 'COMPLETED' }]
      expect(translate({ data: { returns, [name]: 'X' } }).events).toMatchObject([context])
    }
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
    [{ eventcontext: { a: 1 } }],
    [{ eventContext: 7 }],
    [{ EventContext: 7 }],
    [{ eventcontext: 'c'.repeat(65) }],
    [{ eventcontext: 'a\u0000b' }],
  ])('an unreadable context still counts as a context: %j', (envelope) => {
    expect(eventOf({ paymentStatus: 'REJECTED' }, envelope)).toMatchObject({
      status: 'UNKNOWN',
      unknownBecause: 'CONTEXT',
      eventContext: null,
      rejectedBy: null,
      unreadable: ['eventcontext'],
    })
  })

  test.each([
    [{ type: ['ReturnOfFunds.Requested'] }],
    [{ type: 7 }],
    [{ type: 'P'.repeat(129) }],
    [{ type: `Payment.${'x'.repeat(128)}` }],
  ])('I5 an unreadable type counts as another type and is marked: %j', (envelope) => {
    expect(eventOf({ paymentStatus: 'RETURNED' }, envelope)).toMatchObject({
      status: 'UNKNOWN',
      unknownBecause: 'CONTEXT',
      sourceStatus: 'RETURNED',
      sourceType: null,
      unreadable: ['type'],
    })
  })

  test('an unreadable type does not matter to a return, which is known by its list', () => {
    const body = { type: 7, data: { returns: [{ returnId: 'R1', returnStatus: 'COMPLETED' }] } }
    expect(translate(body).events).toMatchObject([{ status: 'COMPLETED', kind: 'RETURN', unreadable: ['type'] }])
  })

  test.each(['PaymentBatch.Completed', 'PaymentBatch.Processing', 'PAYMENTBATCH.REJECTED'])(
    'in a batch event (%s), each payment has its own status, whatever the type',
    (type) => {
      const body = envelopeOf(
        [payment(), payment({ paymentId: 'P2', paymentStatus: 'REJECTED', paymentSubStatus: 'REJECTED_BY_JPM' })],
        { type },
      )
      const { events, deadLetters, drift } = translate(body)
      expect([deadLetters, drift]).toEqual([[], []])
      expect(events.map(({ status, rejectedBy, sourceType }) => [status, rejectedBy, sourceType])).toEqual([
        ['COMPLETED', null, type.split('.')[0]],
        ['REJECTED', 'JPM', type.split('.')[0]],
      ])
    },
  )

  test('the same statement with and without a context are two events', () => {
    expect(eventOf({}, { eventcontext: 'X' }).eventId).not.toBe(eventOf().eventId)
  })
})

describe('identity', () => {
  test('a re-issue in a new envelope is the same event', () => {
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
  ])('%j is another event', (fields) => {
    expect(eventOf(fields).eventId).not.toBe(eventOf().eventId)
  })

  test('a field that is not published is not part of the id', () => {
    const fields = { paymentRedirection: { accountNumber: '12345678' }, gpi: { reason: 'x' } }
    const event = eventOf(fields)
    expect(event.eventId).toBe(eventOf().eventId)
    expect(JSON.stringify(event)).not.toContain('12345678')
  })

  test('the natural key consists of status, sub-status and time', () => {
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
  test('a gpi reason is published after the exceptions if it is a code, not if it is free text', () => {
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

  test('empty objects count as not given', () => {
    expect(eventOf({ clearingSystem: {}, paymentIdentifiers: {}, gpi: {}, fxInformation: {} })).toMatchObject({
      references: [],
      clearingSystem: null,
      endToEndId: null,
      gpiStatus: null,
      fxAppliedRate: null,
    })
  })

  test('a rate sent as a number keeps its digits, in both shapes', () => {
    const fields = '"paymentId":"P1","paymentStatus":"COMPLETED","fxInformation":{"appliedRate":1.10000000000000000001}'
    expect(translate(`{"data":{"payments":[{${fields}}]}}`).events[0]?.fxAppliedRate).toBe('1.10000000000000000001')
    expect(translate(`{"events":[{${fields}}]}`).events[0]?.fxAppliedRate).toBe('1.10000000000000000001')
  })

  test('additional context becomes a reason of its scheme; one of an unknown scheme is only counted', () => {
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

  test('a location that is not one word is left out', () => {
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

  test('prefers statusUpdatedAt if it is given', () => {
    expect(betaOf({ statusUpdatedAt: '2024-05-01T09:00:00Z' }).events[0]?.occurredAt).toBe(Date.UTC(2024, 4, 1, 9))
  })

  test.each([null, '', ' '])('has its own time if statusUpdatedAt is %j', (statusUpdatedAt) => {
    expect(betaOf({ statusUpdatedAt }).events[0]?.occurredAt).toBe(Date.UTC(2024, 4, 1, 10))
  })

  test('an event with its own context does not change the status', () => {
    const [event] = betaOf({ paymentStatus: 'RETURNED', eventcontext: 'MESSAGE_STATUS_ROF_REQ' }).events
    expect(event).toMatchObject({
      status: 'UNKNOWN',
      unknownBecause: 'CONTEXT',
      eventContext: 'MESSAGE_STATUS_ROF_REQ',
    })
  })

  test('only its events have an eventTimestamp', () => {
    const event = eventOf({ statusUpdatedAt: undefined, eventTimestamp: '2024-01-01T00:00:00Z' })
    expect(event.occurredAt).toBeNull()
  })

  test('I2 is read beside an empty data.payments and is a dead letter beside one with elements', () => {
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

describe('the return of a payment', () => {
  const TIME = '2026-03-05T10:00:00Z'
  const returned = (fields: object = {}) => ({
    returnId: 'R1',
    returnStatus: 'COMPLETED',
    returnSubStatus: 'COMPLETED_BY_JPM',
    paymentType: 'RTP',
    paymentIdentifiers: { endToEndId: 'E1' },
    originalPaymentIdentifiers: { bankReferenceNumber: 'BR-77' },
    value: { amount: '50.00', currency: 'BRL' },
    ...fields,
  })
  const bodyOf = (returns: readonly unknown[], envelope: object = {}) => ({
    specversion: '1.0',
    id: 'envelope-1',
    time: TIME,
    type: 'Payment.Completed',
    dataschema: 'urn:com.jpmorgan.payments/payment-return-event',
    ...envelope,
    data: { returns },
  })
  const returnOf = (fields: object = {}, envelope: object = {}) => {
    const { events, deadLetters } = translate(bodyOf([returned(fields)], envelope))
    expect(deadLetters).toEqual([])
    const [event] = events
    if (event === undefined) {
      throw new Error('no event')
    }
    return event
  }

  test('is a separate payment, at the time of its envelope', () => {
    expect(returnOf()).toMatchObject({
      paymentKey: 'acme:R1',
      kind: 'RETURN',
      relatesTo: null,
      status: 'COMPLETED',
      sourceStatus: 'COMPLETED',
      sourceSubStatus: 'COMPLETED_BY_JPM',
      naturalKey: 'COMPLETED|COMPLETED_BY_JPM|',
      providerEventId: 'envelope-1',
      occurredAt: Date.UTC(2026, 2, 5, 10),
      occurredAtText: TIME,
      endToEndId: 'E1',
      rail: 'RTP',
      references: [{ type: 'bankReferenceNumber', value: 'BR-77' }],
      amount: { value: '50.00', currency: 'BRL' },
      unreadable: [],
    })
  })

  test.each([
    ['PROCESSING', null, 'PROCESSING'],
    ['PROCESSING', 'PENDING_COMPLIANCE_REVIEW', 'ON_HOLD'],
    ['COMPLETED', 'SENT_TO_CLEARING', 'SENT_TO_CLEARING'],
    ['REJECTED', 'REJECTED_BY_JPM', 'REJECTED'],
    ['CANCELED', null, 'CANCELED'],
    ['SOMETHING_NEW', null, 'UNKNOWN'],
  ])('maps its status by the same table: %s / %s', (returnStatus, returnSubStatus, status) => {
    expect(returnOf({ returnStatus, returnSubStatus }).status).toBe(status)
  })

  test('relates to its original if the original’s id is given, and the original gets a report', () => {
    const original = 'AAAAAAAA-0000-4000-8000-00000000000A'
    const event = returnOf({
      originalPaymentIdentifiers: {
        paymentId: original,
        clearingSystemReference: 'C1',
        account: { number: 'Private' },
      },
    })
    expect(event).toMatchObject({
      relatesTo: `acme:${original.toLowerCase()}`,
      references: [{ type: 'clearingSystemReference', value: 'C1' }],
    })
    expect(withChildReports([event])[1]).toMatchObject({ paymentKey: event.relatesTo, childKey: 'acme:R1' })
    expect(JSON.stringify(event)).not.toContain('Private')
    expect(returnOf({ originalPaymentIdentifiers: { paymentId: 'R1' } }).relatesTo).toBeNull()
    expect(returnOf({ originalPaymentIdentifiers: { paymentId: 'NOTPROVIDED' } }).relatesTo).toBeNull()
  })

  test('a re-issue in a new envelope is the same event with the same report', () => {
    const fields = { originalPaymentIdentifiers: { paymentId: 'P1' } }
    const ids = [{}, { id: 'envelope-2', time: '2026-03-06T10:00:00Z' }, { time: 'yesterday' }, { time: null }].map(
      (envelope) => withChildReports([returnOf(fields, envelope)]).map(({ eventId }) => eventId),
    )
    expect(ids[0]).toHaveLength(2)
    expect(new Set(ids.map((pair) => pair.join())).size).toBe(1)
    expect(returnOf({ ...fields, returnStatus: 'PROCESSING' }).eventId).not.toBe(ids[0]?.[0])
  })

  test('a time that does not look like one is in neither the event nor the natural key (I9)', () => {
    const event = eventOf({ statusUpdatedAt: 'Some Name' })
    expect(event).toMatchObject({ occurredAtText: null, timeUnreadable: true })
    expect(JSON.stringify(event)).not.toContain('Name')
  })

  test('an envelope without a readable time gives an untimed event', () => {
    expect(returnOf({}, { time: null })).toMatchObject({ occurredAt: null, timeUnreadable: false })
    expect(returnOf({}, { time: 7 })).toMatchObject({ occurredAt: null, timeUnreadable: true })
  })

  test('an amount without a currency has the configured one; with an unreadable currency it has none', () => {
    expect(returnOf({ value: { amount: '50.00' } }).amount).toEqual({ value: '50.00', currency: 'USD' })
    expect(returnOf({ value: { amount: '50.00', currency: 7 } })).toMatchObject({
      amount: { value: '50.00', currency: null },
      unreadable: ['value.currency'],
    })
    expect(returnOf({ value: { amount: '50,00' } })).toMatchObject({ amount: null, unreadable: ['value.amount'] })
    expect(returnOf({ value: '50.00' })).toMatchObject({ amount: null, unreadable: ['value'] })
    const number = JSON.stringify(bodyOf([returned()])).replace('"50.00"', '50.10')
    expect(translate(number).events[0]?.amount).toEqual({ value: '50.10', currency: 'BRL' })
  })

  test.each([
    ['brl', 'BRL', []],
    [' BRL ', 'BRL', []],
    ['EURO', null, ['value.currency']],
    ['€', null, ['value.currency']],
    ['B1L', null, ['value.currency']],
    [' ', 'USD', []],
  ])('a currency is three letters, in upper case: %j', (currency, published, unreadable) => {
    const event = returnOf({ value: { amount: '50.00', currency } })
    expect(event).toMatchObject({ amount: { value: '50.00', currency: published }, unreadable })
  })

  test.each(['PaymentReturn.Completed', 'Account.Opened', 'x'])(
    'the list determines that it is a return, whatever the type: %s',
    (type) => {
      expect(returnOf({}, { type })).toMatchObject({
        kind: 'RETURN',
        status: 'COMPLETED',
        unknownBecause: null,
        sourceType: type.split('.')[0],
      })
      expect(returnOf({}, { type, eventcontext: 'x' })).toMatchObject({ status: 'UNKNOWN', unknownBecause: 'CONTEXT' })
      expect(returnOf({}, { type, eventcontext: 7 })).toMatchObject({ status: 'UNKNOWN', unknownBecause: 'CONTEXT' })
    },
  )

  test('unreadable details are left out and named', () => {
    expect(
      returnOf({ paymentIdentifiers: 'E1', originalPaymentIdentifiers: { paymentId: 7 }, paymentType: {} }),
    ).toMatchObject({
      relatesTo: null,
      endToEndId: null,
      rail: null,
      unreadable: ['originalPaymentIdentifiers.paymentId', 'paymentIdentifiers', 'paymentType'],
    })
  })

  test.each([
    [{ returnId: null }, 'missing-payment-id', 'the element has no returnId'],
    [{ returnId: '00000000-0000-0000-0000-000000000000' }, 'missing-payment-id', 'the element has no returnId'],
    [{ returnStatus: ' ' }, 'missing-status', 'the element has no returnStatus'],
    [{ returnId: 7 }, 'invalid-field', 'returnId is not a text'],
    [{ returnStatus: 'S'.repeat(65) }, 'invalid-field', 'returnStatus is longer than 64 characters'],
  ])('%j is a dead letter and does not affect its siblings', (fields, reason, message) => {
    const { events, deadLetters } = translate(bodyOf([returned(fields), returned({ returnId: 'R2' })]))
    expect(deadLetters).toEqual([{ reason, message, element: 0 }])
    expect(events.map(({ paymentKey, element }) => [paymentKey, element])).toEqual([['acme:R2', 1]])
  })

  test('a context has the same effect as for a payment', () => {
    expect(returnOf({}, { eventcontext: 'X' })).toMatchObject({ status: 'UNKNOWN', unknownBecause: 'CONTEXT' })
  })

  test('documented fields that are never read are not drift', () => {
    const fields = { country: 'BR', returnType: 'PARTIAL', chargeBearer: 'X', additionalInformation: ['Private'] }
    const { events, drift } = translate(bodyOf([returned({ ...fields, account: 'Private' })]))
    expect(drift).toEqual([])
    expect(JSON.stringify(events)).not.toContain('Private')
  })

  test('an unknown field, status or sub-status is drift, with its path', () => {
    const { drift } = translate(
      bodyOf([
        returned({
          newField: 1,
          originalPaymentIdentifiers: { newId: 1 },
          value: { newValue: 1 },
          returnSubStatus: 'NEW_SUB_STATUS',
        }),
        returned({ returnStatus: 'NEW_STATUS' }),
      ]),
    )
    expect(drift).toEqual([
      { kind: 'field', name: 'newField' },
      { kind: 'sub-status', name: 'COMPLETED|NEW_SUB_STATUS' },
      { kind: 'field', name: 'originalPaymentIdentifiers.newId' },
      { kind: 'field', name: 'value.newValue' },
      { kind: 'status', name: 'NEW_STATUS' },
    ])
  })

  test('unreadable ids are named with their path', () => {
    const fields = {
      paymentIdentifiers: { endToEndId: 7 },
      originalPaymentIdentifiers: { bankReferenceNumber: 7, clearingSystemReference: 7 },
    }
    expect(returnOf(fields).unreadable).toEqual([
      'originalPaymentIdentifiers.bankReferenceNumber',
      'originalPaymentIdentifiers.clearingSystemReference',
      'paymentIdentifiers.endToEndId',
    ])
  })

  test('a body without an id gives the gateway no key', () => {
    expect(jpmGlobalPaymentsV2.firstPaymentKey(callbackOf({ data: { returns: [{}] } }))).toBeNull()
  })

  test('the gateway’s key is the key of the return, whatever the order of the ids', () => {
    const body = { data: { returns: [{ originalPaymentIdentifiers: { paymentId: 'P1' }, returnId: 'R1' }] } }
    expect(jpmGlobalPaymentsV2.firstPaymentKey(callbackOf(body))).toBe('acme:R1')
  })
})

describe('ids', () => {
  const UUID = 'ABCDEF01-2345-4678-9ABC-DEF012345678'

  test('a UUID names the same payment in either case, any other id does not', () => {
    for (const id of [UUID, UUID.toLowerCase(), `\u00a0${UUID}\ufeff`]) {
      const body = envelopeOf([payment({ paymentId: id })])
      expect(translate(body).events[0]?.paymentKey).toBe(`acme:${UUID.toLowerCase()}`)
      expect(jpmGlobalPaymentsV2.firstPaymentKey(callbackOf(body))).toBe(`acme:${UUID.toLowerCase()}`)
    }
    expect(eventOf({ paymentId: 'aB' }).paymentKey).toBe('acme:aB')
    expect(eventOf({ paymentId: `${UUID}0` }).paymentKey).toBe(`acme:${UUID}0`)
  })

  test('a placeholder is not an id in any id field', () => {
    const none = 'Not Provided'
    expect(deadLetterOf({ paymentId: none })).toMatchObject({ reason: 'missing-payment-id' })
    expect(
      eventOf(
        {
          paymentIdentifiers: { endToEndId: none, otherPaymentReferences: { uetr: '0000' } },
          clearingSystem: { reference: 'N/A' },
        },
        { id: '{00000000-0000-0000-0000-000000000000}' },
      ),
    ).toMatchObject({ endToEndId: null, references: [], providerEventId: null, unreadable: [] })
  })
})

describe('a detail never costs the status', () => {
  const LONG = 'x'.repeat(129)
  test.each([
    [{ paymentSubStatus: 7 }, 'paymentSubStatus'],
    [{ gpi: 'ACSP' }, 'gpi'],
    [{ gpi: { status: 'x'.repeat(65) } }, 'gpi.status'],
    [{ clearingSystem: [] }, 'clearingSystem'],
    [{ clearingSystem: { name: {} } }, 'clearingSystem.name'],
    [{ clearingSystem: { reference: LONG } }, 'clearingSystem.reference'],
    [{ paymentIdentifiers: 7 }, 'paymentIdentifiers'],
    [{ paymentIdentifiers: { endToEndId: 'a\u0007b' } }, 'paymentIdentifiers.endToEndId'],
    [{ paymentIdentifiers: { paymentBatchId: LONG } }, 'paymentIdentifiers.paymentBatchId'],
    [{ paymentIdentifiers: { achTraceNumber: 1 } }, 'paymentIdentifiers.achTraceNumber'],
    [{ paymentIdentifiers: { otherPaymentReferences: 'x' } }, 'paymentIdentifiers.otherPaymentReferences'],
    [{ paymentIdentifiers: { otherPaymentReferences: { uetr: 1 } } }, 'paymentIdentifiers.otherPaymentReferences.uetr'],
    [
      { paymentIdentifiers: { otherPaymentReferences: { transactionIdentifier: 1 } } },
      'paymentIdentifiers.otherPaymentReferences.transactionIdentifier',
    ],
    [{ paymentIdentifiers: { transactionIdentifier: 1 } }, 'paymentIdentifiers.transactionIdentifier'],
    [{ paymentType: ['ACH'] }, 'paymentType'],
    [{ transferType: 'x'.repeat(65) }, 'transferType'],
    [{ requestedExecutionDate: 'tomorrow' }, 'requestedExecutionDate'],
    [{ valueDate: '2026-02-30' }, 'valueDate'],
    [{ fxInformation: 1.1 }, 'fxInformation'],
    [{ fxInformation: { appliedRate: '1,1' } }, 'fxInformation.appliedRate'],
  ])('%j is left out and named', (fields, name) => {
    expect(eventOf(fields)).toMatchObject({ status: 'COMPLETED', unreadable: [name] })
  })

  test('a date and time is published without the zone name in brackets (I9)', () => {
    const event = eventOf({ valueDate: '2026-03-01T10:06:00Z[Some/Name]' })
    expect(event).toMatchObject({ valueDate: '2026-03-01T10:06:00Z', unreadable: [] })
  })

  test('an unreadable id of the envelope affects only itself', () => {
    expect(eventOf({}, { id: 7 })).toMatchObject({ providerEventId: null, unreadable: ['id'] })
  })

  test('unreadable fields are named in order, each once, up to a limit', () => {
    const event = eventOf({ valueDate: 'x', gpi: 7, paymentType: 7, clearingSystem: 7 }, { id: 7 })
    expect(event.unreadable).toEqual(['clearingSystem', 'gpi', 'id', 'paymentType', 'valueDate'])
    expect(event.eventId).not.toBe(eventOf().eventId)
  })

  test('at most 16 unreadable fields are named, those of the element and its envelope first (I10)', () => {
    const others = { uetr: 1, relatedReferenceId: 1, transactionIdentifier: 1 }
    const event = eventOf(
      {
        paymentSubStatus: 7,
        gpi: 7,
        clearingSystem: { name: 7, reference: 7 },
        paymentIdentifiers: { endToEndId: 7, paymentBatchId: 7, achTraceNumber: 7, otherPaymentReferences: others },
        paymentType: 7,
        transferType: 7,
        requestedExecutionDate: 7,
        valueDate: 7,
        fxInformation: 7,
      },
      { id: 7, type: 7 },
    )
    expect(event.unreadable).toHaveLength(16)
    expect(event.unreadable).toEqual(expect.arrayContaining(['fxInformation', 'gpi', 'id', 'type', 'valueDate']))
    expect(event.unreadable).not.toContain('paymentIdentifiers.paymentBatchId')
  })

  test('I5 an unreadable type makes another event, however many details cannot be read', () => {
    const bad = { n: 1 }
    const others = { uetr: bad, relatedReferenceId: bad, transactionIdentifier: bad }
    const ids = { endToEndId: bad, paymentBatchId: bad, achTraceNumber: bad, transactionIdentifier: bad }
    const fields = {
      paymentSubStatus: bad,
      paymentType: bad,
      transferType: bad,
      requestedExecutionDate: bad,
      paymentIdentifiers: { ...ids, otherPaymentReferences: others },
      clearingSystem: { name: bad, reference: bad },
      gpi: { status: bad },
      fxInformation: { appliedRate: bad },
    }
    const [known, unknown] = [eventOf(fields, { id: bad, type: null }), eventOf(fields, { id: bad, type: bad })]
    expect([known.status, unknown.status]).toEqual(['COMPLETED', 'UNKNOWN'])
    expect(known.unreadable).toHaveLength(16)
    expect(unknown.unreadable).toHaveLength(16)
    expect(unknown.eventId).not.toBe(known.eventId)
  })

  test('the transaction identifier is read in its current and its former place', () => {
    const inPlace = { otherPaymentReferences: { transactionIdentifier: 'T' } }
    for (const paymentIdentifiers of [
      inPlace,
      { transactionIdentifier: 'T' },
      { ...inPlace, transactionIdentifier: 'U' },
    ]) {
      expect(eventOf({ paymentIdentifiers }).references).toEqual([{ type: 'transactionIdentifier', value: 'T' }])
    }
  })
})

describe('the same name twice', () => {
  const ONE = '{"paymentId":"P1","paymentStatus":"PENDING"}'
  const TWO = '{"paymentId":"P2","paymentStatus":"COMPLETED"}'
  test.each([
    ['data', `{"data":{"payments":[${ONE}]},"data":{"payments":[${TWO}]}}`],
    ['data', `{"data":{"payments":[${ONE}]},"data":null}`],
    ['events', `{"events":[${ONE}],"events":[${TWO}]}`],
    ['data.payments', `{"data":{"payments":[${ONE}],"payments":[${TWO}]}}`],
    ['data.payments', `{"data":{"payments":[${ONE}],"pay\\u006dents":[${TWO}]}}`],
    ['data.returns', `{"data":{"payments":[${ONE}],"returns":[],"returns":[${TWO}]}}`],
  ])('%s: neither list is lost silently', (name, body) => {
    const { events, deadLetters, drift } = translate(body)
    expect(events).toEqual([])
    expect(deadLetters).toEqual([
      { reason: 'ambiguous', message: `${name} appears twice with different values`, element: null },
    ])
    expect(drift).toContainEqual({ kind: 'duplicate-name', name })
  })

  test.each(['paymentStatus', 'gpi', 'valueDate', 'exceptions', 'eventcontext'])(
    '%s twice in an element makes only that element a dead letter',
    (name) => {
      const twice = `{"paymentId":"P1","paymentStatus":"PENDING","${name}":1,"${name}":2}`
      const { events, deadLetters } = translate(`{"data":{"payments":[${TWO},${twice}]}}`)
      expect(events.map(({ paymentKey }) => paymentKey)).toEqual(['acme:P2'])
      expect(deadLetters).toEqual([
        { reason: 'ambiguous', message: `${name} appears twice with different values`, element: 1 },
      ])
    },
  )

  const RETURN = '"returnId":"R1","returnStatus":"COMPLETED"'
  test.each(['paymentId', 'bankReferenceNumber', 'clearingSystemReference'])(
    'also applies to the %s of the payment that was returned',
    (name) => {
      const original = `"originalPaymentIdentifiers":{"${name}":"o1","${name}":"o2"}`
      const { events, deadLetters } = translate(`{"data":{"returns":[{${RETURN},${original}}]}}`)
      expect(events).toEqual([])
      const message = `originalPaymentIdentifiers.${name} appears twice with different values`
      expect(deadLetters).toEqual([{ reason: 'ambiguous', message, element: 0 }])
    },
  )

  test.each([
    ['"amount":"5.00","amount":"500.00","currency":"BRL"', null, ['value.amount']],
    ['"amount":"5.00","amount":null', null, ['value.amount']],
    ['"amount":"5.00","currency":"BRL","currency":"USD"', { value: '5.00', currency: null }, ['value.currency']],
    ['"amount":5,"amount":6,"currency":"BRL","currency":1', null, ['value.amount', 'value.currency']],
    ['"amount":"5.00","amount":"5.00 "', { value: '5.00', currency: 'USD' }, []],
  ])('an amount that appears twice is unreadable: %s', (value, amount, unreadable) => {
    const { events, deadLetters } = translate(`{"data":{"returns":[{${RETURN},"value":{${value}}}]}}`)
    expect(deadLetters).toEqual([])
    expect(events).toMatchObject([{ status: 'COMPLETED', amount, unreadable }])
  })

  test('also applies to a return', () => {
    const body = '{"data":{"returns":[{"returnId":"R1","returnStatus":"PROCESSING","returnStatus":"COMPLETED"}]}}'
    expect(translate(body).deadLetters[0]).toMatchObject({ reason: 'ambiguous', element: 0 })
  })

  test.each([
    ['what is never read', '"new":1,"new":2', 'new', 'COMPLETED'],
    ['a detail of a detail', '"gpi":{"status":"A","status":"B"}', 'gpi.status', 'COMPLETED'],
    ['the same value', '"paymentStatus":"COMPLETED"', 'paymentStatus', 'COMPLETED'],
    ['an equal object in another order', '"gpi":{"a":1,"b":[2]},"gpi":{"b":[2],"a":1}', 'gpi', 'COMPLETED'],
  ])('%s: the last value counts and the name is noted', (_what, fields, name, status) => {
    const { events, deadLetters, drift } = translate(`{"data":{"payments":[${TWO.slice(0, -1)},${fields}}]}}`)
    expect(deadLetters).toEqual([])
    expect(events).toMatchObject([{ status }])
    expect(drift).toContainEqual({ kind: 'duplicate-name', name })
  })

  test.each([
    ['eventcontext', '"eventcontext":"MESSAGE_STATUS_ROF_REQ_","eventcontext":null', `"payments":[${ONE}]`],
    ['eventContext', '"eventContext":null,"eventContext":"X"', `"payments":[${ONE}]`],
    ['EventContext', '"EventContext":"X","EventContext":null', `"payments":[${ONE}]`],
    ['data.eventcontext', '"id":"1"', `"eventcontext":"X","eventcontext":null,"payments":[${ONE}]`],
    ['type', '"type":"ReturnOfFunds.Requested","type":"Payment.Returned"', `"payments":[${ONE}]`],
    ['type', '"type":"Payment.Completed","type":["x"]', '"returns":[{"returnId":"R1","returnStatus":"COMPLETED"}]'],
    ['time', '"time":"2026-01-01","time":"2026-01-02"', '"returns":[{"returnId":"R1","returnStatus":"COMPLETED"}]'],
  ])('I2 %s twice in the envelope: %s makes the callback a dead letter', (name, fields, list) => {
    const { events, deadLetters, drift } = translate(`{${fields},"data":{${list}}}`)
    expect(events).toEqual([])
    expect(deadLetters).toEqual([
      { reason: 'ambiguous', message: `${name} appears twice with different values`, element: null },
    ])
    expect(drift).toContainEqual({ kind: 'duplicate-name', name })
  })

  test('the last value counts for other names of the envelope', () => {
    const { events, drift } = translate(`{"id":"a","id":"b","time":"a","time":"b","data":{"payments":[${TWO}]}}`)
    expect(events).toMatchObject([{ providerEventId: 'b' }])
    expect(drift).toContainEqual({ kind: 'duplicate-name', name: 'id' })
  })
})

describe('shapes', () => {
  test.each([
    '{}',
    '[]',
    '"text"',
    '{"data":{"payments":{}}}',
    '{"data":{"returns":null}}',
    '{"events":{}}',
    '{"payments":[]}',
    '{"data":{}}',
    '{"data":[]}',
    '{"data":null}',
    '{"data":"e30="}',
    '{"specversion":"1.0","type":"Payment.Completed","data_base64":"e30="}',
  ])('%s has a list name but no list, or does not say what it is about', (body) => {
    expect(translate(body).deadLetters).toEqual([
      {
        reason: 'unexpected-shape',
        message: 'the body has none of the arrays data.payments, data.returns and events',
        element: null,
      },
    ])
  })

  test.each([
    '{"data":{"accounts":[]}}',
    '{"data":[{"accountId":"A1"}]}',
    '{"callbacks":[]}',
    '{"callbacks":[{"firmRootId":"F1","endToEndId":"E1","paymentStatus":"COMPLETED"}]}',
  ])('%s belongs to another product', (body) => {
    expect(translate(body).deadLetters).toEqual([
      {
        reason: 'foreign-product',
        message: 'the body has no payments, returns or events: it belongs to another product',
        element: null,
      },
    ])
  })

  test.each([
    [{ payments: [payment()] }, 'paymentId at payments[0]'],
    [{ Data: { Payments: [payment()] } }, 'paymentId at Data.Payments[0]'],
    [{ data: [payment()] }, 'paymentId at data[0]'],
    [{ data: { payment: payment() } }, 'paymentId at data.payment'],
    [{ data: JSON.stringify({ payments: [payment()] }) }, 'paymentId in the text at data'],
    [
      [{ body: { returns: [{ returnId: 'R1', returnStatus: 'COMPLETED' }] } }],
      'returnId and returnStatus at [0].body.returns[0]',
    ],
    [payment(), 'paymentId at the root'],
  ])('I2 a payment in a wrapper is not taken for another product: %j', (body, place) => {
    expect(translate(body).deadLetters).toEqual([
      {
        reason: 'unexpected-shape',
        message: `the body has none of the arrays data.payments, data.returns and events, but ${place}`,
        element: null,
      },
    ])
  })

  test.each([
    '{"data":{"payments":[]}}',
    '{"data":{"returns":[]}}',
    '{"events":[]}',
    '{"data":{"payments":[],"returns":[]}}',
  ])('%s is set aside', (body) => {
    expect(translate(body)).toEqual({ events: [], deadLetters: [], setAside: 1, drift: [] })
  })

  const OTHER = { paymentId: 'P2', paymentStatus: 'REJECTED' }
  test.each([
    [{ data: { payments: [], payment: OTHER } }, 'paymentId and paymentStatus at data.payment'],
    [{ data: { payments: [], failedPayments: [OTHER] } }, 'paymentId and paymentStatus at data.failedPayments[0]'],
    [{ data: { payments: [] }, payments: [OTHER] }, 'paymentId and paymentStatus at payments[0]'],
    [{ data: { payments: [], ...OTHER } }, 'paymentId and paymentStatus at data'],
    [
      { data: { payments: [], Returns: [{ ReturnID: 'R1', ReturnStatus: 'COMPLETED' }] } },
      'returnId and returnStatus at data.Returns[0]',
    ],
    [
      { data: { payments: [] }, resource: JSON.stringify({ payments: [OTHER] }) },
      'paymentId and paymentStatus in the text at resource',
    ],
    [{ events: [], event: OTHER }, 'paymentId and paymentStatus at event'],
    [{ events: [], data: { payment: OTHER } }, 'paymentId and paymentStatus at data.payment'],
  ])('I2 a payment beside the list is a dead letter, whether the list is empty or not: %j', (body, place) => {
    const letter = { reason: 'unexpected-shape', message: `a payment is not read: ${place}`, element: null }
    expect(translate(body)).toMatchObject({ events: [], deadLetters: [letter], setAside: 0 })
    const filled =
      'events' in body ? { ...body, events: [payment()] } : { ...body, data: { ...body.data, payments: [payment()] } }
    expect(translate(filled)).toMatchObject({ events: [{ paymentKey: 'acme:P1' }], deadLetters: [letter], setAside: 0 })
  })

  test('what is inside an element, or has no status, is not another payment', () => {
    const inside = { ...payment(), related: OTHER, originalPaymentIdentifiers: { paymentId: 'P3' } }
    const envelope = { source: '/payment/v2/payments/P1?paymentStatus=COMPLETED', subject: { paymentId: 'P1' } }
    expect(translate({ ...envelope, data: { payments: [inside] } })).toMatchObject({
      events: [{ paymentKey: 'acme:P1' }],
      deadLetters: [],
    })
    expect(translate({ ...envelope, data: { payments: [] } })).toMatchObject({ deadLetters: [], setAside: 1 })
  })

  test('I2 one of several lists is read, and the others give one dead letter', () => {
    const payments = [payment()]
    const returns = [{ returnId: 'R1', returnStatus: 'COMPLETED' }]
    const events = [{ eventId: 'EV1', paymentId: 'P3', paymentStatus: 'PENDING' }]
    const read = (body: object) => {
      const translation = translate(body)
      return [translation.events.map(({ paymentKey }) => paymentKey), translation.deadLetters.map((one) => one.message)]
    }
    expect(read({ data: { payments, returns } })).toEqual([
      ['acme:P1'],
      ['the body has data.returns beside its data.payments'],
    ])
    expect(read({ data: { payments, returns }, events })).toEqual([
      ['acme:P1'],
      ['the body has data.returns and events beside its data.payments'],
    ])
    expect(read({ data: { payments: [], returns }, events })).toEqual([
      ['acme:R1'],
      ['the body has events beside its data.returns'],
    ])
    expect(read({ data: { payments: [], returns: [] }, events })).toEqual([['acme:P3'], []])
    expect(read({ data: { payments, returns: [] }, events: [] })).toEqual([['acme:P1'], []])
  })

  test.each([
    [{ data: { payments: [], returns: { returnId: 'R1' } } }, [], 'data.returns beside its data.payments'],
    [{ data: { payments: [payment()], returns: 'R1' } }, ['acme:P1'], 'data.returns beside its data.payments'],
    [{ data: { payments: {}, returns: [] } }, [], 'data.payments beside its data.returns'],
    [{ data: { payments: [payment()] }, events: { paymentId: 'P2' } }, ['acme:P1'], 'events beside its data.payments'],
    [{ data: [payment({ paymentId: 'P2' })], events: [payment()] }, ['acme:P1'], 'data beside its events'],
  ])('I2 a second list that is not an array gives a dead letter: %j', (body, keys, message) => {
    const { events, deadLetters, setAside } = translate(body)
    expect(events.map(({ paymentKey }) => paymentKey)).toEqual(keys)
    expect(deadLetters).toEqual([{ reason: 'unexpected-shape', message: `the body has ${message}`, element: null }])
    expect(setAside).toBe(0)
  })

  test('a second list that is null or blank is not given', () => {
    const body = { data: { payments: [payment()], returns: null }, events: ' ' }
    expect(translate(body)).toMatchObject({ events: [{ paymentKey: 'acme:P1' }], deadLetters: [], setAside: 0 })
  })

  test('an element without an id or a status is a dead letter and does not affect its siblings', () => {
    const { events, deadLetters } = translate(
      envelopeOf([
        payment({ paymentId: undefined, paymentIdentifiers: { endToEndId: 'E1' } }),
        payment(),
        payment({ paymentId: 'P\u0000' }),
        payment({ paymentStatus: null }),
      ]),
    )
    expect(events.map((event) => event.element)).toEqual([1])
    expect(deadLetters).toEqual([
      { reason: 'missing-payment-id', message: 'the element has no paymentId', element: 0 },
      { reason: 'invalid-field', message: 'paymentId contains a character that is not allowed', element: 2 },
      { reason: 'missing-status', message: 'the element has no paymentStatus', element: 3 },
    ])
  })
})

test('many fields of the envelope and many elements take no longer than either (I10)', () => {
  const fields = (prefix: string) =>
    Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`${prefix}${index}`, 1]))
  const body = { ...fields('a'), data: { ...fields('b'), payments: Array.from({ length: 20_000 }, () => ({})) } }
  // If every element looked through all fields, this would take minutes.
  expect(translate(body).deadLetters).toHaveLength(20_000)
})

test('J.P. Morgan v2 expects 204, at the registered path only', () => {
  expect(jpmGlobalPaymentsV2).toMatchObject({ successCode: 204, pathSuffixes: [] })
})
