import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { CODE_LENGTH_MAX, ID_LENGTH_MAX, REASONS_MAX, UNREADABLE_MAX } from '../../src/payment/payment-event.ts'
import { type Callback, DEAD_LETTER_REASONS, type Provider, type Translation } from '../../src/providers/provider.ts'
import { providerById } from '../../src/providers/registry.ts'
import { runs } from '../runs.ts'
import { callbackOf } from './callback-of.ts'

function provider(id: string): Provider {
  const found = providerById(id)
  if (found === undefined) {
    throw new Error(`no provider ${id}`)
  }
  return found
}

const V1 = provider('jpm-global-payments-v1')
const V2 = provider('jpm-global-payments-v2')
const INSTAMED = provider('instamed')

/** The names that the adapters read, so that arbitrary values reach the code that handles them. */
const NAMES = [
  'callbacks',
  'firmRootId',
  'endToEndId',
  'clearingSystemReference',
  'createDateTime',
  'paymentStatus',
  'exceptions',
  'exception',
  'errorCode',
  'externalCode',
  'ruleDefinition',
  'fx',
  'appliedRate',
  'data',
  'payments',
  'returns',
  'returnId',
  'returnStatus',
  'returnSubStatus',
  'originalPaymentIdentifiers',
  'bankReferenceNumber',
  'value',
  'amount',
  'currency',
  'time',
  'paymentType',
  'valueDate',
  'events',
  'id',
  'type',
  'eventcontext',
  'eventId',
  'eventTimestamp',
  'paymentId',
  'paymentSubStatus',
  'statusUpdatedAt',
  'paymentIdentifiers',
  'otherPaymentReferences',
  'uetr',
  'clearingSystem',
  'name',
  'reference',
  'gpi',
  'status',
  'fxInformation',
  'code',
  'location',
  'field',
  'additionalContext',
  'PaymentTransactionID',
  'OriginalTransactionID',
  'TransactionAction',
  'CurrentTransactionStatusCode',
  'ResponseDateTime',
  'Amount',
  'RequestAmount',
  'CLMREF',
  'ReasonCode',
  'ResponseCode',
  'PaymentPlanTransactionType',
  'IsPartiallyApproved',
  'PartialApprovalAmount',
  '__proto__',
  'constructor',
  'toString',
] as const

const WORDS = [
  'COMPLETED',
  'PENDING',
  'REJECTED',
  'PROCESSING',
  'RETURNED',
  'PENDING_CLIENT_ACTION',
  'Sale',
  'Refund',
  'C',
  'V',
  'CB',
  'ISO20022',
  'Payment.Completed',
  'PaymentBatch.Completed',
  'SimpleRefund',
  'NOTPROVIDED',
  '00000000-0000-0000-0000-000000000000',
  '\u00a0padded\u200b ',
  'true',
  '010',
  '2026-03-01',
  '2025-11-10T14:42:04Z',
  '12/14/2017 11:58:06 PM',
  '1.10',
  'constructor',
  '__proto__',
  'x'.repeat(129),
  '\ud800',
  '\u0000',
  '',
] as const

const { value: ANY_VALUE } = fc.letrec<{ value: unknown; list: unknown[]; object: object }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.oneof(
      fc.constantFrom(...WORDS),
      fc.string({ unit: 'binary' }),
      fc.double(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
    ),
    tie('list'),
    tie('object'),
  ),
  list: fc.array(tie('value'), { maxLength: 6 }),
  object: fc
    .array(fc.tuple(fc.oneof(fc.constantFrom(...NAMES), fc.string()), tie('value')), { maxLength: 6 })
    .map((pairs) => Object.fromEntries(pairs)),
}))

const withFields = (names: readonly (typeof NAMES)[number][]) =>
  fc.record(Object.fromEntries(names.map((name) => [name, fc.oneof(fc.constantFrom(...WORDS), ANY_VALUE)])), {
    requiredKeys: [],
  })

