import { describe, expect, test } from 'vitest'
import { applyEvent, type PaymentState, VERDICT_RULES } from '../../src/payment/apply-event.ts'
import { withChildReports } from '../../src/payment/child-report.ts'
import { eventIdOf, withoutTime } from '../../src/payment/event-id.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { sampleEvent } from '../avro/samples.ts'

const ORIGINAL = sampleEvent({ paymentKey: 'im:1', eventId: 'paid', status: 'COMPLETED' })
const REFUND = sampleEvent({
  paymentKey: 'im:2',
  eventId: 'refunded',
  kind: 'REFUND',
  relatesTo: 'im:1',
  status: 'COMPLETED',
  amount: { value: '10.00', currency: 'USD' },
})

function reportOf(event: PaymentEvent): PaymentEvent {
  const [, report] = withChildReports([event])
  return report as PaymentEvent
}

function stateOf(...events: PaymentEvent[]): PaymentState {
  let state: PaymentState | undefined
  for (const [index, event] of events.entries()) {
    const applied = applyEvent(state, event, index)
    state = applied.outcome === 'recorded' ? applied.change.state : state
  }
  return state as PaymentState
}

describe('the events published for an event', () => {
  test('of an original payment are just this event', () => {
    const events = [ORIGINAL]
    expect(withChildReports(events)).toBe(events)
  })

  test('of a refund are the event and, right after it, a report of the same fact to the original', () => {
    const [event, report, ...others] = withChildReports([REFUND])
    expect(event).toBe(REFUND)
    expect(others).toEqual([])
    expect(report).toEqual({
      ...REFUND,
      paymentKey: 'im:1',
      childKey: 'im:2',
      relatesTo: null,
      weakKey: false,
      eventId: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
  })

  test('of several events are in the same order, each report right after its event', () => {
    const other = { ...REFUND, paymentKey: 'im:3', eventId: 'other' }
    expect(
      withChildReports([ORIGINAL, REFUND, other]).map(({ paymentKey, childKey }) => [paymentKey, childKey]),
    ).toEqual([
      ['im:1', null],
      ['im:2', null],
      ['im:1', 'im:2'],
      ['im:3', null],
      ['im:1', 'im:3'],
    ])
  })

  test('distinguish times exactly if the event itself does: not by the time of an envelope', () => {
    const [ten, eleven] = ['2026-03-01T10:00:00Z', '2026-03-01T11:00:00Z'].map((occurredAtText) => ({
      ...REFUND,
      occurredAtText,
    })) as [PaymentEvent, PaymentEvent]
    const reportIds = (idOf: (event: PaymentEvent) => string) =>
      new Set([ten, eleven].map((event) => reportOf({ ...event, eventId: idOf(event) }).eventId)).size
    expect(reportIds(eventIdOf)).toBe(2)
    expect(reportIds((event) => eventIdOf(withoutTime(event)))).toBe(1)
    // An id of unknown origin says nothing about the time.
    expect(reportIds(() => 'by other rules')).toBe(2)
  })

  test('that names itself as its original by mistake are just this event', () => {
    expect(withChildReports([{ ...REFUND, relatesTo: 'im:2' }])).toHaveLength(1)
  })

  test('keep two equal partial refunds apart, and a repeat of one the same', () => {
    const other = { ...REFUND, paymentKey: 'im:3', eventId: 'refunded again' }
    expect(reportOf(REFUND).eventId).not.toBe(reportOf(other).eventId)
    expect(reportOf({ ...REFUND, callbackId: 'again', element: 4, receivedAt: 9 }).eventId).toBe(
      reportOf(REFUND).eventId,
    )
  })
})

describe('the original', () => {
  test('keeps its status and lists the child, in any order', () => {
    const after = stateOf(ORIGINAL, reportOf(REFUND))
    const before = stateOf(reportOf(REFUND), ORIGINAL)
    for (const { status, decidedBy, kind, relatesTo, children } of [after, before]) {
      expect({ status, decidedBy, kind, relatesTo, children }).toEqual({
        status: 'COMPLETED',
        decidedBy: 'paid',
        kind: 'PAYMENT',
        relatesTo: null,
        children: [
          {
            paymentKey: 'im:2',
            kind: 'REFUND',
            status: 'COMPLETED',
            amount: { value: '10.00', currency: 'USD' },
            requestAmount: null,
          },
        ],
      })
    }
    expect(after.events.map(({ verdict, rule }) => [verdict, rule])).toEqual([
      ['APPLIED', 'first-event'],
      ['REVISION', 'child-reported'],
    ])
    // The first event about the payment itself, though not the first to arrive.
    expect(before.events.map(({ verdict, rule }) => [verdict, rule])).toEqual([
      ['REVISION', 'child-reported'],
      ['APPLIED', 'first-event'],
    ])
  })

  test('lists its children by key, whichever was reported first', () => {
    const [a, b] = ['im:a', 'im:b'].map((paymentKey) => reportOf({ ...REFUND, paymentKey })) as [
      PaymentEvent,
      PaymentEvent,
    ]
    for (const order of [
      [a, b],
      [b, a],
    ]) {
      expect(stateOf(ORIGINAL, ...order).children.map(({ paymentKey }) => paymentKey)).toEqual(['im:a', 'im:b'])
    }
  })

  test('that is known only from a child is UNKNOWN, without attention codes', () => {
    const { status, decidedBy, attention, details } = stateOf(reportOf({ ...REFUND, weakKey: true }))
    expect({ status, decidedBy, attention }).toEqual({ status: 'UNKNOWN', decidedBy: null, attention: [] })
    expect([details.amount, details.endToEndId]).toEqual([null, null])
  })

  test('is not affected by a child that contradicts itself, and lists the folded child', () => {
    const failed = sampleEvent({
      ...REFUND,
      eventId: 'failed',
      sourceStatus: 'SE',
      status: 'SETTLEMENT_FAILED',
      occurredAt: 9e12,
    })
    const rejected = sampleEvent({
      ...REFUND,
      eventId: 'rejected',
      sourceStatus: 'X',
      status: 'REJECTED',
      occurredAt: 8e12,
    })
    const { status, attention, children } = stateOf(ORIGINAL, ...[REFUND, failed, rejected].map(reportOf))
    expect([status, attention, children.map((child) => child.status)]).toEqual(['COMPLETED', [], ['REJECTED']])
  })

  test('does not mistake the id of a notification about its child for a reused one', () => {
    const own = sampleEvent({ paymentKey: 'im:1', eventId: 'own', providerEventId: 'n-1', callbackId: 'c-1' })
    const report = reportOf({ ...REFUND, providerEventId: 'n-1', callbackId: 'c-2' })
    expect(stateOf(report, own).events.at(-1)?.rule).toBe('first-event')
    expect(VERDICT_RULES['child-reported'].verdict).toBe('REVISION')
  })
})
