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
const eventOf = (body: string | Buffer | object, overrides: Partial<Callback> = {}) => {
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
  const rows = goldenEvents(instamed, FIXTURES).map((event) =>
    instamedRowFor({
      action: event.sourceAction,
      isActionUnreadable: event.unreadable.includes('TransactionAction'),
      code: event.sourceStatus,
      primaryCode: event.sourceSubStatus,
      hasOtherOriginal: event.relatesTo !== null,
    }),
  )
  expect(INSTAMED_STATUS_MAP.filter((row) => !rows.includes(row))).toEqual([])
})

describe('action, code and original', () => {
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
    ['SimpleRefund', 'C', OTHER, 'REFUND', 'COMPLETED'],
    ['SimpleRefund', 'S', OTHER, 'REFUND', 'SETTLED'],
    ['SimpleRefund', 'D', OTHER, 'REFUND', 'DECLINED'],
    ['Simple Refund', 'SE', OTHER, 'REFUND', 'SETTLEMENT_FAILED'],
    ['AUTH_CAPT', 'C', null, 'PAYMENT', 'AUTHORIZED'],
    ['simple_refund', 'V', null, 'REFUND', 'VOIDED'],
    ['Adjust', 'C', OTHER, 'UNKNOWN', 'UNKNOWN'],
    ['Adjust', 'S', OTHER, 'UNKNOWN', 'UNKNOWN'],
    ['Void', 'V', OTHER, 'UNKNOWN', 'UNKNOWN'],
    [null, 'S', OTHER, 'UNKNOWN', 'UNKNOWN'],
    [null, 'D', OTHER, 'UNKNOWN', 'UNKNOWN'],
    ['Adjust', 'CB', OTHER, 'CHARGEBACK', 'COMPLETED'],
    [null, 'CB', OTHER, 'CHARGEBACK', 'COMPLETED'],
    ['Adjust', 'RI', OTHER, 'RETURN', 'COMPLETED'],
    [null, 'RI', OTHER, 'RETURN', 'COMPLETED'],
    ['Adjust', 'S', OWN, 'PAYMENT', 'SETTLED'],
    ['Sale', 'S', OTHER, 'PAYMENT', 'SETTLED'],
    ['Sale', 'C', OTHER, 'PAYMENT', 'AUTHORIZED'],
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

  test('the list above covers every row of the table', () => {
    expect(INSTAMED_STATUS_MAP).toHaveLength(30)
  })
})

describe('ids', () => {
  test('are compared case-insensitively', () => {
    const event = eventOf(message({ PaymentTransactionID: 'ABCDEF', OriginalTransactionID: 'abcdef' }))
    expect(event).toMatchObject({ paymentKey: 'acme:abcdef', relatesTo: null, kind: 'PAYMENT' })
    expect(eventOf(message({ PaymentTransactionID: 'abcdef', OriginalTransactionID: 'ABCDEF' })).eventId).toBe(
      event.eventId,
    )
  })

  test.each([' a1', 'A1\u00a0', '\ufeffa1\u200b', '\u2060\ta1\n'])(
    'invisible characters around them are ignored: %j',
    (id) => {
      for (const [body, overrides] of [
        [JSON.stringify(message({ PaymentTransactionID: id, OriginalTransactionID: id })), {}],
        [`transactionID=${encodeURIComponent(id)}&transactionStatus=C`, FORM],
        [`<r><transactionID>${id}</transactionID><transactionStatus> C </transactionStatus></r>`, {}],
      ] as const) {
        expect(eventOf(body, overrides)).toMatchObject({ paymentKey: 'acme:a1', relatesTo: null, sourceStatus: 'C' })
        expect(instamed.firstPaymentKey(callbackOf(body, overrides))).toBe('acme:a1')
      }
    },
  )

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
    [{ PaymentTransactionID: '0'.repeat(32) }, 'missing-payment-id', 'the message has no PaymentTransactionID'],
    [{ PaymentTransactionID: 7 }, 'invalid-field', 'PaymentTransactionID is not a text'],
    [{ CurrentTransactionStatusCode: ['C'] }, 'invalid-field', 'CurrentTransactionStatusCode is not a text'],
  ])('%j is a dead letter', (fields, reason, text) => {
    expect(translate(message(fields))).toEqual({
      events: [],
      deadLetters: [{ reason, message: text, element: 0 }],
      setAside: 0,
      drift: [],
    })
  })
})