const V1_ELEMENT = fc.oneof(
  withFields([
    'firmRootId',
    'endToEndId',
    'clearingSystemReference',
    'createDateTime',
    'paymentStatus',
    'exceptions',
    'fx',
  ]),
  ANY_VALUE,
)
const V2_ELEMENT = fc.oneof(
  withFields([
    'paymentId',
    'paymentStatus',
    'paymentSubStatus',
    'statusUpdatedAt',
    'paymentIdentifiers',
    'clearingSystem',
    'exceptions',
    'gpi',
    'fxInformation',
    'eventId',
    'eventTimestamp',
  ]),
  ANY_VALUE,
)

const V2_RETURN = fc.oneof(
  withFields([
    'returnId',
    'returnStatus',
    'returnSubStatus',
    'originalPaymentIdentifiers',
    'paymentIdentifiers',
    'paymentType',
    'value',
    'exceptions',
  ]),
  ANY_VALUE,
)

function expectPublishable(event: PaymentEvent): void {
  const ids = [event.endToEndId, event.providerEventId, ...event.references.map((reference) => reference.value)]
  const codes = [
    event.sourceStatus,
    event.sourceSubStatus,
    event.sourceAction,
    event.eventContext,
    event.rail,
    event.direction,
    event.clearingSystem,
    event.requestedExecutionDate,
    event.valueDate,
    event.gpiStatus,
    event.fxAppliedRate,
    event.occurredAtText,
    event.amount?.value ?? null,
    ...event.reasons.map((reason) => reason.code),
  ]
  const keys = [event.paymentKey, event.relatesTo, event.naturalKey]
  const tooLong = [
    ...ids.filter((id) => (id?.length ?? 0) > ID_LENGTH_MAX),
    ...codes.filter((code) => (code?.length ?? 0) > CODE_LENGTH_MAX),
  ]
  expect(tooLong).toEqual([])
  for (const text of [...ids, ...codes, ...keys]) {
    expect(text === null || (text.isWellFormed() && !/\p{Cc}/u.test(text))).toBe(true)
  }
  // Unreadable fields are named by known names, never by a value.
  expect(event.unreadable.filter((name) => !/^[A-Za-z]+(\.[A-Za-z]+)*$/.test(name))).toEqual([])
  expect(event.unreadable).toEqual([...new Set(event.unreadable)].sort())
  expect(event.unreadable.length).toBeLessThanOrEqual(UNREADABLE_MAX)
  expect(event.timeUnreadable && event.occurredAt !== null).toBe(false)
  expect(ids.filter((id) => id !== null && id !== id.trim())).toEqual([])
  expect(event.reasons.length).toBeLessThanOrEqual(REASONS_MAX)
  const referenceTypes = event.references.map(({ type }) => type)
  expect(referenceTypes).toEqual([...new Set(referenceTypes)])
  expect(Object.values(event)).not.toContain(undefined)
  expect(event.unknownBecause === null).toBe(event.status !== 'UNKNOWN')
  expect(event.occurredAt === null).toBe(event.occurredAtPrecision === 'NONE')
}

/** The result is not empty, every part can be published, and nothing appears twice. */
function expectSound({ events, deadLetters, setAside }: Translation): void {
  expect(events.length + deadLetters.length + setAside).toBeGreaterThan(0)
  for (const event of events) {
    expectPublishable(event)
  }
  for (const letter of deadLetters) {
    expect(letter.reason).not.toBe('internal-error')
    expect(Object.keys(DEAD_LETTER_REASONS)).toContain(letter.reason)
  }
}

/** Invariant I2: each element of the callback becomes exactly one event or dead letter, and so does a payment beside them. */
function expectConserved(translation: Translation, elementCount: number): void {
  expectSound(translation)
  const outcomes = [...translation.events, ...translation.deadLetters]
  const beside = outcomes.flatMap((outcome) =>
    outcome.element === null && 'reason' in outcome ? [outcome.reason] : [],
  )
  expect([[], ['unexpected-shape']]).toContainEqual(beside)
  const positions = outcomes.flatMap(({ element }) => (element === null ? [] : [element]))
  expect(positions.toSorted((a, b) => a - b)).toEqual(Array.from({ length: elementCount }, (_, i) => i))
  expect(translation.setAside).toBe(outcomes.length === 0 ? 1 : 0)
}

