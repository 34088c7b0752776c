import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { NAME_NOT_SHOWN } from '../../../src/providers/drift.ts'
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

test.each([1, 100, 300])('%s payments in one callback give that many events', (count) => {
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
    ['PENDING_JPM_REVIEW', 'ON_HOLD'],
    ['PENDING J.P. MORGAN REVIEW', 'ON_HOLD'],
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

  test('the list above covers every row of the table', () => {
    expect(V1_STATUS_MAP).toHaveLength(11)
  })

  test.each([
    'completed-credited',
    ' Completed Credited ',
    'COMPLETED__CREDITED',
    '\u00a0COMPLETED CREDITED\u200b',
    'CompletedCredited',
  ])('I5 case, punctuation, blanks and padding are ignored: %j', (paymentStatus) => {
    const sourceStatus = paymentStatus.replace(/[\u00a0\u200b]/g, '').trim()
    expect(eventOf({ paymentStatus })).toMatchObject({ status: 'CREDITED', sourceStatus })
  })

  test('a review by J.P. Morgan is a hold with a reason', () => {
    for (const paymentStatus of ['Pending J.P.M. Review', 'PENDING J. P. MORGAN REVIEW', 'PendingJPMReview']) {
      expect(eventOf({ paymentStatus })).toMatchObject({ status: 'ON_HOLD', holdReason: 'PENDING_JPM_REVIEW' })
    }
    expect(eventOf({ paymentStatus: 'PENDING' }).holdReason).toBeNull()
  })

  test.each(['SETTLED', 'constructor', '__proto__', 'COMPLÉTED', 'COMPLETEDé', '***'])(
    'a status that is not in the table is UNKNOWN: %j',
    (paymentStatus) => {
      expect(eventOf({ paymentStatus })).toMatchObject({
        status: 'UNKNOWN',
        unknownBecause: 'STATUS',
        sourceStatus: paymentStatus,
      })
    },
  )

  test('only a rejection has rejectedBy, which is unknown in v1', () => {
    expect(eventOf({ paymentStatus: 'REJECTED' }).rejectedBy).toBe('UNKNOWN')
    expect(eventOf({ paymentStatus: 'RETURNED' }).rejectedBy).toBeNull()
  })
})

describe('payment key', () => {
  test('firmRootId in any form, with its case kept', () => {
    expect(eventOf({ firmRootId: 'xatv-12522A-cqvf-991' })).toMatchObject({
      paymentKey: 'acme:xatv-12522A-cqvf-991',
      weakKey: false,
    })
  })

  test.each(['\u00a0F1', 'F1 ', '\ufeffF1\u200b', '\t\u2060F1\u200d\r\n'])(
    'invisible characters around an id are ignored: %j',
    (id) => {
      const body = { callbacks: [payment({ firmRootId: id })] }
      expect(translate(body).events[0]?.paymentKey).toBe('acme:F1')
      expect(jpmGlobalPaymentsV1.firstPaymentKey(callbackOf(body))).toBe('acme:F1')
    },
  )

  test.each(['NOTPROVIDED', 'not_provided', 'N/A', '0000', '00000000-0000-0000-0000-000000000000'])(
    'a placeholder is neither an id nor a reference: %j',
    (none) => {
      const body = { callbacks: [payment({ firmRootId: none, endToEndId: none })] }
      expect(translate(body).deadLetters).toMatchObject([{ reason: 'missing-payment-id', element: 0 }])
      expect(jpmGlobalPaymentsV1.firstPaymentKey(callbackOf(body))).toBeNull()
      expect(eventOf({ endToEndId: none, clearingSystemReference: none })).toMatchObject({
        endToEndId: null,
        references: [],
        unreadable: [],
      })
    },
  )

  test.each([null, undefined, '', '  ', '\u200b', 'NULL'])(
    'endToEndId, marked as weak, if firmRootId is %j',
    (firmRootId) => {
      const body = { callbacks: [payment({ firmRootId, endToEndId: 'E1' })] }
      expect(translate(body).events[0]).toMatchObject({ paymentKey: 'acme:e2e:E1', weakKey: true, endToEndId: 'E1' })
      expect(jpmGlobalPaymentsV1.firstPaymentKey(callbackOf(body))).toBe('acme:e2e:E1')
    },
  )

  test('a firmRootId that looks like a key of an endToEndId is another payment', () => {
    const keyOf = (ids: object) =>
      translate({ callbacks: [payment({ firmRootId: null, ...ids })] }).events[0]?.paymentKey
    const ids = ['E1', ' E1', 'e2e:E1', 'e2e: E1', 'e2e:e2e:E1', 'e2e:', 'E2E:E1', 'e2e-E1']
    const firmRootKeys = ids.map((firmRootId) => keyOf({ firmRootId }))
    const weakKeys = ids.map((endToEndId) => keyOf({ endToEndId }))
    expect(firmRootKeys.filter((key) => weakKeys.includes(key))).toEqual([])
    // A padded id is the same id.
    expect(new Set([...firmRootKeys, ...weakKeys]).size).toBe(2 * (ids.length - 1))
    expect(firmRootKeys).toEqual(expect.arrayContaining(['acme:E1', 'acme:e2e: E1', 'acme:E2E:E1', 'acme:e2e-E1']))
    const body = { callbacks: [payment({ firmRootId: 'e2e:E1' })] }
    expect(jpmGlobalPaymentsV1.firstPaymentKey(callbackOf(body))).toBe('acme:e2e: E1')
  })

  test('the natural key is the status alone', () => {
    expect(eventOf({ paymentStatus: 'pending posting', createDateTime: '2023-07-27T07:41:54Z' }).naturalKey).toBe(
      'PENDING_POSTING',
    )
  })
})