describe('a detail never costs the status', () => {
  test.each([
    [{ TransactionType: {} }, 'TransactionType'],
    [{ CLMREF: 1 }, 'CLMREF'],
    [{ Amount: '$5.00' }, 'Amount'],
    [{ Amount: '1,000.00' }, 'Amount'],
    [{ RequestAmount: [] }, 'RequestAmount'],
    [{ primaryTransactionStatus: 'V'.repeat(65) }, 'primaryTransactionStatus'],
    [{ IsPartiallyApproved: {} }, 'IsPartiallyApproved'],
    [{ IsPartiallyApproved: {}, ResponseCode: '010' }, 'IsPartiallyApproved'],
    [{ IsPartiallyApproved: 'true', PartialApprovalAmount: 'three' }, 'PartialApprovalAmount'],
  ])('%j is left out and named', (fields, name) => {
    expect(eventOf(message(fields))).toMatchObject({ status: 'AUTHORIZED', unreadable: [name] })
  })

  describe('an unreadable action could be a refund, so', () => {
    const unreadable = { sourceAction: null, unreadable: ['TransactionAction'] }
    const ACTIONS = [7, ['Refund'], { Name: 'Refund' }, 'a\u0000', 'a'.repeat(65)]

    test.each(ACTIONS)('its money is not counted as incoming: %j', (TransactionAction) => {
      for (const OriginalTransactionID of ['a1', null, 'b2']) {
        for (const CurrentTransactionStatusCode of ['S', 'C', 'A', 'Z']) {
          const fields = { TransactionAction, OriginalTransactionID, CurrentTransactionStatusCode }
          expect(eventOf(message(fields))).toMatchObject({ kind: 'UNKNOWN', status: 'UNKNOWN', ...unreadable })
        }
      }
    })

    test.each([
      ['transactionID=AA01&transactionStatus=S&TransactionAction=Refund%ZZ&Amount=20.00', FORM],
      ['transactionID=AA01&transactionStatus=S&TransactionAction=Refund%F1&Amount=20.00', FORM],
      [
        '<m><transactionID>AA01</transactionID><transactionStatus>S</transactionStatus><TransactionAction><Name>SimpleRefund</Name></TransactionAction></m>',
        {},
      ],
    ])('it is UNKNOWN in every format: %s', (body, overrides) => {
      expect(eventOf(body, overrides)).toMatchObject({ kind: 'UNKNOWN', status: 'UNKNOWN', ...unreadable })
    })

    test.each([
      ['D', 'DECLINED'],
      ['V', 'VOIDED'],
      ['SE', 'SETTLEMENT_FAILED'],
      ['RI', 'RETURNED'],
      ['CB', 'RETURNED'],
    ])('a code that takes money back has its effect: %s is %s', (code, status) => {
      const fields = { TransactionAction: ['Refund'], CurrentTransactionStatusCode: code }
      expect(eventOf(message(fields))).toMatchObject({ status, ...unreadable })
    })
  })

  test.each([7, ['a1'], 'o'.repeat(129), 'o\u0007'])(
    'an unreadable original counts as another transaction: %j',
    (original) => {
      const read = (action: string | null, code: string) =>
        eventOf(
          message({ TransactionAction: action, CurrentTransactionStatusCode: code, OriginalTransactionID: original }),
        )
      const unreadable = ['OriginalTransactionID']
      expect(read('Adjust', 'S')).toMatchObject({ kind: 'UNKNOWN', status: 'UNKNOWN', relatesTo: null, unreadable })
      expect(read('Sale', 'RI')).toMatchObject({ kind: 'RETURN', status: 'COMPLETED', relatesTo: null, unreadable })
      expect(read('Refund', 'S')).toMatchObject({ kind: 'REFUND', status: 'SETTLED', relatesTo: null, unreadable })
    },
  )

  test('a placeholder is not an original', () => {
    for (const OriginalTransactionID of ['0', 'N/A', '{00000000-0000-0000-0000-000000000000}']) {
      expect(eventOf(message({ OriginalTransactionID, CurrentTransactionStatusCode: 'RI' }))).toMatchObject({
        kind: 'PAYMENT',
        status: 'RETURNED',
        relatesTo: null,
        unreadable: [],
      })
    }
  })
})

