import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withChildReports } from '../../src/payment/child-report.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { INSTAMED_STATUS_MAP } from '../../src/providers/instamed/status-map.ts'
import { V1_STATUS_MAP } from '../../src/providers/jpm-global-payments-v1/status-map.ts'
import { V2_STATUS_MAP } from '../../src/providers/jpm-global-payments-v2/status-map.ts'
import { providerById } from '../../src/providers/registry.ts'
import { runs } from '../runs.ts'
import { callbackOf } from './callback-of.ts'
import { foldAll, meaningOf, verdictsOf } from './fold-all.ts'

/** One statement of a provider about one payment. Statements with the same envelope can share a callback. */
interface Statement {
  readonly element: object
  readonly envelope: object
}

/** How statements are delivered: which ones, in which order, how often, and how many per callback. */
interface Delivery {
  readonly order: readonly Statement[]
  readonly cuts: readonly boolean[]
  readonly envelopeIds: readonly string[]
}

const TIMES = fc.integer({ min: 0, max: 5 })
const PAYMENT = fc.constantFrom('0a', '0b', '0c')
const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined })

const V1_STATEMENT = fc
  .record({
    firmRootId: optional(PAYMENT),
    endToEndId: PAYMENT,
    paymentStatus: fc.constantFrom(...V1_STATUS_MAP.map((row) => row.sourceStatus), 'NEW'),
    createDateTime: optional(TIMES.map((minute) => `2023-07-27T07:0${minute}:00.000${minute % 2 === 0 ? 'Z' : ''}`)),
    clearingSystemReference: optional(fc.constantFrom('C1', 'C2')),
    exceptions: optional(fc.constant([{ errorCode: '11000', externalCode: 'AM04' }])),
    fx: optional(fc.constantFrom({ appliedRate: '1.10' }, { appliedRate: 1.1 })),
  })
  .map((element): Statement => ({ element, envelope: {} }))

const V2_STATEMENT = fc
  .record({
    element: fc.record({
      paymentId: PAYMENT,
      statusUpdatedAt: optional(TIMES.map((minute) => `2025-11-10T14:4${minute}:00Z`)),
      paymentIdentifiers: fc.constantFrom({ endToEndId: 'E1' }, { endToEndId: 'E1', achTraceNumber: '1' }),
      exceptions: optional(fc.constant([{ code: '11000', additionalContext: [{ type: 'ISO20022', code: 'AC01' }] }])),
    }),
    status: fc.constantFrom(...V2_STATUS_MAP, { sourceStatus: 'NEW', sourceSubStatus: 'NEWER' }),
    envelope: fc.constantFrom(
      { type: 'Payment.Completed' },
      { type: 'PaymentBatch.Completed' },
      { type: 'PaymentReturn.Completed' },
      { type: 'Payment.Completed', eventcontext: 'MESSAGE_STATUS_ROF_REQ_' },
    ),
  })
  .map(({ element, status, envelope }): Statement => {
    const paymentSubStatus = status.sourceSubStatus === '*' ? undefined : status.sourceSubStatus
    return { element: { ...element, paymentStatus: status.sourceStatus, paymentSubStatus }, envelope }
  })

/** A return has the time of its envelope, so here every envelope has its own time and a distinct statement. */
const RETURN_ENVELOPES = Array.from({ length: 6 }, (_, minute) => ({
  type: 'Payment.Completed',
  time: `2025-11-10T14:4${minute}:00Z`,
}))
const RETURN_STATEMENT = fc
  .record({
    returnId: fc.constantFrom('ra', 'rb'),
    minute: TIMES,
    status: fc.constantFrom(...V2_STATUS_MAP, { sourceStatus: 'NEW', sourceSubStatus: 'NEWER' }),
    originalPaymentIdentifiers: fc.constantFrom(
      { paymentId: '0a' },
      { paymentId: '0b', clearingSystemReference: 'C' },
      {},
    ),
    value: fc.constantFrom({ amount: '5.00', currency: 'BRL' }, { amount: 5 }, undefined),
  })
  .map(({ minute, status, ...rest }): Statement => {
    const returnSubStatus = status.sourceSubStatus === '*' ? undefined : status.sourceSubStatus
    const paymentIdentifiers = { endToEndId: `E${minute}` }
    return {
      element: { ...rest, returnStatus: status.sourceStatus, returnSubStatus, paymentIdentifiers },
      envelope: RETURN_ENVELOPES[minute] ?? {},
    }
  })

