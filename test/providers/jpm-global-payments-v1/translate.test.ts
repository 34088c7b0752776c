import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { V1_STATUS_MAP } from '../../../src/providers/jpm-global-payments-v1/status-map.ts'
import { jpmGlobalPaymentsV1 } from '../../../src/providers/jpm-global-payments-v1/translate.ts'
import { callbackOf } from '../callback-of.ts'
import { goldenEvents, testGoldenCallbacks } from '../golden.ts'

const translate = (body: string | Buffer | object) => jpmGlobalPaymentsV1.translate(callbackOf(body))
const payment = (fields: object = {}) => ({ firmRootId: 'F1', paymentStatus: 'COMPLETED', ...fields })
const eventOf = (fields: object = {}) => {
  const { events, deadLetters } = translate({ callbacks: [payment(fields)] })
  expect(deadLetters).toEqual([])
  const [event] = events
  if (event === undefined) {
    throw new Error('no event')
  }
  return event
}
const deadLetterOf = (fields: object) => translate({ callbacks: [payment(fields)] }).deadLetters[0]

const FIXTURES = join(import.meta.dirname, 'fixtures')
testGoldenCallbacks(jpmGlobalPaymentsV1, FIXTURES)

test('every row of the table has a golden callback', () => {
  const said = goldenEvents(jpmGlobalPaymentsV1, FIXTURES).map((event) => event.sourceStatus)
  expect(V1_STATUS_MAP.filter((row) => !said.includes(row.sourceStatus))).toEqual([])
})

test.each([1, 100, 300])('%s payments in one callback are as many events', (count) => {
  const callbacks = Array.from({ length: count }, (_, index) => payment({ firmRootId: `F${index}` }))
  const { events, deadLetters, setAside } = translate({ callbacks })
  expect([deadLetters, setAside]).toEqual([[], 0])
  expect(events.map((event) => [event.element, event.paymentKey])).toEqual(
    callbacks.map((_, index) => [index, `acme:F${index}`]),
  )
})

describe('status', () => {
  test.each([
    ['PENDING', 'PROCESSING'],
    ['WAREHOUSED', 'SCHEDULED'],
    ['PENDING_POSTING', 'PENDING_POSTING'],
    ['PEND_POSTING', 'PENDING_POSTING'],
    ['COMPLETED', 'COMPLETED'],
    ['COMPLETED_CREDITED', 'CREDITED'],
    ['REJECTED', 'REJECTED'],
    ['BLOCKED', 'BLOCKED'],
    ['RETURNED', 'RETURNED'],
  ])('%s is %s', (paymentStatus, status) => {
    expect(eventOf({ paymentStatus })).toMatchObject({ status, sourceStatus: paymentStatus, unknownBecause: null })
    expect(V1_STATUS_MAP.map((row) => row.sourceStatus)).toContain(paymentStatus)
  })

  test('the table has no row that the list above does not have', () => {
    expect(V1_STATUS_MAP).toHaveLength(9)
  })

  test.each(['completed-credited', ' Completed Credited ', 'COMPLETED__CREDITED'])(
    'case and punctuation do not matter: %j',
    (paymentStatus) => {
      expect(eventOf({ paymentStatus })).toMatchObject({ status: 'CREDITED', sourceStatus: paymentStatus })
    },
  )

  test.each(['SETTLED', 'constructor', '__proto__', 'COMPLÉTED', 'COMPLETEDé', '***'])(
    'a status that is not in the table is kept as UNKNOWN: %j',
    (paymentStatus) => {
      expect(eventOf({ paymentStatus })).toMatchObject({
        status: 'UNKNOWN',
        unknownBecause: 'STATUS',
        sourceStatus: paymentStatus,
      })
    },
  )

  test('only a rejection says who rejected, and v1 does not know', () => {
    expect(eventOf({ paymentStatus: 'REJECTED' }).rejectedBy).toBe('UNKNOWN')
    expect(eventOf({ paymentStatus: 'RETURNED' }).rejectedBy).toBeNull()
  })
})

describe('payment key', () => {
  test('firmRootId, whatever it looks like and in its own case', () => {
    expect(eventOf({ firmRootId: 'xatv-12522A-cqvf-991' })).toMatchObject({
      paymentKey: 'acme:xatv-12522A-cqvf-991',
      weakKey: false,
    })
  })

  test.each([null, undefined, '', '  '])('endToEndId, marked weak, when firmRootId is %j', (firmRootId) => {
    const body = { callbacks: [payment({ firmRootId, endToEndId: 'E1' })] }
    expect(translate(body).events[0]).toMatchObject({ paymentKey: 'acme:e2e:E1', weakKey: true, endToEndId: 'E1' })
    expect(jpmGlobalPaymentsV1.firstPaymentKey(callbackOf(body))).toBe('acme:e2e:E1')
  })

  test('the natural key is the status alone', () => {
    expect(eventOf({ paymentStatus: 'pending posting', createDateTime: '2023-07-27T07:41:54Z' }).naturalKey).toBe(
      'PENDING_POSTING',
    )
  })
})