const RUNS = runs(500)

describe.each([V1, V2, INSTAMED])('$id', (adapter) => {
  test('any JSON gives events or dead letters or is set aside; nothing throws', () => {
    fc.assert(
      fc.property(ANY_VALUE, (value) => {
        const callback = callbackOf(Buffer.from(JSON.stringify(value) ?? ''))
        expectSound(adapter.translate(callback))
        adapter.firstPaymentKey(callback)
      }),
      RUNS,
    )
  })

  test('so do any bytes under any content type', () => {
    const start = fc.constantFrom(
      '',
      '{',
      '[',
      '<',
      '{"callbacks":[{',
      '{"data":{"payments":[',
      'transactionID=',
      '\ufeff',
    )
    const type = fc.constantFrom('', 'application/json', 'application/x-www-form-urlencoded', 'text/xml', '\u0000')
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 200 }), type, (text, bytes, contentType) => {
        const callback = callbackOf(Buffer.concat([Buffer.from(text), bytes]), { contentType })
        expectSound(adapter.translate(callback))
        adapter.firstPaymentKey(callback)
      }),
      RUNS,
    )
  })

  test('the same callback always gives the same result', () => {
    fc.assert(
      fc.property(ANY_VALUE, (value) => {
        const body = Buffer.from(JSON.stringify(value) ?? '')
        expect(adapter.translate(callbackOf(body))).toEqual(adapter.translate(callbackOf(Buffer.from(body))))
      }),
      runs(200),
    )
  })
})

describe('elements are conserved (I2)', () => {
  test('v1', () => {
    fc.assert(
      fc.property(fc.array(V1_ELEMENT, { maxLength: 8 }), (callbacks) => {
        expectConserved(V1.translate(callbackOf({ callbacks })), callbacks.length)
      }),
      RUNS,
    )
  })

  test('v2, every shape, under any envelope', () => {
    fc.assert(
      fc.property(
        fc.array(V2_ELEMENT, { maxLength: 8 }),
        fc.array(V2_RETURN, { maxLength: 8 }),
        withFields(['id', 'type', 'time', 'eventcontext']),
        (payments, returns, envelope) => {
          expectConserved(V2.translate(callbackOf({ ...envelope, data: { payments } })), payments.length)
          expectConserved(V2.translate(callbackOf({ ...envelope, data: { returns } })), returns.length)
          expectConserved(V2.translate(callbackOf({ ...envelope, events: payments })), payments.length)
        },
      ),
      RUNS,
    )
  })

  test('InstaMed, one element per message', () => {
    const fields = withFields([
      'PaymentTransactionID',
      'OriginalTransactionID',
      'TransactionAction',
      'CurrentTransactionStatusCode',
      'ResponseDateTime',
      'Amount',
      'RequestAmount',
      'CLMREF',
      'ReasonCode',
      'ResponseCode',
      'IsPartiallyApproved',
      'PartialApprovalAmount',
    ])
    fc.assert(
      fc.property(fields, (message) => {
        expectConserved(INSTAMED.translate(callbackOf(message)), 1)
      }),
      RUNS,
    )
  })
})

// Not only zeros, which are a placeholder.
const ID = fc.stringMatching(/^[1-9a-f][0-9a-f]{0,31}$/)
const V1_GOOD = fc.record({
  firmRootId: ID,
  endToEndId: ID,
  paymentStatus: fc.constantFrom('PENDING', 'COMPLETED', 'REJECTED', 'NEW'),
  createDateTime: fc.constantFrom('2023-07-27T07:41:54.773Z', '2023-07-27T07:41:54.773'),
})
const V2_GOOD = fc.record({
  paymentId: ID,
  paymentStatus: fc.constantFrom('RECEIVED', 'PROCESSING', 'COMPLETED'),
  paymentSubStatus: fc.constantFrom('PENDING_POSTING', null),
  statusUpdatedAt: fc.constantFrom('2025-11-10T14:42:04Z', null),
})
const idsOf = (translation: Translation) => translation.events.map((event) => event.eventId)