describe('partial approval', () => {
  const PART = { Amount: '50.00', RequestAmount: '50.00', PartialApprovalAmount: '30.00' }
  const whole = { value: '50.00', currency: 'USD' }

  test.each([
    { IsPartiallyApproved: 'true' },
    { IsPartiallyApproved: 'TRUE' },
    { IsPartiallyApproved: '1' },
    { IsPartiallyApproved: 'Y' },
    { IsPartiallyApproved: ' yes ' },
    { IsPartiallyApproved: true },
    { IsPartiallyApproved: 1 },
    { ResponseCode: '010' },
    { ResponseCode: ' 010 ', IsPartiallyApproved: 'false' },
  ])('%j: the approved amount is the amount', (fields) => {
    expect(eventOf(message({ ...PART, ...fields }))).toMatchObject({
      status: 'AUTHORIZED',
      partialApproval: true,
      amount: { value: '30.00', currency: 'USD' },
      requestAmount: whole,
      unreadable: [],
    })
  })

  test.each([
    {},
    { IsPartiallyApproved: 'false' },
    { IsPartiallyApproved: 'N' },
    { IsPartiallyApproved: 'yesterday' },
    { IsPartiallyApproved: false },
    { IsPartiallyApproved: 0 },
    { ResponseCode: '000' },
    { ResponseCode: '0100' },
  ])('%j is not a partial approval', (fields) => {
    expect(eventOf(message({ ...PART, ...fields }))).toMatchObject({ partialApproval: false, amount: whole })
  })

  test.each([null, '', ' ', undefined])('without an approved amount (%j), the amount is unchanged', (part) => {
    const event = eventOf(message({ ...PART, IsPartiallyApproved: 'true', PartialApprovalAmount: part }))
    expect(event).toMatchObject({ partialApproval: true, amount: whole, unreadable: [] })
  })

  test.each(['three', '30,00', '$30.00', {}, ['30.00'], true, '3'.repeat(65)])(
    'with an approved amount that cannot be read (%j), there is no amount',
    (PartialApprovalAmount) => {
      for (const said of [{ IsPartiallyApproved: 'true' }, { ResponseCode: '010' }]) {
        expect(eventOf(message({ ...PART, ...said, PartialApprovalAmount }))).toMatchObject({
          partialApproval: true,
          amount: null,
          requestAmount: whole,
          unreadable: ['PartialApprovalAmount'],
        })
      }
      expect(eventOf(message({ ...PART, PartialApprovalAmount })).amount).toEqual(whole)
    },
  )

  test('an approved amount with a broken percent-encoding is no amount', () => {
    const body =
      'transactionID=a1&transactionStatus=S&Amount=50.00&IsPartiallyApproved=true&PartialApprovalAmount=30%ZZ'
    expect(eventOf(body, FORM)).toMatchObject({ amount: null, unreadable: ['PartialApprovalAmount'] })
  })

  test('a number keeps its digits', () => {
    const body = JSON.stringify(message({ ...PART, ResponseCode: '010' })).replace('"30.00"', '30.10')
    expect(eventOf(body).amount?.value).toBe('30.10')
  })
})

test('an action with a different blank or dash is the same action', () => {
  for (const TransactionAction of ['Simple\u00a0Refund', 'Simple\u2011Refund']) {
    const event = eventOf(message({ TransactionAction, OriginalTransactionID: 'b2' }))
    expect(event).toMatchObject({ kind: 'REFUND', status: 'COMPLETED' })
  }
})

describe('the same field twice', () => {
  const XML = { contentType: 'application/xml' }
  test.each([
    ['{"PaymentTransactionID":"a1","Amount":"1.00","Amount":"2.00"}', {}, 'Amount'],
    [
      '{"PaymentTransactionID":"a1","PaymentTransactionID":"b2","CurrentTransactionStatusCode":"C"}',
      {},
      'PaymentTransactionID',
    ],
    ['transactionID=a1&transactionID=b2&transactionStatus=C', FORM, 'PaymentTransactionID', 'transactionID'],
    [
      'transactionID=a1&PaymentTransactionID=b2&transactionStatus=C',
      FORM,
      'PaymentTransactionID',
      'transactionID and PaymentTransactionID',
    ],
    [
      'transactionID=a1&transactionStatus=C&TRANSACTIONSTATUS=V',
      FORM,
      'CurrentTransactionStatusCode',
      'transactionStatus and TRANSACTIONSTATUS',
    ],
    [
      '<r><transactionID>a1</transactionID><transactionStatus>C</transactionStatus><transactionStatus>V</transactionStatus></r>',
      XML,
      'CurrentTransactionStatusCode',
      'transactionStatus',
    ],
    ['<r><transactionID>a1</transactionID><Amount>1</Amount><Amount><x>1</x></Amount></r>', XML, 'Amount'],
    [
      '{"PaymentTransactionID":"a1","CurrentTransactionStatusCode":"C","currentTransactionStatusCode":"V"}',
      {},
      'CurrentTransactionStatusCode',
      'CurrentTransactionStatusCode and currentTransactionStatusCode',
    ],
    [
      'transactionID=a1&transactionStatus=C&TransactionStatus=V',
      FORM,
      'CurrentTransactionStatusCode',
      'transactionStatus and TransactionStatus',
    ],
    ['{"PaymentTransactionID":"a1","amount":1,"amount":2,"new":1}', {}, 'Amount', 'amount'],
    [
      '{"PaymentTransactionID":"a1","PaymentPlanTransactionType":"X","PaymentPlanTransactionType":null}',
      {},
      'PaymentPlanTransactionType',
    ],
  ])('%s is a dead letter with the name of the field, also as sent', (body, overrides, name, sent = '') => {
    const { events, deadLetters, drift } = translate(body, overrides)
    const shown = sent === '' ? name : `${name} (sent as ${sent})`
    expect(events).toEqual([])
    expect(deadLetters).toEqual([
      { reason: 'ambiguous', message: `${shown} appears twice with different values`, element: 0 },
    ])
    expect(drift).toContainEqual({ kind: 'duplicate-name', name })
  })

  test.each([
    [
      '{"PaymentTransactionID":"a1","CurrentTransactionStatusCode":"S","CurrentTransactionStatusCode":"S"}',
      {},
      'CurrentTransactionStatusCode',
    ],
    ['transactionID=a1&transactionStatus=S&transactionStatus=+S', FORM, 'CurrentTransactionStatusCode'],
    ['transactionID=a1&transactionStatus=S&PatientID=1&PatientID=2', FORM, 'PatientID'],
    ['{"transactionID":"a1","transactionStatus":"S","Amount":"1","amount":" 1"}', {}, 'Amount'],
    [
      '<r><transactionID>a1</transactionID><transactionStatus>S</transactionStatus><new>1</new><new>2</new></r>',
      XML,
      'new',
    ],
  ])('%s has no effect, but is noted', (body, overrides, name) => {
    const { events, deadLetters, drift } = translate(body, overrides)
    expect(deadLetters).toEqual([])
    expect(events).toMatchObject([{ status: 'SETTLED' }])
    expect(drift).toContainEqual({ kind: 'duplicate-name', name })
  })

  test.each([
    ['a value that is not given', '"transactionID":null,"TransactionStatus":"","amount":null', {}],
    ['such a value that comes first', '', { first: '"transactionID":" ","amount":null,' }],
    [
      'a name of the pairs beside the own name of the webhook',
      '"transactionStatus":"Approved","TransactionDate":"12/14/2017"',
      {},
    ],
  ])('%s contradicts nothing', (_what, last, { first = '' }: { first?: string }) => {
    const own =
      '"PaymentTransactionID":"a1","CurrentTransactionStatusCode":"S","Amount":50.10,"ResponseDateTime":"12/14/2017 11:58:06 PM"'
    const { events, deadLetters } = translate(`{${first}${own}${last && `,${last}`}}`)
    expect(deadLetters).toEqual([])
    expect(events).toMatchObject([{ status: 'SETTLED', amount: { value: '50.10' }, timeUnreadable: false }])
  })

  test('a transaction in any of several elements of one name is a dead letter beside the event', () => {
    const inside =
      '<Rel><PaymentTransactionID>zz</PaymentTransactionID><CurrentTransactionStatusCode>V</CurrentTransactionStatusCode></Rel>'
    for (const others of [`${inside}<Rel>none</Rel>`, `<Rel>none</Rel>${inside}`, `<Rel/>${inside}<Rel/>`]) {
      const { events, deadLetters } = translate(
        `<R><transactionID>a1</transactionID><transactionStatus>S</transactionStatus>${others}</R>`,
        XML,
      )
      expect(events).toMatchObject([{ status: 'SETTLED' }])
      expect(deadLetters).toMatchObject([{ reason: 'unexpected-shape', element: null }])
    }
    const many = '<Rel><x>1</x></Rel>'.repeat(12_000)
    const body = `<R><transactionID>a1</transactionID><transactionStatus>S</transactionStatus>${many}</R>`
    expect(translate(body, XML)).toMatchObject({ events: [{ status: 'SETTLED' }], deadLetters: [] })
  })
})