describe('a bad element is a dead letter that names the field and no value', () => {
  test.each([
    [{ firmRootId: null }, 'missing-payment-id', 'the element has neither firmRootId nor endToEndId'],
    [{ paymentStatus: ' ' }, 'missing-status', 'the element has no paymentStatus'],
    [{ paymentStatus: 7 }, 'invalid-field', 'paymentStatus is not a text'],
    [{ paymentStatus: 'S'.repeat(65) }, 'invalid-field', 'paymentStatus is longer than 64 characters'],
    [{ firmRootId: 'F'.repeat(129) }, 'invalid-field', 'firmRootId is longer than 128 characters'],
    [{ firmRootId: 'F\u0000' }, 'invalid-field', 'firmRootId holds a character that is not allowed'],
    [{ firmRootId: 'F\u0085' }, 'invalid-field', 'firmRootId holds a character that is not allowed'],
    [{ endToEndId: ['E1'] }, 'invalid-field', 'endToEndId is not a text'],
    [{ createDateTime: 1690443714 }, 'invalid-field', 'createDateTime is not a text'],
    [{ fx: '1.1' }, 'invalid-field', 'fx is not an object'],
    [{ fx: { appliedRate: '1,1' } }, 'invalid-field', 'fx.appliedRate is not a decimal'],
    [{ fx: { appliedRate: true } }, 'invalid-field', 'fx.appliedRate is neither a text nor a number'],
  ])('%j', (fields, reason, message) => {
    expect(deadLetterOf(fields)).toEqual({ reason, message, element: 0 })
  })

  test('half a surrogate pair is refused, a whole one is not', () => {
    expect(translate('{"callbacks":[{"firmRootId":"\\ud83d","paymentStatus":"PENDING"}]}').deadLetters[0]?.reason).toBe(
      'invalid-field',
    )
    expect(eventOf({ firmRootId: '😀' }).paymentKey).toBe('acme:😀')
  })

  test('ids and statuses of exactly the allowed length pass', () => {
    const event = eventOf({ firmRootId: 'F'.repeat(128), paymentStatus: 'S'.repeat(64) })
    expect(event).toMatchObject({ paymentKey: `acme:${'F'.repeat(128)}`, sourceStatus: 'S'.repeat(64) })
  })
})