describe('a bad element is a dead letter that names the field but no value', () => {
  test.each([
    [{ firmRootId: null }, 'missing-payment-id', 'the element has neither firmRootId nor endToEndId'],
    [{ paymentStatus: ' ' }, 'missing-status', 'the element has no paymentStatus'],
    [{ paymentStatus: 7 }, 'invalid-field', 'paymentStatus is not a text'],
    [{ paymentStatus: 'S'.repeat(65) }, 'invalid-field', 'paymentStatus is longer than 64 characters'],
    [{ firmRootId: 'F'.repeat(129) }, 'invalid-field', 'firmRootId is longer than 128 characters'],
    [{ firmRootId: 'F\u0000' }, 'invalid-field', 'firmRootId contains a character that is not allowed'],
    [{ firmRootId: 'F\u0085' }, 'invalid-field', 'firmRootId contains a character that is not allowed'],
    [{ firmRootId: 7, endToEndId: 'E1' }, 'invalid-field', 'firmRootId is not a text'],
    [{ firmRootId: null, endToEndId: ['E1'] }, 'invalid-field', 'endToEndId is not a text'],
    [
      { firmRootId: 'NONE', endToEndId: 'E\u0000' },
      'invalid-field',
      'endToEndId contains a character that is not allowed',
    ],
  ])('%j', (fields, reason, message) => {
    expect(deadLetterOf(fields)).toEqual({ reason, message, element: 0 })
  })

  test.each([
    [{ endToEndId: ['E1'] }, 'endToEndId'],
    [{ endToEndId: 'E'.repeat(129) }, 'endToEndId'],
    [{ clearingSystemReference: { a: 1 } }, 'clearingSystemReference'],
    [{ fx: '1.1' }, 'fx'],
    [{ fx: [] }, 'fx'],
    [{ fx: { appliedRate: '1,1' } }, 'fx.appliedRate'],
    [{ fx: { appliedRate: true } }, 'fx.appliedRate'],
  ])('an unreadable detail is left out and named: %j', (fields, name) => {
    expect(eventOf(fields)).toMatchObject({ paymentKey: 'acme:F1', status: 'COMPLETED', unreadable: [name] })
  })

  test.each([
    ['Some Name 0000000000000000', null],
    ['2026-02-30T00:00:00Z', '2026-02-30T00:00:00Z'],
  ])('an unreadable time is published only if it looks like a time (I9): %s', (createDateTime, text) => {
    const { events, drift } = translate({ callbacks: [payment({ createDateTime })] })
    expect(events).toMatchObject([{ occurredAt: null, occurredAtText: text, timeUnreadable: true }])
    expect(JSON.stringify([events, drift])).not.toContain('Name 0')
  })

  test.each([
    ['PENDING\u00a0JPM REVIEW', 'ON_HOLD'],
    ['PENDING\u202fJPM_REVIEW', 'ON_HOLD'],
    ['COMPLETED\u2013CREDITED', 'CREDITED'],
    ['COMPL\u00c9TED', 'UNKNOWN'],
  ])('a status with a different blank or dash is the same status: %s', (paymentStatus, status) => {
    expect(eventOf({ paymentStatus }).status).toBe(status)
  })

  test('a time that is not a text is unreadable and noted, without other effects', () => {
    const { events, deadLetters, drift } = translate({ callbacks: [payment({ createDateTime: 1690443714 })] })
    expect(deadLetters).toEqual([])
    expect(events).toMatchObject([{ occurredAt: null, occurredAtText: null, timeUnreadable: true, unreadable: [] }])
    expect(drift).toEqual([{ kind: 'time', name: 'createDateTime' }])
    expect(translate({ callbacks: [payment({ createDateTime: ' ' })] })).toMatchObject({
      events: [{ occurredAt: null, timeUnreadable: false }],
      drift: [],
    })
  })

  test('a lone surrogate is rejected, a surrogate pair is not', () => {
    expect(translate('{"callbacks":[{"firmRootId":"\\ud83d","paymentStatus":"PENDING"}]}').deadLetters[0]?.reason).toBe(
      'invalid-field',
    )
    expect(eventOf({ firmRootId: '😀' }).paymentKey).toBe('acme:😀')
  })

  test('ids and statuses of exactly the maximum length are accepted', () => {
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
    ['7', 'unexpected-shape'],
    ['{}', 'unexpected-shape'],
    ['{"Callbacks":[]}', 'foreign-product'],
    ['{"notifications":[{"callbacks":[]}]}', 'foreign-product'],
    ['{"callbacks":{}}', 'unexpected-shape'],
    ['{"callbacks":null}', 'unexpected-shape'],
  ])('%j', (body, reason) => {
    expect(translate(body)).toMatchObject({ events: [], deadLetters: [{ reason, element: null }], setAside: 0 })
  })

  test.each([
    [{ Callbacks: [payment()] }, 'firmRootId at Callbacks[0]'],
    [{ message: { callbacks: [payment()] } }, 'firmRootId at message.callbacks[0]'],
    [payment({ firmRootId: undefined, endToEndId: 'E1' }), 'endToEndId and paymentStatus at the root'],
    [[payment()], 'firmRootId at [0]'],
    [{ payload: JSON.stringify({ callbacks: [payment()] }) }, 'firmRootId in the text at payload'],
  ])('I2 a payment in a wrapper is not taken for another product: %j', (body, place) => {
    expect(translate(body).deadLetters).toEqual([
      { reason: 'unexpected-shape', message: `the body has no callbacks array, but ${place}`, element: null },
    ])
  })

  test.each([
    [{ callbacks: [], payments: [payment()] }, 'firmRootId and paymentStatus at payments[0]'],
    [{ callbacks: [], callback: payment() }, 'firmRootId and paymentStatus at callback'],
    [{ callbacks: [], ...payment() }, 'firmRootId and paymentStatus at the root'],
    [
      { callbacks: [], Callbacks: [{ FirmRootId: 'F1', PaymentStatus: 'X' }] },
      'firmRootId and paymentStatus at Callbacks[0]',
    ],
    [
      { callbacks: [], payment: { endToEndId: 'E1', paymentStatus: 'PENDING' } },
      'endToEndId and paymentStatus at payment',
    ],
    [{ callbacks: [], body: JSON.stringify([payment()]) }, 'firmRootId and paymentStatus in the text at body'],
  ])('I2 a payment beside the list is a dead letter, whether the list is empty or not: %j', (body, place) => {
    const letter = { reason: 'unexpected-shape', message: `a payment is not read: ${place}`, element: null }
    expect(translate(body)).toMatchObject({ events: [], deadLetters: [letter], setAside: 0 })
    const beside = translate({ ...body, callbacks: [payment({ firmRootId: 'F0' })] })
    expect(beside).toMatchObject({ events: [{ paymentKey: 'acme:F0' }], deadLetters: [letter], setAside: 0 })
  })

  test('what is inside an element, or has no status, is not another payment', () => {
    const inside = { ...payment({ firmRootId: 'F2' }), related: payment({ firmRootId: 'F3' }) }
    const body = { callbacks: [inside], page: { firmRootId: 'F4' }, note: 'firmRootId, paymentStatus' }
    expect(translate(body)).toMatchObject({ events: [{ paymentKey: 'acme:F2' }], deadLetters: [] })
    expect(translate({ ...body, callbacks: [] })).toMatchObject({ deadLetters: [], setAside: 1 })
  })

  test('I2 a payment of v2 belongs to another product', () => {
    const v2 = { paymentId: 'P1', paymentStatus: 'COMPLETED', paymentIdentifiers: { endToEndId: 'E1' } }
    expect(translate({ data: { payments: [v2] } }).deadLetters).toMatchObject([{ reason: 'foreign-product' }])
  })

  test.each([
    ['a byte that never occurs', [0xff]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['a surrogate half', [0xed, 0xa0, 0x80]],
    ['a cut character', [0xe2, 0x82]],
  ])('an id that is not UTF-8 makes only its element a dead letter: %s', (_name, bytes) => {
    const bad = Buffer.concat([
      Buffer.from('{"firmRootId":"'),
      Buffer.from(bytes),
      Buffer.from('","paymentStatus":"PENDING"}'),
    ])
    const good = JSON.stringify(payment({ firmRootId: 'F2' }))
    const body = Buffer.concat([Buffer.from('{"callbacks":['), bad, Buffer.from(`,${good}]}`)])
    const { events, deadLetters } = translate(body)
    expect(events.map(({ paymentKey }) => paymentKey)).toEqual(['acme:F2'])
    expect(deadLetters).toEqual([
      {
        reason: 'invalid-utf8',
        message:
          'firmRootId has characters outside ASCII in an unknown character set: the text is not UTF-8, and neither ISO-8859-1 nor windows-1252 is declared',
        element: 0,
      },
    ])
    expect(jpmGlobalPaymentsV1.firstPaymentKey(callbackOf(body))).toBeNull()
  })

  test('a body with a byte order mark is read', () => {
    const body = Buffer.from(`\ufeff${JSON.stringify({ callbacks: [payment()] })}`)
    expect(translate(body).events).toHaveLength(1)
  })

  test.each(['utf-16le', 'utf-16be'])('%s is read by its byte order mark', (encoding) => {
    const body = Buffer.from(`\ufeff${JSON.stringify({ callbacks: [payment({ firmRootId: 'Fé' })] })}`, 'utf16le')
    const bytes = encoding === 'utf-16le' ? body : body.swap16()
    expect(translate(bytes).events[0]?.paymentKey).toBe('acme:Fé')
    expect(jpmGlobalPaymentsV1.firstPaymentKey(callbackOf(bytes))).toBe('acme:Fé')
    expect(translate(bytes.subarray(0, -1)).deadLetters).toEqual([
      {
        reason: 'invalid-json',
        message: 'the body is not valid JSON',
        element: null,
      },
    ])
  })

  test.each(['utf-16le', 'utf-16be'])('I2 %s without a byte order mark is read', (encoding) => {
    const body = Buffer.from(JSON.stringify({ callbacks: [payment({ firmRootId: 'Fé' })] }), 'utf16le')
    const bytes = encoding === 'utf-16le' ? body : body.swap16()
    for (const contentType of [`application/json; charset=${encoding}`, 'application/json; charset=utf-16', '']) {
      const callback = callbackOf(bytes, { contentType })
      expect(jpmGlobalPaymentsV1.translate(callback).events[0]?.paymentKey).toBe('acme:Fé')
      expect(jpmGlobalPaymentsV1.firstPaymentKey(callback)).toBe('acme:Fé')
    }
  })

  test.each(['\ufeff', ''])('I2 a lone surrogate in UTF-16 costs only its field (after %j)', (start) => {
    const read = (fields: object) => {
      const text = JSON.stringify({ callbacks: [payment(fields)] }).replace('@', '\ud83d')
      return translate(Buffer.from(start + text, 'utf16le'))
    }
    expect(read({ exceptions: [{ errorCode: '1', errorDescription: '@' }] })).toMatchObject({
      events: [{ status: 'COMPLETED', unreadable: [] }],
      deadLetters: [],
    })
    expect(read({ endToEndId: 'E@' }).events).toMatchObject([{ endToEndId: null, unreadable: ['endToEndId'] }])
    expect(read({ firmRootId: 'F@' }).deadLetters).toMatchObject([{ reason: 'invalid-utf8', element: 0 }])
  })

  test('a body with 100,000 levels of nesting is a dead letter', () => {
    expect(translate('['.repeat(100_000)).deadLetters[0]?.reason).toBe('too-deep')
    const nested = `{"callbacks":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
    expect(translate(nested).deadLetters[0]?.reason).toBe('too-deep')
  })
})

describe('a body that is not UTF-8', () => {
  const latin1 = (fields: object) => Buffer.from(JSON.stringify({ callbacks: [payment(fields)] }), 'latin1')
  const read = (fields: object, contentType = 'application/json') =>
    jpmGlobalPaymentsV1.translate(callbackOf(latin1(fields), { contentType }))

  test('I2 has no effect in a field that is not read, also after a byte order mark', () => {
    const body = latin1({ exceptions: [{ errorCode: '1', errorDescription: 'Nuñez' }] })
    expect(translate(Buffer.concat([Buffer.from('\ufeff'), body]))).toMatchObject({
      events: [{ status: 'COMPLETED', unreadable: [], reasons: [{ code: '1' }] }],
      deadLetters: [],
    })
  })

  test('has no effect in a field that is not read', () => {
    expect(read({ exceptions: [{ errorCode: '1', errorDescription: 'Nuñez' }] })).toMatchObject({
      events: [{ status: 'COMPLETED', unreadable: [], reasons: [{ code: '1' }] }],
      deadLetters: [],
    })
  })

  test.each(['application/json', 'application/json; charset=utf-8', 'application/json; charset=koi8-r', ''])(
    'loses only a detail that would be a guess (%j)',
    (contentType) => {
      const exceptions = [{ errorCode: '1', ruleDefinition: 'Señal' }]
      expect(read({ endToEndId: 'Eñ', exceptions }, contentType)).toMatchObject({
        events: [{ endToEndId: null, unreadable: ['endToEndId'], reasons: [{ code: '1', rule: null }] }],
        deadLetters: [],
      })
    },
  )

  test.each(['application/json; charset=iso-8859-1', 'application/json; charset="Windows-1252"; x=y'])(
    'is read in the declared character set (%j)',
    (contentType) => {
      const callback = callbackOf(latin1({ firmRootId: 'Fñ', endToEndId: 'Eñ' }), { contentType })
      expect(jpmGlobalPaymentsV1.translate(callback)).toMatchObject({
        events: [{ paymentKey: 'acme:Fñ', endToEndId: 'Eñ', unreadable: [] }],
      })
      expect(jpmGlobalPaymentsV1.firstPaymentKey(callback)).toBe('acme:Fñ')
    },
  )

  test('windows-1252 has letters where ISO 8859-1 has control characters', () => {
    const fields = { endToEndId: 'Zo\u008a' }
    expect(read(fields, 'application/json; charset=windows-1252').events[0]?.endToEndId).toBe('ZoŠ')
    expect(read(fields, 'application/json; charset=iso-8859-1').events[0]?.unreadable).toEqual(['endToEndId'])
  })
})

describe('the same name twice', () => {
  const A1 = '{"firmRootId":"A1","paymentStatus":"PENDING"}'
  const A2 = '{"firmRootId":"A2","paymentStatus":"COMPLETED"}'

  test.each([
    `{"callbacks":[${A1}],"callbacks":[${A2}]}`,
    `{"callbacks":[${A1}],"x":1,"callbacks":[]}`,
    `{"callbacks":[${A1}],"callbacks":null}`,
    `{"callbacks":[${A1}],"\\u0063allbacks":[${A2}]}`,
  ])('neither of two lists is lost silently: %s', (body) => {
    expect(translate(body)).toEqual({
      events: [],
      deadLetters: [{ reason: 'ambiguous', message: 'callbacks appears twice with different values', element: null }],
      setAside: 0,
      drift: expect.arrayContaining([{ kind: 'duplicate-name', name: 'callbacks' }]),
    })
  })

  test('a list that appears twice with equal content is read once and noted', () => {
    expect(translate(`{"callbacks":[${A1}], "callbacks" : [ ${A1} ]}`)).toMatchObject({
      events: [{ paymentKey: 'acme:A1' }],
      deadLetters: [],
      drift: [{ kind: 'duplicate-name', name: 'callbacks' }],
    })
  })

  test.each(['firmRootId', 'endToEndId', 'paymentStatus', 'createDateTime', 'exception', 'fx'])(
    '%s twice in an element makes only that element a dead letter',
    (name) => {
      const twice = `{"${name}":"x","firmRootId":"B","${name}":"y","paymentStatus":"PENDING"}`
      const { events, deadLetters } = translate(`{"callbacks":[${twice},${A2}]}`)
      expect(events.map(({ paymentKey }) => paymentKey)).toEqual(['acme:A2'])
      expect(deadLetters).toEqual([
        { reason: 'ambiguous', message: `${name} appears twice with different values`, element: 0 },
      ])
    },
  )

  test.each([
    ['"paymentRedirected":1,"paymentRedirected":2', 'paymentRedirected'],
    ['"fx":{"appliedRate":"1.1","appliedRate":"1.2"}', 'fx.appliedRate'],
    ['"exceptions":[{"errorCode":"1","errorCode":"2"}]', 'exceptions.errorCode'],
    ['"4111111111111111":1,"4111111111111111":2', NAME_NOT_SHOWN],
  ])('elsewhere the last value counts and the name is noted: %s', (fields, name) => {
    const { events, drift } = translate(`{"callbacks":[{"firmRootId":"A1","paymentStatus":"PENDING",${fields}}]}`)
    expect(events).toHaveLength(1)
    expect(drift).toContainEqual({ kind: 'duplicate-name', name })
  })

  test('the last of two rates and codes counts', () => {
    const element = `{"firmRootId":"A1","paymentStatus":"REJECTED","fx":{"appliedRate":1.1,"appliedRate":1.20},"exceptions":[{"errorCode":"1","errorCode":"2"}]}`
    expect(translate(`{"callbacks":[${element}]}`).events).toMatchObject([
      { fxAppliedRate: '1.20', reasons: [{ code: '2' }] },
    ])
  })
})

test('documented fields that are never read are not drift', () => {
  const element = payment({
    paymentRedirected: true,
    paymentRedirectedAccountNumber: 'Private',
    exceptions: [{ errorCode: '1', externalDescription: 'Private' }],
  })
  const { events, drift } = translate({ callbacks: [element] })
  expect(drift).toEqual([])
  expect(JSON.stringify(events)).not.toContain('Private')
})

describe('reasons', () => {
  test('errorCode is J.P. Morgan’s reason with its rule, externalCode an ISO 20022 reason; descriptions are not published', () => {
    const event = eventOf({
      exceptions: [{ errorCode: '11000', externalCode: 'AM04', ruleDefinition: 'R', errorDescription: 'Private' }],
    })
    expect(event.reasons).toEqual([
      { scheme: 'JPM', code: '11000', rule: 'R', location: null, field: null },
      { scheme: 'ISO20022', code: 'AM04', rule: null, location: null, field: null },
    ])
    expect(JSON.stringify(event)).not.toContain('Private')
  })

  test('without an errorCode, the rule is published with the externalCode', () => {
    expect(eventOf({ exceptions: [{ externalCode: 'AM04', ruleDefinition: 'R' }] })).toMatchObject({
      reasons: [{ scheme: 'ISO20022', code: 'AM04', rule: 'R', location: null, field: null }],
      reasonsOmitted: 0,
    })
  })

  test('`exception` is read like `exceptions`, with or without a list around it', () => {
    expect(eventOf({ exception: [{ errorCode: 'GCA-154' }] }).reasons[0]?.code).toBe('GCA-154')
    expect(eventOf({ exception: { errorCode: 10001 } }).reasons[0]?.code).toBe('10001')
  })

  test('at most 16 are published, the rest are counted', () => {
    const event = eventOf({ exceptions: Array.from({ length: 20 }, (_, i) => ({ errorCode: `1${i}` })) })
    expect(event.reasons).toHaveLength(16)
    expect(event.reasonsOmitted).toBe(4)
  })

  test('a reason that cannot be published is counted, and the event is published', () => {
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

  test('codes and rules are stripped', () => {
    expect(eventOf({ exceptions: [{ errorCode: ' 10001\u00a0', ruleDefinition: ' R ' }] })).toMatchObject({
      reasons: [{ code: '10001', rule: 'R' }],
      reasonsOmitted: 0,
    })
  })

  test('a rule that is too long is left out, but not its code', () => {
    expect(eventOf({ exceptions: [{ errorCode: '1', ruleDefinition: 'r'.repeat(129) }] }).reasons).toEqual([
      { scheme: 'JPM', code: '1', rule: null, location: null, field: null },
    ])
  })
})

describe('fx rate', () => {
  test.each([
    ['"1.0850"', '1.0850'],
    ['" 1.0850\\u00a0"', '1.0850'],
    ['1.100000000000000000000000005', '1.100000000000000000000000005'],
    ['12', '12'],
    ['1.5E-7', '0.00000015'],
    ['1.5e3', '1500'],
    ['12.50e1', '125.0'],
    ['0.05e2', '5'],
    ['1.5e-1', '0.15'],
    ['1e63', `1${'0'.repeat(63)}`],
    [`"${'1'.repeat(64)}"`, '1'.repeat(64)],
    ['null', null],
    ['""', null],
  ])('%s keeps every digit', (sent, rate) => {
    const body = `{"callbacks":[{"firmRootId":"F1","paymentStatus":"COMPLETED","fx":{"appliedRate":${sent}}}]}`
    expect(translate(body).events[0]?.fxAppliedRate).toBe(rate)
  })

  test.each(['1e400', '1E-999', '1e64', '"1e3"', '"."', '"1."', `"${'1'.repeat(65)}"`])('%s is left out', (sent) => {
    const body = `{"callbacks":[{"firmRootId":"F1","paymentStatus":"COMPLETED","fx":{"appliedRate":${sent}}}]}`
    expect(translate(body).events).toMatchObject([{ fxAppliedRate: null, unreadable: ['fx.appliedRate'] }])
  })

  test('the number comes from the right element', () => {
    const body =
      '{"callbacks":[{"firmRootId":"a","paymentStatus":"X","fx":{"appliedRate":1.10}},{"firmRootId":"b","paymentStatus":"X","fx":{"appliedRate":2.20}}]}'
    expect(translate(body).events.map((event) => event.fxAppliedRate)).toEqual(['1.10', '2.20'])
  })
})

test('J.P. Morgan expects 200 and may append /status', () => {
  expect(jpmGlobalPaymentsV1).toMatchObject({ successCode: 200, pathSuffixes: ['/status'] })
})

test('a defect of the adapter is a dead letter with only the class of the error', () => {
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