describe('a name in another case, or of the name-value pairs, in JSON', () => {
  const PAIR = { PaymentTransactionID: 'r1', CurrentTransactionStatusCode: 'S', Amount: '20.00' }
  const XML = { contentType: 'application/xml' }
  test.each([
    [
      { ...PAIR, OriginalTransactionId: 'a1', transactionAction: 'SimpleRefund' },
      { kind: 'REFUND', relatesTo: 'acme:a1' },
    ],
    [
      { ...PAIR, primaryTransactionID: 'a1' },
      { kind: 'UNKNOWN', relatesTo: 'acme:a1' },
    ],
    [
      { ...PAIR, isPartiallyApproved: 'true', partialApprovalAmount: '3.00' },
      { amount: { value: '3.00', currency: 'USD' }, partialApproval: true },
    ],
    [
      { transactionID: 'R1', transactionStatus: 'C', PRIMARYTRANSACTIONSTATUS: 'V' },
      { paymentKey: 'acme:r1', status: 'VOIDED' },
    ],
  ])('%j is read as in a form and in XML', (body, expected) => {
    const event = eventOf(body)
    expect(event).toMatchObject(expected)
    expect(eventOf(new URLSearchParams(body).toString(), FORM)).toEqual(event)
    const xml = Object.entries(body).map(([name, value]) => `<${name}>${value}</${name}>`)
    expect(eventOf(`<m>${xml.join('')}</m>`, XML)).toEqual(event)
  })

  test('a number keeps its digits, and the fields of a message have no other effect', () => {
    const body = '{"PaymentTransactionID":"a1","CurrentTransactionStatusCode":"S","amount":100.10,"__proto__":{"x":1}}'
    expect(eventOf(body)).toMatchObject({ amount: { value: '100.10' }, unreadable: [] })
  })

  test('the gateway finds the id under the name of the name-value pairs', () => {
    expect(instamed.firstPaymentKey(callbackOf({ transactionID: 'A1', transactionStatus: 'S' }))).toBe('acme:a1')
    expect(instamed.firstPaymentKey(callbackOf({ transactionID: 'A1', PaymentTransactionID: 'B2' }))).toBe('acme:b2')
  })
})