describe('a body that cannot be read is one dead letter for the callback', () => {
  test.each([
    ['', 'empty-body'],
    [' \n', 'empty-body'],
    ['{"callbacks":', 'invalid-json'],
    ['callbacks=1', 'invalid-json'],
    ['null', 'unexpected-shape'],
    ['[]', 'unexpected-shape'],
    ['{}', 'unexpected-shape'],
    ['{"callbacks":{}}', 'unexpected-shape'],
    ['{"callbacks":null}', 'unexpected-shape'],
  ])('%j', (body, reason) => {
    expect(translate(body)).toMatchObject({ events: [], deadLetters: [{ reason, element: null }], setAside: 0 })
  })

  test.each([
    ['a byte that never occurs', [0xff]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate half', [0xed, 0xa0, 0x80]],
    ['a cut character', [0xe2, 0x82]],
  ])('invalid UTF-8: %s', (_name, bytes) => {
    const body = Buffer.concat([Buffer.from('{"callbacks":[{"firmRootId":"'), Buffer.from(bytes), Buffer.from('"}]}')])
    expect(translate(body).deadLetters[0]).toMatchObject({ reason: 'invalid-utf8', element: null })
  })

  test('a byte order mark is no reason to refuse a body', () => {
    const body = Buffer.from(`\ufeff${JSON.stringify({ callbacks: [payment()] })}`)
    expect(translate(body).events).toHaveLength(1)
  })

  test('100,000 levels of nesting are a dead letter', () => {
    expect(translate('['.repeat(100_000)).deadLetters[0]?.reason).toBe('too-deep')
    const nested = `{"callbacks":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    expect(translate(nested).deadLetters[0]?.reason).toBe('too-deep')
  })
})

describe('reasons', () => {
  test('errorCode is J.P. Morgan’s with its rule, externalCode an ISO 20022 reason; descriptions stay behind', () => {
    const event = eventOf({
      exceptions: [{ errorCode: '11000', externalCode: 'AM04', ruleDefinition: 'R', errorDescription: 'Private' }],
    })
    expect(event.reasons).toEqual([
      { scheme: 'JPM', code: '11000', rule: 'R', location: null, field: null },
      { scheme: 'ISO20022', code: 'AM04', rule: null, location: null, field: null },
    ])
    expect(JSON.stringify(event)).not.toContain('Private')
  })

  test('without an errorCode the rule stands with the externalCode', () => {
    expect(eventOf({ exceptions: [{ externalCode: 'AM04', ruleDefinition: 'R' }] })).toMatchObject({
      reasons: [{ scheme: 'ISO20022', code: 'AM04', rule: 'R', location: null, field: null }],
      reasonsOmitted: 0,
    })
  })

  test('`exception` is read like `exceptions`, with or without a list around it', () => {
    expect(eventOf({ exception: [{ errorCode: 'GCA-154' }] }).reasons[0]?.code).toBe('GCA-154')
    expect(eventOf({ exception: { errorCode: 10001 } }).reasons[0]?.code).toBe('10001')
  })

  test('at most 16 are taken, the rest is counted', () => {
    const event = eventOf({ exceptions: Array.from({ length: 20 }, (_, i) => ({ errorCode: `1${i}` })) })
    expect(event.reasons).toHaveLength(16)
    expect(event.reasonsOmitted).toBe(4)
  })

  test('a reason that cannot be taken is counted and does not cost the event', () => {
    const event = eventOf({
      exceptions: [
        'text',
        {},
        { errorCode: 'x'.repeat(65) },
        { errorCode: { a: 1 } },
        { errorCode: 1.5 },
        { errorCode: 'ok' },
      ],
    })
    expect(event.reasons.map((reason) => reason.code)).toEqual(['ok'])
    expect(event.reasonsOmitted).toBe(5)
  })

  test('a rule that is too long is left out, its code is not', () => {
    expect(eventOf({ exceptions: [{ errorCode: '1', ruleDefinition: 'r'.repeat(129) }] }).reasons).toEqual([
      { scheme: 'JPM', code: '1', rule: null, location: null, field: null },
    ])
  })
})

describe('fx rate', () => {
  test.each([
    ['"1.0850"', '1.0850'],
    ['1.100000000000000000000000005', '1.100000000000000000000000005'],
    ['12', '12'],
    ['1.5E-7', '0.00000015'],
    ['1.5e3', '1500'],
    ['12.50e1', '125.0'],
    ['0.05e2', '5'],
    ['null', null],
    ['""', null],
  ])('%s is kept to the digit', (sent, rate) => {
    const body = `{"callbacks":[{"firmRootId":"F1","paymentStatus":"COMPLETED","fx":{"appliedRate":${sent}}}]}`
    expect(translate(body).events[0]?.fxAppliedRate).toBe(rate)
  })

  test.each(['1e400', '1E-999', '1e65', '"1e3"', '"."', '"1."', `"${'1'.repeat(65)}"`])('%s is refused', (sent) => {
    const body = `{"callbacks":[{"firmRootId":"F1","paymentStatus":"COMPLETED","fx":{"appliedRate":${sent}}}]}`
    expect(translate(body).deadLetters).toEqual([
      { reason: 'invalid-field', message: 'fx.appliedRate is not a decimal', element: 0 },
    ])
  })

  test('the number of the right element is taken', () => {
    const body =
      '{"callbacks":[{"firmRootId":"a","paymentStatus":"X","fx":{"appliedRate":1.10}},{"firmRootId":"b","paymentStatus":"X","fx":{"appliedRate":2.20}}]}'
    expect(translate(body).events.map((event) => event.fxAppliedRate)).toEqual(['1.10', '2.20'])
  })
})

test('J.P. Morgan expects 200 and may append /status', () => {
  expect(jpmGlobalPaymentsV1).toMatchObject({ successCode: 200, pathSuffixes: ['/status'] })
})

test('a defect of the adapter is a dead letter with the class of the error only', () => {
  const callback = callbackOf({ callbacks: [payment()] })
  Object.defineProperty(callback, 'namespace', {
    get() {
      throw new RangeError('F1')
    },
  })
  expect(jpmGlobalPaymentsV1.translate(callback).deadLetters).toEqual([
    { reason: 'internal-error', message: 'the adapter failed with RangeError', element: 0 },
  ])
  Object.defineProperty(callback, 'body', {
    get() {
      throw new TypeError('F1')
    },
  })
  expect(jpmGlobalPaymentsV1.translate(callback).deadLetters).toEqual([
    { reason: 'internal-error', message: 'the adapter failed with TypeError', element: null },
  ])
})