const INSTAMED_STATEMENT = fc
  .record({
    row: fc.constantFrom(...INSTAMED_STATUS_MAP),
    id: fc.tuple(PAYMENT, fc.boolean()),
    original: fc.tuple(PAYMENT, fc.boolean()),
    ResponseDateTime: optional(TIMES.map((minute) => `12/14/2017 11:5${minute}:06 PM`)),
    Amount: optional(fc.constantFrom('5.00', '50.00')),
    CLMREF: optional(fc.constantFrom('CLM1', 'CLM2')),
  })
  .map(({ row, id, original, ...rest }): Statement => {
    const sent = ([text, inCapitals]: [string, boolean]) => (inCapitals ? text.toUpperCase() : text)
    const element = {
      PaymentTransactionID: sent(id),
      OriginalTransactionID: row.id === 'own' ? sent(id) : sent(original),
      TransactionAction: actionOf(row),
      CurrentTransactionStatusCode: row.codes === '*' ? 'Z' : row.codes[0],
      primaryTransactionStatus: row.primaryCode,
      ...rest,
    }
    return { element, envelope: {} }
  })

/** A value that the row matches. */
function actionOf({ actions }: (typeof INSTAMED_STATUS_MAP)[number]): unknown {
  if (actions === '*') {
    return 'Sale'
  }
  return actions === 'unreadable' ? ['Sale'] : actions[0]
}

const V1 = {
  id: 'jpm-global-payments-v1',
  statement: V1_STATEMENT,
  together: true,
  bodyOf: (_envelope: object, elements: readonly object[]): object => ({ callbacks: elements }),
}
const V2 = {
  id: 'jpm-global-payments-v2',
  statement: V2_STATEMENT,
  together: true,
  bodyOf: (envelope: object, elements: readonly object[]): object => ({ ...envelope, data: { payments: elements } }),
}
const RETURNS = {
  id: 'jpm-global-payments-v2',
  statement: RETURN_STATEMENT,
  together: true,
  bodyOf: (envelope: object, elements: readonly object[]): object => ({ ...envelope, data: { returns: elements } }),
}
const INSTAMED = {
  id: 'instamed',
  statement: INSTAMED_STATEMENT,
  together: false,
  bodyOf: (_envelope: object, elements: readonly object[]): object => elements[0] ?? {},
}
type Wire = typeof V1

/** The same statements, each at least once, in any order, some repeated, split into callbacks anywhere, in new envelopes. */
function deliveryOf(statements: readonly Statement[]): fc.Arbitrary<Delivery> {
  return fc.array(fc.constantFrom(...statements), { maxLength: 4 }).chain((repeats) => {
    const all = [...statements, ...repeats]
    return fc.record({
      order: fc.shuffledSubarray(all, { minLength: all.length }),
      cuts: fc.array(fc.boolean(), { minLength: all.length, maxLength: all.length }),
      envelopeIds: fc.array(fc.uuid(), { minLength: all.length, maxLength: all.length }),
    })
  })
}

function eventsOf(wire: Wire, { order, cuts, envelopeIds }: Delivery): readonly PaymentEvent[] {
  const groups: Statement[][] = []
  for (const [index, statement] of order.entries()) {
    const open = groups.at(-1)
    // Only statements with the same envelope can share a callback.
    const fits = wire.together && cuts[index] === false && open?.[0]?.envelope === statement.envelope
    if (open !== undefined && fits) {
      open.push(statement)
    } else {
      groups.push([statement])
    }
  }
  return groups.flatMap((group, index) => {
    const envelope = { time: new Date(index).toISOString(), ...group[0]?.envelope, id: envelopeIds[index] }
    const body = wire.bodyOf(
      envelope,
      group.map((statement) => statement.element),
    )
    const { events, deadLetters } = translate(wire, body, `callback-${index}`)
    expect(deadLetters).toEqual([])
    expect(events).toHaveLength(group.length)
    return events
  })
}