describe('a body that is not UTF-8', () => {
  const latin1 = (text: string) => Buffer.from(text, 'latin1')
  const CHARSET = { contentType: 'application/x-www-form-urlencoded; charset=iso-8859-1' }

  test.each([
    ['an escape that nobody reads', 'transactionID=A1&transactionStatus=S&PatientLastName=Nu%F1ez'],
    ['a byte that nobody reads', latin1('transactionID=A1&transactionStatus=S&PatientLastName=Nu\xf1ez')],
    ['a name', latin1('transactionID=A1&transactionStatus=S&A\xf1o=1&%F1=2')],
    ['a malformed escape that nobody reads', 'transactionID=A1&transactionStatus=S&PatientLastName=100%&x=%zz'],
  ])('changes nothing where the text is valid or not read: %s', (_what, body) => {
    expect(eventOf(body, FORM)).toMatchObject({ paymentKey: 'acme:a1', status: 'SETTLED', unreadable: [] })
    expect(instamed.firstPaymentKey(callbackOf(body, FORM))).toBe('acme:a1')
  })

  test.each([
    ['transactionID=A1&transactionStatus=S&CLMREF=C%F1', FORM],
    ['transactionID=A1&transactionStatus=S&CLMREF=C%', FORM],
    [latin1('transactionID=A1&transactionStatus=S&CLMREF=C\xf1&PatientLastName=%C3%B1'), FORM],
    [
      latin1('<r><transactionID>A1</transactionID><transactionStatus>S</transactionStatus><CLMREF>\xf1</CLMREF></r>'),
      {},
    ],
    [latin1('{"PaymentTransactionID":"A1","CurrentTransactionStatusCode":"S","CLMREF":"\xf1"}'), {}],
  ])('loses only a detail that would be a guess: %s', (body, overrides) => {
    expect(eventOf(body, overrides)).toMatchObject({ status: 'SETTLED', references: [], unreadable: ['CLMREF'] })
  })

  describe.each([
    ['JSON', '{"PaymentTransactionID":"A1","CurrentTransactionStatusCode":"S","CLMREF":"C","PatientLastName":"Nu@ez"}'],
    ['form', 'transactionID=A1&transactionStatus=S&CLMREF=C&PatientLastName=Nu@ez'],
    [
      'XML',
      '<r><transactionID>A1</transactionID><transactionStatus>S</transactionStatus><CLMREF>C</CLMREF><PatientLastName>Nu@ez</PatientLastName></r>',
    ],
  ])('I2 costs nothing in a field of %s that is not read', (format, text) => {
    const read = { paymentKey: 'acme:a1', status: 'SETTLED', references: [{ value: 'C' }], unreadable: [] }
    const overrides = format === 'form' ? FORM : {}

    test.each(['\xf1', '\xc3'])('after a byte order mark: %j', (byte) => {
      const body = latin1(`\xef\xbb\xbf${text.replace('@', byte)}`)
      expect(eventOf(body, overrides)).toMatchObject(read)
      expect(instamed.firstPaymentKey(callbackOf(body, overrides))).toBe('acme:a1')
    })

    test.each(format === 'form' ? [] : ['\ufeff', ''])('a lone surrogate in UTF-16 after %j', (start) => {
      const little = Buffer.from(start + text.replace('@', '\ud83d'), 'utf16le')
      expect(eventOf(little)).toMatchObject(read)
      expect(eventOf(little.swap16())).toMatchObject(read)
    })
  })

  test.each([
    ['text/xml; charset=utf-16', '<?xml version="1.0" encoding="utf-16"?>'],
    ['', '<?xml version="1.0" encoding="utf-16"?>'],
    ['', ''],
  ])('I2 XML in UTF-16 without a byte order mark is read (%j, %j)', (contentType, start) => {
    const text = `${start}<r><transactionID>Añ</transactionID><transactionStatus>S</transactionStatus></r>`
    const little = Buffer.from(text, 'utf16le')
    for (const body of [little, Buffer.from(little).swap16()]) {
      expect(eventOf(body, { contentType })).toMatchObject({ paymentKey: 'acme:añ', status: 'SETTLED' })
      expect(instamed.firstPaymentKey(callbackOf(body, { contentType }))).toBe('acme:añ')
    }
  })

  test.each([
    ['transactionID=A%F1&transactionStatus=S', FORM, 'PaymentTransactionID (sent as transactionID)'],
    ['transactionID=A1&transactionStatus=S%F1', FORM, 'CurrentTransactionStatusCode (sent as transactionStatus)'],
    ['PaymentTransactionID=A%F1&transactionStatus=S', FORM, 'PaymentTransactionID'],
    [
      'transactionID=A%F1&transactionStatus=S',
      { contentType: 'application/x-www-form-urlencoded; charset=us-ascii' },
      'PaymentTransactionID (sent as transactionID)',
    ],
    [
      latin1('<r><transactionID>A\xf1</transactionID><transactionStatus>S</transactionStatus></r>'),
      {},
      'PaymentTransactionID (sent as transactionID)',
    ],
    [latin1('{"PaymentTransactionID":"A\xf1","CurrentTransactionStatusCode":"S"}'), {}, 'PaymentTransactionID'],
  ])('makes the message a dead letter if a deciding field is affected: %s', (body, overrides, name) => {
    expect(translate(body, overrides).deadLetters).toEqual([
      {
        reason: 'invalid-utf8',
        message: `${name} has characters outside ASCII in an unknown character set: the text is not UTF-8, and neither ISO-8859-1 nor windows-1252 is declared`,
        element: 0,
      },
    ])
  })

  test.each([
    ['transactionID=A%F1&transactionStatus=S&CLMREF=%F1', CHARSET],
    [latin1('transactionID=A\xf1&transactionStatus=S&CLMREF=\xf1'), CHARSET],
    // One value in UTF-8, the other not: each is decoded separately.
    ['transactionID=A%F1&transactionStatus=S&CLMREF=%C3%B1', CHARSET],
    [
      latin1(
        '<?xml version="1.0" encoding="ISO-8859-1"?><r><transactionID>A\xf1</transactionID><transactionStatus>S</transactionStatus><CLMREF>\xf1</CLMREF></r>',
      ),
      {},
    ],
    [
      latin1(
        '<r><transactionID>A\xf1</transactionID><transactionStatus>S</transactionStatus><CLMREF>\xf1</CLMREF></r>',
      ),
      { contentType: 'text/xml; charset=windows-1252' },
    ],
    [
      Buffer.from(
        '\ufeff<r><transactionID>Añ</transactionID><transactionStatus>S</transactionStatus><CLMREF>ñ</CLMREF></r>',
        'utf16le',
      ),
      {},
    ],
    [Buffer.from('\ufefftransactionID=Añ&transactionStatus=S&CLMREF=ñ', 'utf16le').swap16(), FORM],
  ])('is read in the declared character set: %s', (body, overrides) => {
    expect(eventOf(body, overrides)).toMatchObject({
      paymentKey: 'acme:añ',
      references: [{ type: 'CLMREF', value: 'ñ' }],
      unreadable: [],
    })
    expect(instamed.firstPaymentKey(callbackOf(body, overrides))).toBe('acme:añ')
  })

  test.each([
    ['transactionID=A1&transactionStatus=%zz', 'CurrentTransactionStatusCode (sent as transactionStatus)'],
    ['transactionID=%&transactionStatus=S', 'PaymentTransactionID (sent as transactionID)'],
  ])('a broken percent-encoding is named as such: %s', (body, name) => {
    expect(translate(body, FORM).deadLetters).toEqual([
      { reason: 'invalid-field', message: `${name} has a broken percent-encoding`, element: 0 },
    ])
  })

  test('a time that is only a guess is unreadable', () => {
    const event = eventOf('transactionID=A1&transactionStatus=S&transactionDate=12/14/2017+11:58:06%A0PM', FORM)
    expect(event).toMatchObject({ occurredAt: null, timeUnreadable: true, unreadable: [] })
  })
})

