import { describe, expect, test } from 'vitest'
import { WEIGHT_MIN, weightOf } from '../../src/payment/event-weight.ts'
import { foldPayment } from '../../src/payment/fold-payment.ts'
import {
  HISTORY_EVENTS_MAX,
  HISTORY_WEIGHT_MAX,
  keepWithinBound,
  outlineOf,
  wholeEvent,
} from '../../src/payment/keep-within-bound.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import type { PaymentStatus } from '../../src/payment/payment-status.ts'
import { LIGHT, sampleEvent } from '../avro/samples.ts'
import { keptOf } from './kept-of.ts'

function at(status: PaymentStatus, occurredAt: number | null, changes: Partial<PaymentEvent> = {}): PaymentEvent {
  return sampleEvent({ ...LIGHT, eventId: `${status}@${occurredAt}`, status, occurredAt, ...changes })
}

function idsOf(events: readonly PaymentEvent[]): readonly string[] {
  return events.map((event) => event.eventId)
}

describe('I10: the bound', () => {
  const processing = Array.from({ length: 10 }, (_, index) => at('PROCESSING', index))

  test('leaves a short history unchanged, and is 256 events and 96 KiB', () => {
    const items = Array.from({ length: HISTORY_EVENTS_MAX }, (_, index) => wholeEvent(at('PROCESSING', index)))
    expect(keepWithinBound(items)).toBe(items)
    expect([HISTORY_EVENTS_MAX, HISTORY_WEIGHT_MAX]).toEqual([256, 96 * 1024])
  })

  test('keeps the oldest and the latest of every status, timed and untimed, and then older ones first', () => {
    const untimed = ['a', 'b', 'c'].map((id) => at('PROCESSING', null, { eventId: id }))
    expect(idsOf(keptOf([...processing, ...untimed], 6))).toEqual(
      // PROCESSING@0, @9, a and c decide; b is untimed, so it is the oldest of the rest, followed by @1.
      ['PROCESSING@0', 'PROCESSING@1', 'PROCESSING@9', 'a', 'b', 'c'],
    )
  })

  test('fills the remaining places from the stronger tier', () => {
    const completed = Array.from({ length: 4 }, (_, index) => at('COMPLETED', 100 + index))
    expect(idsOf(keptOf([...processing, ...completed], 6))).toEqual([
      'PROCESSING@0',
      'PROCESSING@9',
      ...idsOf(completed),
    ])
  })

  test.each<[string, Partial<PaymentEvent>]>([
    ['a mark', { weakKey: true }],
    ['a partial approval', { partialApproval: true }],
    ['another kind', { kind: 'REFUND' }],
    ['an unknown kind', { kind: 'UNKNOWN' }],
  ])('keeps the latest event with %s', (_, marks) => {
    const marked = processing.map((event, index) => (index === 4 || index === 6 ? { ...event, ...marks } : event))
    expect(idsOf(keptOf(marked, 0))).toEqual(['PROCESSING@0', 'PROCESSING@6', 'PROCESSING@9'])
  })

  test('gives reports of children, and then withdrawn events, only the places that are left, whatever they say', () => {
    const reports = [1, 2].map((ms) => at('RETURNED', ms, { childKey: 'x:1', paymentKey: 'x:2' }))
    const withdrawn = ['z', 'y'].map((eventId) => at('RETURNED', 3, { eventId, withdrawn: true, childKey: null }))
    const all = [...withdrawn, ...reports, ...processing]
    const pushedOut = (places: number) => {
      const kept = keptOf(all, places)
      return idsOf(all.filter((event) => !kept.includes(event)))
    }
    expect(pushedOut(13)).toEqual(['z'])
    expect(pushedOut(12)).toEqual(['z', 'y'])
    expect(pushedOut(11)).toEqual(['z', 'y', 'RETURNED@2'])
    expect(pushedOut(9)).toEqual(['z', 'y', 'RETURNED@1', 'RETURNED@2', 'PROCESSING@8'])
  })

  test('stops at the first event that does not fit: a lighter one after it would depend on the order of arrival', () => {
    // Six places are left beside the two that decide: the first takes five, the next three, so it crosses the limit.
    const heavy = [
      at('PROCESSING', 0),
      weighing(5, 1),
      weighing(3, 2),
      weighing(3, 3),
      at('PROCESSING', 4),
      at('PROCESSING', 5),
    ]
    expect(idsOf(keptOf(heavy, 8))).toEqual(['PROCESSING@0', 'PROCESSING@1', 'PROCESSING@2', 'PROCESSING@5'])
  })

  test('keeps an event that decides without its details if they do not fit, unless details come from it', () => {
    const completed = [weighing(4, 1, 'COMPLETED'), weighing(4, 2, 'COMPLETED')]
    const steps = [weighing(4, 3), at('PROCESSING', 4), weighing(4, 5)]
    const items = [...steps, ...completed].map(wholeEvent)
    const kept = keepWithinBound(items, 5 * WEIGHT_MIN)
    expect(kept.map(({ event, detailsDropped }) => [event.eventId, detailsDropped])).toEqual([
      ['PROCESSING@3', true],
      ['PROCESSING@5', true],
      ['COMPLETED@1', false],
      ['COMPLETED@2', false],
    ])
    expect(kept[0]?.event).toEqual(outlineOf(steps[0] as PaymentEvent))
    // What was dropped does not come back when there is room.
    expect(keepWithinBound(kept, 5 * WEIGHT_MIN)).toBe(kept)
  })

  test('keeps the kind of the events that were understood, whatever later events say that were not', () => {
    const refund = at('PROCESSING', 4, { eventId: 'refund', kind: 'REFUND' })
    const unclear = ['STATUS', 'CONTEXT'].map((unknownBecause) =>
      at('UNKNOWN', 50, { eventId: unknownBecause, kind: 'RETURN', unknownBecause } as Partial<PaymentEvent>),
    )
    expect(foldPayment(keptOf([...processing, refund, ...unclear], 0)).kind).toBe('REFUND')
  })

  test('a withdrawn event takes one place, so it is kept without details', () => {
    const withdrawn = { ...weighing(4, 1), eventId: 'w', withdrawn: true }
    const kept = keepWithinBound([...processing.map(wholeEvent), wholeEvent(withdrawn)], 11 * WEIGHT_MIN)
    expect(kept.at(-1)).toEqual({ event: outlineOf(withdrawn), detailsDropped: true })
    expect(kept).toHaveLength(11)
  })
})