describe('an event id depends only on what the provider stated', () => {
  test('v1: not on the position, the receipt, the source or the time of arrival', () => {
    fc.assert(
      fc.property(
        fc.array(V1_GOOD, { minLength: 1, maxLength: 6 }),
        fc.string(),
        fc.nat(),
        (callbacks, text, receivedAt) => {
          const together = idsOf(V1.translate(callbackOf({ callbacks })))
          const reversed = callbackOf(
            { callbacks: callbacks.toReversed() },
            { callbackId: text, source: text, receivedAt },
          )
          expect(idsOf(V1.translate(reversed)).toReversed()).toEqual(together)
          const oneByOne = callbacks.flatMap((one) => idsOf(V1.translate(callbackOf({ callbacks: [one] }))))
          expect(oneByOne).toEqual(together)
        },
      ),
    )
  })

  test('v2: not on the envelope’s id, time, source or version, nor on the position', () => {
    const envelope = fc.record({ id: ID, time: fc.string(), source: fc.string(), specversion: fc.string() })
    fc.assert(
      fc.property(fc.array(V2_GOOD, { minLength: 1, maxLength: 6 }), envelope, envelope, (payments, first, second) => {
        const ids = idsOf(V2.translate(callbackOf({ ...first, data: { payments } })))
        expect(ids).toHaveLength(payments.length)
        const again = V2.translate(callbackOf({ ...second, data: { payments: payments.toReversed() } }))
        expect(idsOf(again).toReversed()).toEqual(ids)
      }),
    )
  })

  test('v1 and v2: another namespace is another payment and another event', () => {
    fc.assert(
      fc.property(V1_GOOD, (one) => {
        const [a] = V1.translate(callbackOf({ callbacks: [one] }, { namespace: 'a' })).events
        const [b] = V1.translate(callbackOf({ callbacks: [one] }, { namespace: 'b' })).events
        expect(a?.paymentKey).not.toBe(b?.paymentKey)
        expect(a?.eventId).not.toBe(b?.eventId)
      }),
    )
  })

  test('InstaMed: not on the case of an id', () => {
    const statuses = fc.constantFrom('C', 'V', 'CB', 'RI', 'S')
    fc.assert(
      fc.property(ID, ID, statuses, (id, original, code) => {
        const said = (payment: string, of: string) =>
          INSTAMED.translate(
            callbackOf({
              PaymentTransactionID: payment,
              OriginalTransactionID: of,
              TransactionAction: 'Sale',
              CurrentTransactionStatusCode: code,
            }),
          )
        const lower = said(id, original)
        expect(lower.events).toHaveLength(1)
        for (const other of [
          said(id.toUpperCase(), original),
          said(id, original.toUpperCase()),
          said(id.toUpperCase(), original.toUpperCase()),
        ]) {
          expect(other).toEqual(lower)
        }
      }),
    )
  })
})

const PADDING = fc.string({ unit: fc.constantFrom(...' \t\n\u00a0\u200b\u200c\u200d\u2060\ufeff\u202f'), maxLength: 3 })
const padded = (text: string) => fc.tuple(PADDING, PADDING).map(([start, end]) => start + text + end)
const withPadding = (message: Readonly<Record<string, string>>) =>
  fc.record(Object.fromEntries(Object.entries(message).map(([name, text]) => [name, padded(text)])))