describe('another product', () => {
  test.each([
    ['{"eventType":"x","validationResponses":[]}', {}],
    ['a=1&b=2', FORM],
    ['<Document><GrpHdr>1</GrpHdr></Document>', {}],
  ])('%s has no field of InstaMed', (body, overrides) => {
    expect(translate(body, overrides).deadLetters).toEqual([
      {
        reason: 'foreign-product',
        message: "the body has none of InstaMed's fields: it belongs to another product",
        element: null,
      },
    ])
  })

  const ID = '<PaymentTransactionID>a1</PaymentTransactionID>'
  test.each([
    [`<Notification><Payment>${ID}<Amount>1</Amount></Payment></Notification>`, 'Payment[0]'],
    [
      `<s:Envelope xmlns:s="x"><s:Body><n:Notification>${ID}</n:Notification></s:Body></s:Envelope>`,
      'Body[0].Notification[0]',
    ],
    ['{"Payment":{"paymentTransactionId":"a1"}}', 'Payment'],
    ['{"Payments":[{"Amount":"1"},{"PaymentTransactionID":"a1"}]}', 'Payments[1]'],
  ])('I2 a payment in a wrapper is not taken for another product: %s', (body, place) => {
    expect(translate(body).deadLetters).toEqual([
      {
        reason: 'unexpected-shape',
        message: `the body has none of InstaMed's fields where they belong, but PaymentTransactionID at ${place}`,
        element: null,
      },
    ])
  })

  test.each([
    [`<Notification><Payment>${ID.replaceAll('<', '&lt;')}</Payment></Notification>`, {}],
    [`<Notification><Payment><![CDATA[${ID}]]></Payment></Notification>`, {}],
    ['Payment=%7B%22PaymentTransactionID%22%3A%22a1%22%7D', FORM],
    [JSON.stringify({ Payment: '{"PaymentTransactionID":"a1"}' }), {}],
  ])('I2 nor is one in a text: %s', (body, overrides) => {
    expect(translate(body, overrides).deadLetters).toMatchObject([
      { reason: 'unexpected-shape', message: expect.stringContaining('PaymentTransactionID in the text at Payment') },
    ])
  })

  const VOID =
    '<PaymentTransactionID>a2</PaymentTransactionID><CurrentTransactionStatusCode>V</CurrentTransactionStatusCode>'
  const SETTLED = '<transactionID>a1</transactionID><transactionStatus>S</transactionStatus>'
  const OTHER = { PaymentTransactionID: 'a2', CurrentTransactionStatusCode: 'V' }
  const PLACE = 'PaymentTransactionID and CurrentTransactionStatusCode'
  test.each([
    [{ ...message(), Transactions: [OTHER] }, {}, `${PLACE} at Transactions[0]`],
    [{ ...message(), Amount: OTHER }, {}, `${PLACE} at Amount`],
    [
      { ...message(), more: { transactionId: 'a2', TransactionStatus: 'V' } },
      {},
      'transactionID and transactionStatus at more',
    ],
    [{ ...message(), Transactions: JSON.stringify([OTHER]) }, {}, `${PLACE} in the text at Transactions`],
    [`<m>${SETTLED}<Transaction>${VOID}</Transaction></m>`, {}, `${PLACE} at Transaction[0]`],
    [
      `<m>${SETTLED}<Transactions><a/><Transaction><x/><x/>${VOID}</Transaction></Transactions></m>`,
      {},
      `${PLACE} at Transactions[0].Transaction[0]`,
    ],
    [
      `transactionID=a1&transactionStatus=S&more=${encodeURIComponent(JSON.stringify(OTHER))}`,
      FORM,
      `${PLACE} in the text at more`,
    ],
  ])('I2 a second transaction inside a message is a dead letter beside the event: %j', (body, overrides, place) => {
    const { events, deadLetters, setAside } = translate(body, overrides)
    expect([events.length, setAside]).toEqual([1, 0])
    expect(deadLetters).toEqual([
      { reason: 'unexpected-shape', message: `a payment is not read: ${place}`, element: null },
    ])
  })

  test('I2 so is one inside a payment plan', () => {
    expect(translate({ PaymentPlanTransactionType: 'Created', Transactions: [OTHER] })).toMatchObject({
      deadLetters: [{ reason: 'unexpected-shape', element: null }],
      setAside: 0,
    })
  })

  test('a message with unreadable fields is one dead letter', () => {
    expect(translate({ PaymentTransactionID: {}, CurrentTransactionStatusCode: {} }).deadLetters).toHaveLength(1)
  })

  test('the free text of a message is no transaction, nor is an object without a status', () => {
    const body = { ...message(), AdditionalInfo1: JSON.stringify(OTHER), Original: { PaymentTransactionID: 'a2' } }
    expect(translate(body)).toMatchObject({ events: [{}], deadLetters: [] })
  })

  test.each([
    ['{"Fields":[{"Name":"PaymentTransactionID","Value":"a1"}]}', {}, 'PaymentTransactionID'],
    ['{"Fields":[{"Name":"transactionID"},{"Name":"transactionStatus"}]}', {}, 'transactionID and transactionStatus'],
    ['<m><Field><Name>paymentTransactionId</Name><Value>a1</Value></Field></m>', {}, 'PaymentTransactionID'],
    ['<m><Field Name="CurrentTransactionStatusCode" Value="S"/></m>', {}, 'CurrentTransactionStatusCode'],
  ])('I2 nor is one whose names are values: %s', (body, overrides, names) => {
    expect(translate(body, overrides).deadLetters).toEqual([
      {
        reason: 'unexpected-shape',
        message: `the body has none of InstaMed's fields where they belong, but ${names} in the text at the root`,
        element: null,
      },
    ])
  })

  test.each(['{"StatementID":"1"}', '{"transactionStatus":"S"}'])(
    '%s could be from InstaMed, without an id',
    (body) => {
      expect(translate(body).deadLetters).toMatchObject([{ reason: 'missing-payment-id', element: 0 }])
    },
  )
})