function translate(wire: Wire, body: object, callbackId: string) {
  const provider = providerById(wire.id)
  if (provider === undefined) {
    throw new Error(`no provider ${wire.id}`)
  }
  return provider.translate(callbackOf(body, { callbackId }))
}

describe.each([
  [V1.id, V1],
  [V2.id, V2],
  ['the returns of v2', RETURNS],
  [INSTAMED.id, INSTAMED],
] as const)('%s', (_name, wire) => {
  const lifecycle = fc.array(wire.statement, { minLength: 1, maxLength: 8 })
  const deliveries = lifecycle.chain((statements) => fc.tuple(deliveryOf(statements), deliveryOf(statements)))

  test('order, repeats, splits and new envelopes do not change the state of a payment (I5)', () => {
    fc.assert(
      fc.property(deliveries, ([one, other]) => {
        expect(meaningOf(withChildReports(eventsOf(wire, one)))).toEqual(
          meaningOf(withChildReports(eventsOf(wire, other))),
        )
      }),
      runs(1_000),
    )
  })

  test('an original has the state of each child that follows from the reports that name the original (I5)', () => {
    fc.assert(
      fc.property(lifecycle.chain(deliveryOf), (delivery) => {
        const events = eventsOf(wire, delivery)
        for (const { paymentKey, children } of foldAll(withChildReports(events))) {
          const naming = events.filter(({ relatesTo }) => relatesTo === paymentKey)
          expect(children.map((child) => [child.paymentKey, child.status])).toEqual(
            foldAll(naming).map((state) => [state.paymentKey, state.status]),
          )
        }
      }),
      { numRuns: 500 },
    )
  })

  test('versions have no gaps and repeats use none (I4)', () => {
    fc.assert(
      fc.property(lifecycle.chain(deliveryOf), (delivery) => {
        for (const state of foldAll(withChildReports(eventsOf(wire, delivery)))) {
          expect(state.statusVersion).toBe(state.events.length)
          expect(new Set(state.events.map(({ event }) => event.eventId)).size).toBe(state.events.length)
        }
      }),
      runs(300),
    )
  })
})

const v1Events = (...steps: readonly (readonly [string, string])[]) =>
  steps.flatMap(([paymentStatus, time], index) => {
    const element = { firmRootId: 'F', paymentStatus, createDateTime: `2023-07-27T${time}:00Z` }
    return translate(V1, { callbacks: [element] }, `callback-${index}`).events
  })
const onlyState = (events: readonly PaymentEvent[]) => {
  const [state, ...others] = foldAll(events)
  expect(others).toEqual([])
  return state
}

describe('v1 sequences', () => {
  test('RETURNED after COMPLETED is applied', () => {
    const events = v1Events(['PENDING', '07:00'], ['COMPLETED', '07:01'], ['RETURNED', '09:00'])
    expect(verdictsOf(events)).toEqual(['APPLIED', 'APPLIED', 'APPLIED'])
    expect(onlyState(events)).toMatchObject({ status: 'RETURNED', attention: [] })
  })

  test('PENDING after REJECTED is late, whether its time is older or newer', () => {
    for (const time of ['06:59', '07:02']) {
      const events = v1Events(['REJECTED', '07:01'], ['PENDING', time])
      expect(verdictsOf(events)).toEqual(['APPLIED', 'LATE'])
      expect(onlyState(events)).toMatchObject({ status: 'REJECTED', attention: [] })
    }
  })

  test('COMPLETED after REJECTED does not change the status but adds attention, in both orders of arrival', () => {
    const events = v1Events(['REJECTED', '07:01'], ['COMPLETED', '07:02'])
    expect(verdictsOf(events)).toEqual(['APPLIED', 'CONFLICT'])
    for (const order of [events, events.toReversed()]) {
      expect(onlyState(order)).toMatchObject({ status: 'REJECTED', attention: ['positive-after-final'] })
    }
  })

  test('the same status at another time is a revision; with the same content it is a duplicate', () => {
    const events = v1Events(['COMPLETED', '07:01'], ['COMPLETED', '07:02'], ['COMPLETED', '07:01'])
    expect(verdictsOf(events)).toEqual(['APPLIED', 'REVISION', 'DUPLICATE'])
  })
})