describe('an outline', () => {
  test('has everything that decides, and counts the reasons that it has not', () => {
    const reason = { scheme: 'ISO20022', code: 'AC04', rule: null, location: null, field: null } as const
    const event = at('ON_HOLD', 1, {
      holdReason: 'PENDING_CLIENT_ACTION',
      references: [{ type: 'uetr', value: 'u' }],
      reasons: [reason, reason],
      reasonsOmitted: 1,
      unreadable: ['amount', 'rail'],
      endToEndId: 'E2E',
    })
    const outline = outlineOf(event)
    expect(outline).toMatchObject({ references: [], reasons: [], reasonsOmitted: 3, endToEndId: null, naturalKey: '' })
    const { eventId, status, occurredAt, occurredAtText, holdReason, callbackId, mappingVersion } = event
    expect(outline).toMatchObject({
      eventId,
      status,
      occurredAt,
      occurredAtText,
      holdReason,
      callbackId,
      mappingVersion,
    })
    expect(outline.unreadable).toEqual(['amount'])
  })
})

/** A PROCESSING event that weighs as much as so many places. */
function weighing(places: number, occurredAt: number, status: PaymentStatus = 'PROCESSING'): PaymentEvent {
  const withText = (length: number) => at(status, occurredAt, { sourceSubStatus: 'x'.repeat(length) })
  const rest = weightOf(withText(1_000)) - 1_000
  return withText(places * WEIGHT_MIN - rest)
}