describe('amounts', () => {
  test('are published as sent, in the configured currency', () => {
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

test('reason and response codes are published unless they are zeros', () => {
  const reasons = (fields: object) => eventOf(message(fields)).reasons
  expect(reasons({ ReasonCode: 'R01', ResponseCode: '000' })).toEqual([
    { scheme: 'INSTAMED', code: 'R01', rule: null, location: null, field: 'ReasonCode' },
  ])
  expect(reasons({ ReasonCode: '00', ResponseCode: '051' })).toEqual([
    { scheme: 'INSTAMED', code: '051', rule: null, location: null, field: 'ResponseCode' },
  ])
  expect(reasons({ ReasonCode: null, ResponseCode: '' })).toEqual([])
})

test('no patient, card or account data and no free text gets into an event', () => {
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

test.each([null, '', ' ', 'N/A', 'null', ' None ', 'NOT PROVIDED', '0'])(
  'an empty PaymentPlanTransactionType or a placeholder (%j) does not make it a payment-plan message',
  (type) => {
    const event = eventOf(message({ PaymentPlanTransactionType: type }))
    expect(event).toMatchObject({ status: 'AUTHORIZED', unreadable: [] })
    expect(event.eventId).toBe(eventOf(message()).eventId)
  },
)

test.each([false, true, 0, {}, [], ['Created']])(
  'I2 a PaymentPlanTransactionType that is not a text (%j) does not set a payment aside',
  (type) => {
    const unreadable = ['PaymentPlanTransactionType']
    expect(eventOf(message({ PaymentPlanTransactionType: type }))).toMatchObject({ status: 'AUTHORIZED', unreadable })
    expect(translate({ PaymentPlanTransactionType: type }).deadLetters).toMatchObject([
      { reason: 'missing-payment-id' },
    ])
  },
)

describe('name-value pairs', () => {
  test.each(['toString', 'constructor', '__proto__'])('I2 an element %s of XML is not read', (name) => {
    const fields = '<transactionID>a1</transactionID><transactionStatus>S</transactionStatus>'
    expect(eventOf(`<m>${fields}<${name}>x</${name}></m>`)).toMatchObject({ status: 'SETTLED', unreadable: [] })
  })

  test('the answer to a void makes the same payment VOIDED, whatever the case of the ids', () => {
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

  test.each(['Refund', 'SimpleRefund', 'credit'])('the answer to a void of a refund stays a refund: %s', (action) => {
    const body = `transactionID=ABCD&primaryTransactionID=abcd&transactionStatus=C&primaryTransactionStatus=V&TransactionAction=${action}`
    expect(eventOf(body, FORM)).toMatchObject({ kind: 'REFUND', status: 'VOIDED', relatesTo: null })
    expect(eventOf(body.replace('&primaryTransactionID=abcd', ''), FORM).kind).toBe('REFUND')
    expect(eventOf(body.replace(action, 'Sale'), FORM)).toMatchObject({ kind: 'PAYMENT', status: 'VOIDED' })
  })

  test('the status of another original does not affect this payment', () => {
    const body = 'transactionID=abcd&primaryTransactionID=ef01&transactionStatus=D&primaryTransactionStatus=V'
    expect(eventOf(`${body}&TransactionAction=Sale`, FORM)).toMatchObject({
      status: 'DECLINED',
      relatesTo: 'acme:ef01',
    })
    expect(eventOf(body, FORM)).toMatchObject({ status: 'UNKNOWN', kind: 'UNKNOWN', relatesTo: 'acme:ef01' })
  })

  test('blanks around a name are ignored', () => {
    const body = 'PaymentTransactionID = a1 & TransactionAction+= Sale&%0ACurrentTransactionStatusCode = C'
    expect(eventOf(body, FORM)).toMatchObject({ paymentKey: 'acme:a1', status: 'AUTHORIZED' })
    expect(eventOf({ 'PaymentTransactionID ': 'a1', '\u00a0CurrentTransactionStatusCode': 'S' })).toMatchObject({
      status: 'SETTLED',
    })
  })

  test('the webhook’s own names are read as well, and plus is a blank', () => {
    const body =
      'PaymentTransactionID=a1&TransactionAction=Sale&CurrentTransactionStatusCode=C&ResponseDateTime=12/14/2017+11:58:06+PM'
    expect(eventOf(body, FORM)).toMatchObject({ status: 'AUTHORIZED', occurredAt: Date.UTC(2017, 11, 14, 23, 58, 6) })
  })

  test.each(['transactionID', '=x', '=x&a&=', '&', '&&'])('%j is not a form', (body) => {
    expect(translate(body, FORM).deadLetters[0]).toMatchObject({ reason: 'invalid-form', element: null })
  })

  test.each([
    ['a value without a name', '=y&', ''],
    ['a name without a value', 'x&', '&Amount'],
    ['nothing between two separators', '&&', '&&'],
    ['the rest of a value with a bare ampersand', 'PatientLastName=Known & Unknown&', ''],
    ['a part with a malformed escape', '%zz&', '&%'],
  ])('I2 I9 %s has no effect and is not published', (_, before, after) => {
    const body = `${before}transactionID=a1&transactionStatus=C&TransactionAction=Sale&transactionDate=12/14/2017+11:58:06+PM${after}`
    const { events, deadLetters, drift } = translate(body, FORM)
    expect(events).toMatchObject([{ status: 'AUTHORIZED', paymentKey: 'acme:a1', unreadable: [] }])
    expect([deadLetters, drift]).toEqual([[], []])
  })

  test('an id with a malformed escape is a dead letter that names it', () => {
    expect(translate('transactionID=%ZZ&transactionStatus=C', FORM).deadLetters).toEqual([
      {
        reason: 'invalid-field',
        message: 'PaymentTransactionID (sent as transactionID) has a broken percent-encoding',
        element: 0,
      },
    ])
  })

  test('names of prototype members have no special meaning', () => {
    const body = '__proto__=x&constructor=y'
    expect(translate(body, FORM).deadLetters[0]?.reason).toBe('foreign-product')
    expect(translate(`${body}&CLMREF=C`, FORM).deadLetters[0]?.reason).toBe('missing-payment-id')
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
    ['<m><PaymentTransactionID>\u00a0a1\u200b</PaymentTransactionID></m>', 'acme:a1'],
    ['<m><PaymentTransactionID>0000</PaymentTransactionID></m>', null],
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
  test.each(['\ufeff<m>', ' \n<m>'])('XML that starts with %j', (start) => {
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
    ['application/json', '{}', 'unexpected-shape'],
    ['application/json', ' { }', 'unexpected-shape'],
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