describe('InstaMed sequences', () => {
  const message = (id: string, fields: object) => ({
    PaymentTransactionID: id,
    OriginalTransactionID: 'a1',
    TransactionAction: 'Sale',
    CurrentTransactionStatusCode: 'C',
    ResponseDateTime: '12/14/2017 11:58:06 PM',
    Amount: '10.00',
    ...fields,
  })
  const eventsOfAll = (...bodies: readonly object[]) =>
    bodies.flatMap((body, index) => translate(INSTAMED, body, `callback-${index}`).events)

  test('two legitimate equal partial refunds remain two, each counted once', () => {
    const refund = { TransactionAction: 'Refund', Amount: '5.00' }
    const bodies = [message('a1', {}), message('r1', refund), message('r2', refund), message('R1', refund)]
    for (const order of [bodies, bodies.toReversed()]) {
      const states = foldAll(eventsOfAll(...order))
      expect(
        states.map(({ paymentKey, kind, relatesTo, status, statusVersion }) => [
          paymentKey,
          kind,
          relatesTo,
          status,
          statusVersion,
        ]),
      ).toEqual([
        ['acme:a1', 'PAYMENT', null, 'AUTHORIZED', 1],
        ['acme:r1', 'REFUND', 'acme:a1', 'COMPLETED', 1],
        ['acme:r2', 'REFUND', 'acme:a1', 'COMPLETED', 1],
      ])
    }
  })

  test('two equal partial refunds are two children of the original in every order (I5)', () => {
    const refund = { TransactionAction: 'Refund', Amount: '5.00' }
    const bodies = [message('a1', {}), message('r1', refund), message('r2', refund), message('R1', refund)]
    const amount = { value: '5.00', currency: 'USD' }
    const child = { kind: 'REFUND', status: 'COMPLETED', amount, requestAmount: null }
    for (const order of [bodies, bodies.toReversed()]) {
      const [original] = foldAll(withChildReports(eventsOfAll(...order)))
      expect(original).toMatchObject({ paymentKey: 'acme:a1', kind: 'PAYMENT', status: 'AUTHORIZED', statusVersion: 3 })
      expect(original?.children).toEqual([
        { paymentKey: 'acme:r1', ...child },
        { paymentKey: 'acme:r2', ...child },
      ])
    }
  })

  test('a void with the time of its authorization is not a duplicate of it', () => {
    const events = eventsOfAll(message('a1', {}), message('a1', { CurrentTransactionStatusCode: 'V' }))
    expect(verdictsOf(events)).toEqual(['APPLIED', 'APPLIED'])
    expect(onlyState(events)?.status).toBe('VOIDED')
  })

  test('a message is the same event in JSON, as name-value pairs and in XML', () => {
    const fields = { ...message('a1', {}), CLMREF: 'C&1' }
    const provider = providerById(INSTAMED.id)
    const form = new URLSearchParams(fields).toString()
    const xml = `<x>${Object.entries(fields)
      .map(([name, value]) => `<${name}>${value.replace('&', '&amp;')}</${name}>`)
      .join('')}</x>`
    const ids = [
      [JSON.stringify(fields), 'application/json'],
      [form, 'application/x-www-form-urlencoded'],
      [xml, 'application/xml'],
    ].map(([body = '', contentType = '']) => provider?.translate(callbackOf(body, { contentType })).events[0]?.eventId)
    expect(ids[0]).toBeTypeOf('string')
    expect(new Set(ids).size).toBe(1)
  })
})