test('invisible characters around a text change nothing, in any format', () => {
  const v1 = { firmRootId: 'F1', endToEndId: 'E1', paymentStatus: 'COMPLETED', createDateTime: '2023-07-27T07:41:54Z' }
  const v2 = {
    paymentId: 'P1',
    paymentStatus: 'COMPLETED',
    paymentSubStatus: 'COMPLETED_BY_JPM',
    valueDate: '2026-03-01',
  }
  const instamed = {
    PaymentTransactionID: 'a1',
    OriginalTransactionID: 'b2',
    TransactionAction: 'SimpleRefund',
    CurrentTransactionStatusCode: 'S',
    Amount: '5.00',
    CLMREF: 'C1',
    ResponseCode: '010',
  }
  const xmlOf = (message: object) =>
    `<m>${Object.entries(message)
      .map(([name, text]) => `<${name}>${text}</${name}>`)
      .join('')}</m>`
  const read = (adapter: Provider, callback: Callback) => {
    const translation = adapter.translate(callback)
    expect(translation.events).toHaveLength(1)
    expect([translation.events[0]?.paymentKey, null]).toContain(adapter.firstPaymentKey(callback))
    return translation
  }
  const form = { contentType: 'application/x-www-form-urlencoded' }
  const [plain1, plain2, plainInstamed] = [
    read(V1, callbackOf({ callbacks: [v1] })),
    read(V2, callbackOf({ data: { payments: [v2] } })),
    read(INSTAMED, callbackOf(instamed)),
  ]
  fc.assert(
    fc.property(withPadding(v1), withPadding(v2), withPadding(instamed), (one, two, three) => {
      expect(read(V1, callbackOf({ callbacks: [one] }))).toEqual(plain1)
      expect(read(V2, callbackOf({ data: { payments: [two] } }))).toEqual(plain2)
      expect(read(INSTAMED, callbackOf(three))).toEqual(plainInstamed)
      expect(read(INSTAMED, callbackOf(new URLSearchParams(three).toString(), form))).toEqual(plainInstamed)
      expect(read(INSTAMED, callbackOf(xmlOf(three)))).toEqual(plainInstamed)
    }),
    RUNS,
  )
})

test('a body that is not UTF-8 makes only elements with such an id or status dead letters', () => {
  const text = fc.constantFrom('a', 'b1', 'ñ', 'é2')
  const element = fc.record({ firmRootId: text, paymentStatus: fc.constantFrom('PENDING', 'Señal'), endToEndId: text })
  fc.assert(
    fc.property(fc.array(element, { minLength: 1, maxLength: 5 }), (callbacks) => {
      const isAscii = (value: string) => /^[a-z0-9]+$/i.test(value)
      const body = Buffer.from(JSON.stringify({ callbacks, note: 'ñ' }), 'latin1')
      const { events, deadLetters } = V1.translate(callbackOf(body))
      const isRead = callbacks.map(({ firmRootId, paymentStatus }) => isAscii(firmRootId) && isAscii(paymentStatus))
      expect(events.map((event) => event.element)).toEqual(isRead.flatMap((read, index) => (read ? [index] : [])))
      expect(deadLetters.map((letter) => [letter.element, letter.reason])).toEqual(
        isRead.flatMap((read, index) => (read ? [] : [[index, 'invalid-utf8']])),
      )
      for (const event of events) {
        expect(event.unreadable).toEqual(isAscii(callbacks[event.element]?.endToEndId ?? '') ? [] : ['endToEndId'])
      }
      const named = V1.translate(callbackOf(body, { contentType: 'application/json; charset=iso-8859-1' }))
      expect(named).toEqual(V1.translate(callbackOf({ callbacks, note: 'ñ' })))
    }),
    RUNS,
  )
})

test('the gateway’s key is the key of the first event', () => {
  fc.assert(
    fc.property(
      fc.array(V1_GOOD, { minLength: 1, maxLength: 3 }),
      fc.array(V2_GOOD, { minLength: 1, maxLength: 3 }),
      fc.nat(4),
      (callbacks, payments, indent) => {
        const returns = payments.map(({ paymentId, paymentStatus }) => ({
          originalPaymentIdentifiers: { paymentId: 'original' },
          returnId: paymentId,
          returnStatus: paymentStatus,
        }))
        const cases = [
          [V1, { callbacks }],
          [V2, { id: 'x', data: { payments } }],
          [V2, { id: 'x', data: { returns } }],
        ] as const
        for (const [adapter, body] of cases) {
          const callback = callbackOf(JSON.stringify(body, null, indent))
          expect(adapter.firstPaymentKey(callback)).toBe(adapter.translate(callback).events[0]?.paymentKey)
        }
      },
    ),
  )
})
