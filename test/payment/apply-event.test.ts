import { describe, expect, test, vi } from 'vitest'
import {
  applyEvent,
  authenticityOf,
  orderFreePart,
  type PaymentState,
  type RecordedEvent,
  VERDICT_RULES,
} from '../../src/payment/apply-event.ts'
import { HISTORY_EVENTS_MAX, outlineOf } from '../../src/payment/keep-within-bound.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import type { PaymentStatus } from '../../src/payment/payment-status.ts'
import { LIGHT, sampleEvent } from '../avro/samples.ts'

// A hundred times the usual duration: a busy machine is no failure.
vi.setConfig({ testTimeout: 30_000 })

/** An event whose natural key, provider event id and callback are unique by default. */
function at(status: PaymentStatus, occurredAt: number | null, changes: Partial<PaymentEvent> = {}): PaymentEvent {
  const eventId = changes.eventId ?? `${status}@${occurredAt}`
  return sampleEvent({
    eventId,
    status,
    occurredAt,
    naturalKey: `natural ${eventId}`,
    providerEventId: `provider ${eventId}`,
    callbackId: `callback ${eventId}`,
    ...changes,
  })
}

function stateAfter(...events: PaymentEvent[]): PaymentState {
  let state: PaymentState | undefined
  for (const [index, event] of events.entries()) {
    const applied = applyEvent(state, event, 100 + index)
    state = applied.outcome === 'recorded' ? applied.change.state : state
  }
  return state as PaymentState
}

/** The verdict of the last arrival. */
function arrivalOf(...events: PaymentEvent[]): RecordedEvent {
  const last = events.at(-1) as PaymentEvent
  const applied = applyEvent(events.length === 1 ? undefined : stateAfter(...events.slice(0, -1)), last, 500)
  if (applied.outcome !== 'recorded') {
    throw new Error(applied.outcome)
  }
  return applied.change.recorded
}

describe('the verdict', () => {
  test('of the first event is APPLIED', () => {
    expect(arrivalOf(at('COMPLETED', 1))).toMatchObject({ verdict: 'APPLIED', rule: 'first-event' })
  })

  test('is APPLIED when the status changed', () => {
    expect(arrivalOf(at('PROCESSING', 1), at('COMPLETED', 2))).toMatchObject({
      verdict: 'APPLIED',
      rule: 'status-changed',
      statusAfter: 'COMPLETED',
    })
  })

  test('is LATE when a stronger or later event decides', () => {
    expect(arrivalOf(at('COMPLETED', 2), at('PROCESSING', 1))).toMatchObject({
      verdict: 'LATE',
      rule: 'status-unchanged',
      statusAfter: 'COMPLETED',
    })
  })

  test('is REVISION for a known step with other details, even an old one', () => {
    const known = at('PROCESSING', 1, { naturalKey: 'step' })
    const again = at('PROCESSING', 1, { eventId: 'again', naturalKey: 'step', fxAppliedRate: '1.1' })
    expect(arrivalOf(known, again)).toMatchObject({ verdict: 'REVISION', rule: 'same-natural-key' })
    expect(arrivalOf(known, at('COMPLETED', 2), again)).toMatchObject({ verdict: 'REVISION', rule: 'same-natural-key' })
  })

  test('is REVISION when the status stays and this event now decides', () => {
    expect(arrivalOf(at('PROCESSING', 1), at('PROCESSING', 2))).toMatchObject({
      verdict: 'REVISION',
      rule: 'new-deciding-event',
    })
  })

  test('is CONFLICT when a second, different final status arrives', () => {
    expect(arrivalOf(at('REJECTED', 1), at('CANCELED', 2))).toMatchObject({
      verdict: 'CONFLICT',
      rule: 'brings-contradictory-finals',
      statusAfter: 'REJECTED',
    })
  })

  test('is CONFLICT when "paid" is later than a final status, in whichever order they arrive', () => {
    const expected = { verdict: 'CONFLICT', rule: 'brings-positive-after-final' }
    expect(arrivalOf(at('REJECTED', 1), at('COMPLETED', 2))).toMatchObject(expected)
    expect(arrivalOf(at('COMPLETED', 2), at('REJECTED', 1))).toMatchObject(expected)
  })

  test('is CONFLICT only for the event that causes the contradiction, not for later ones', () => {
    expect(arrivalOf(at('REJECTED', 1), at('CANCELED', 2), at('CANCELED', 3))).toMatchObject({ verdict: 'LATE' })
  })

  test('is CONFLICT when the provider uses one event id for two facts in two callbacks', () => {
    expect(
      arrivalOf(at('PROCESSING', 1, { providerEventId: 'p' }), at('COMPLETED', 2, { providerEventId: 'p' })),
    ).toMatchObject({ verdict: 'CONFLICT', rule: 'provider-event-id-reused', statusAfter: 'COMPLETED' })
  })

  test('is not CONFLICT when elements of one callback share its id, or have none', () => {
    const shared = { providerEventId: 'p', callbackId: 'same' }
    expect(arrivalOf(at('PROCESSING', 1, shared), at('COMPLETED', 2, shared)).verdict).toBe('APPLIED')
    const none = { providerEventId: null }
    expect(arrivalOf(at('PROCESSING', 1, none), at('COMPLETED', 2, none)).verdict).toBe('APPLIED')
  })

  test('is UNKNOWN for an event that was not understood, and the status stays', () => {
    expect(arrivalOf(at('COMPLETED', 1), at('UNKNOWN', 2, { unknownBecause: 'STATUS' }))).toMatchObject({
      verdict: 'UNKNOWN',
      rule: 'unknown-event',
      statusAfter: 'COMPLETED',
    })
  })
})

describe('if several verdicts apply', () => {
  test('UNKNOWN comes before a reused provider event id, and before the first event', () => {
    const reused = { providerEventId: 'p' }
    expect(
      arrivalOf(at('COMPLETED', 1, reused), at('UNKNOWN', 2, { ...reused, unknownBecause: 'STATUS' })).verdict,
    ).toBe('UNKNOWN')
    expect(arrivalOf(at('UNKNOWN', 1, { unknownBecause: 'CONTEXT' })).verdict).toBe('UNKNOWN')
  })

  test('CONFLICT comes before APPLIED', () => {
    // The status changes from COMPLETED to REJECTED, and that contradicts it.
    expect(arrivalOf(at('COMPLETED', 2), at('REJECTED', 1))).toMatchObject({
      verdict: 'CONFLICT',
      statusAfter: 'REJECTED',
    })
  })

  test('CONFLICT comes before REVISION', () => {
    const step = { naturalKey: 'step', providerEventId: 'p' }
    expect(arrivalOf(at('PROCESSING', 1, step), at('PROCESSING', 2, step)).verdict).toBe('CONFLICT')
  })

  test('APPLIED comes before REVISION', () => {
    const step = { naturalKey: 'step' }
    expect(arrivalOf(at('PROCESSING', 1, step), at('ON_HOLD', 2, step)).verdict).toBe('APPLIED')
  })

  test('every rule takes its verdict from the table', () => {
    const applied = [
      arrivalOf(at('COMPLETED', 1)),
      arrivalOf(at('COMPLETED', 1), at('PROCESSING', 1)),
      arrivalOf(at('REJECTED', 1), at('VOIDED', 1)),
    ]
    for (const { rule, verdict } of applied) {
      expect(verdict).toBe(VERDICT_RULES[rule].verdict)
    }
  })
})

describe('a known event', () => {
  test('is a duplicate in any envelope and at any time, and changes nothing', () => {
    const state = stateAfter(at('PROCESSING', 1), at('COMPLETED', 2))
    const again = at('PROCESSING', 1, { callbackId: 'another', receivedAt: 9_999, element: 7, providerEventId: 'new' })
    expect(applyEvent(state, again, 900)).toEqual({ outcome: 'duplicate', state: null })
  })
})

describe('another reading of a known event', () => {
  const known = at('PROCESSING', 1, { mappingVersion: 1 })
  const reread = (mappingVersion: number, changes: Partial<PaymentEvent> = {}) => ({
    ...at('COMPLETED', 1, { eventId: known.eventId, mappingVersion }),
    ...changes,
  })

  test('I3 by a newer mapping replaces the old one once, as RESTATED with the next version', () => {
    const before = stateAfter(known, at('ACCEPTED', 0))
    const applied = applyEvent(before, reread(2), 900)
    expect(applied).toMatchObject({
      outcome: 'recorded',
      change: {
        statusBefore: 'PROCESSING',
        restated: known,
        recorded: { verdict: 'RESTATED', rule: 'newer-mapping', statusVersion: 3, statusAfter: 'COMPLETED' },
        state: { status: 'COMPLETED', statusVersion: 3, statusChangedAt: 900, touchedAt: 900 },
      },
    })
    const state = stateAfter(known, at('ACCEPTED', 0), reread(2))
    expect(state.events.map(({ event, statusVersion }) => [event.status, statusVersion])).toEqual([
      ['ACCEPTED', 2],
      ['COMPLETED', 3],
    ])
    expect(applyEvent(state, reread(2), 901)).toEqual({ outcome: 'duplicate', state: null })
  })

  test('by an older mapping is a duplicate', () => {
    expect(applyEvent(stateAfter(reread(2)), known, 900)).toEqual({ outcome: 'duplicate', state: null })
  })

  test('I5 with the same content only updates its mapping version', () => {
    const before = stateAfter(known, at('ACCEPTED', 0))
    const applied = applyEvent(before, { ...known, mappingVersion: 3, callbackId: 'again' }, 900)
    const [first, other] = before.events as [RecordedEvent, RecordedEvent]
    expect(applied).toEqual({
      outcome: 'duplicate',
      state: { ...before, events: [{ ...first, event: { ...known, mappingVersion: 3 } }, other] },
    })
  })

  test('I5 with an earlier envelope time replaces the old one, if the event has no time of its own', () => {
    const [at10, at30] = [
      reread(1, { occurredAt: 10, occurredAtText: null }),
      reread(1, { occurredAt: 30, occurredAtText: null }),
    ]
    expect(applyEvent(stateAfter(at30), at10, 900)).toMatchObject({
      outcome: 'recorded',
      change: { recorded: { verdict: 'RESTATED', rule: 'earlier-time' } },
    })
    expect(applyEvent(stateAfter(at10), at30, 900)).toEqual({ outcome: 'duplicate', state: null })
  })

  test('I5 with another currency replaces the old one if it comes before it, whatever arrived first', () => {
    const [brl, usd] = ['BRL', 'USD'].map((currency) => reread(1, { amount: { value: '50.00', currency } })) as [
      PaymentEvent,
      PaymentEvent,
    ]
    expect(applyEvent(stateAfter(usd), brl, 900)).toMatchObject({
      outcome: 'recorded',
      change: { recorded: { verdict: 'RESTATED', rule: 'other-content' }, state: { details: { amount: brl.amount } } },
    })
    expect(applyEvent(stateAfter(brl), usd, 900)).toEqual({ outcome: 'duplicate', state: null })
  })

  test('takes precedence over all other rules, and clears the overdue mark only if the status changes', () => {
    const overdue = { ...stateAfter(known), overdueSince: 5 }
    const same = applyEvent(overdue, { ...known, mappingVersion: 2, rail: 'another' }, 900)
    expect(same).toMatchObject({ change: { recorded: { verdict: 'RESTATED' }, state: { overdueSince: 5 } } })
    const other = applyEvent(overdue, reread(2, { status: 'UNKNOWN', unknownBecause: 'STATUS' }), 900)
    expect(other).toMatchObject({ change: { recorded: { verdict: 'RESTATED' }, state: { overdueSince: null } } })
  })
})

describe('a withdrawal', () => {
  const known = at('COMPLETED', 1, { mappingVersion: 1, endToEndId: 'e2e' })
  const withdrawn = { ...known, mappingVersion: 2, withdrawn: true }

  test('I3 of a known event is one step WITHDRAWN: the event stays in the history and counts for nothing', () => {
    const before = stateAfter(at('PROCESSING', 0, { endToEndId: null }), known)
    const applied = applyEvent({ ...before, overdueSince: 5 }, withdrawn, 900)
    expect(applied).toMatchObject({
      outcome: 'recorded',
      change: {
        statusBefore: 'COMPLETED',
        restated: known,
        recorded: { verdict: 'WITHDRAWN', rule: 'no-longer-read', statusVersion: 3, statusAfter: 'PROCESSING' },
        state: { status: 'PROCESSING', decidedBy: 'PROCESSING@0', statusVersion: 3, overdueSince: null },
      },
    })
    const state = stateAfter(at('PROCESSING', 0, { endToEndId: null }), known, withdrawn)
    expect(state.details.endToEndId).toBeNull()
    expect(state.events.map(({ event }) => [event.eventId, event.withdrawn])).toEqual([
      ['PROCESSING@0', false],
      [known.eventId, true],
    ])
  })

  test.each([known, withdrawn, { ...withdrawn, status: 'REJECTED' as const }])(
    'I3 is a duplicate again, and so is the reading that it withdrew (case %#)',
    (arrival) => {
      expect(applyEvent(stateAfter(known, withdrawn), arrival, 900)).toEqual({ outcome: 'duplicate', state: null })
    },
  )

  test('of the only event leaves the payment, as UNKNOWN', () => {
    expect(stateAfter(known, withdrawn)).toMatchObject({
      paymentKey: known.paymentKey,
      incarnation: known.receivedAt,
      statusVersion: 2,
      status: 'UNKNOWN',
      decidedBy: null,
      attention: [],
      details: { endToEndId: null, references: [] },
    })
  })

  test('of the only event clears the overdue mark, even if the status stays UNKNOWN: nothing is awaited any more', () => {
    const unknown = at('UNKNOWN', 1, { unknownBecause: 'STATUS' })
    const report = at('COMPLETED', 1, { ...LIGHT, paymentKey: 'jpm:1', childKey: 'jpm:2' })
    const overdue = { ...stateAfter(unknown, report), overdueSince: 5 }
    const gone = { ...unknown, mappingVersion: 2, withdrawn: true }
    expect(applyEvent(overdue, gone, 900)).toMatchObject({
      change: { state: { status: 'UNKNOWN', overdueSince: null } },
    })
    const other = { ...stateAfter(unknown, at('UNKNOWN', 2, { unknownBecause: 'STATUS' })), overdueSince: 5 }
    expect(applyEvent(other, gone, 900)).toMatchObject({ change: { state: { status: 'UNKNOWN', overdueSince: 5 } } })
  })

  test('of an event that is not known is recorded, so that the event changes nothing when it arrives', () => {
    expect(arrivalOf(withdrawn)).toMatchObject({ verdict: 'WITHDRAWN', statusVersion: 1, statusAfter: 'UNKNOWN' })
    expect(orderFreePart(stateAfter(withdrawn, known))).toEqual(orderFreePart(stateAfter(known, withdrawn)))
  })

  test('is undone by a newer mapping, or by another callback of the same version', () => {
    for (const mappingVersion of [2, 3]) {
      expect(arrivalOf(known, withdrawn, { ...known, mappingVersion })).toMatchObject({
        verdict: 'RESTATED',
        rule: 'read-again',
        statusAfter: 'COMPLETED',
      })
    }
  })

  test('of a report takes the child from the original', () => {
    const report = at('COMPLETED', 1, { eventId: 'report', childKey: 'jpm:child', kind: 'REFUND' })
    const state = stateAfter(known, report, { ...report, mappingVersion: 2, withdrawn: true })
    expect(state).toMatchObject({ status: 'COMPLETED', statusVersion: 3, children: [] })
    expect(state.events.at(-1)).toMatchObject({ verdict: 'WITHDRAWN', rule: 'no-longer-read' })
  })

  test('is disregarded in the verdict on later events', () => {
    const next = at('COMPLETED', 1, {
      eventId: 'next',
      naturalKey: known.naturalKey,
      providerEventId: known.providerEventId,
    })
    expect(arrivalOf(known, next)).toMatchObject({ rule: 'provider-event-id-reused' })
    expect(arrivalOf(known, withdrawn, next)).toMatchObject({ verdict: 'APPLIED', rule: 'first-event' })
  })
})

describe('the state', () => {
  test('takes its incarnation from its first event and keeps it', () => {
    const state = stateAfter(at('PROCESSING', 1, { receivedAt: 77 }), at('COMPLETED', 2, { receivedAt: 50 }))
    expect(state.incarnation).toBe(77)
  })

  test('says when its status last changed and when an event was last recorded', () => {
    expect(stateAfter(at('COMPLETED', 2), at('PROCESSING', 1))).toMatchObject({ statusChangedAt: 100, touchedAt: 101 })
  })

  test('loses the overdue mark when the status changes, and only then', () => {
    const overdue = { ...stateAfter(at('PROCESSING', 5)), overdueSince: 70 }
    const late = applyEvent(overdue, at('RECEIVED', 1), 200)
    const moved = applyEvent(overdue, at('COMPLETED', 9), 200)
    expect(late).toMatchObject({ change: { state: { overdueSince: 70 } } })
    expect(moved).toMatchObject({ change: { state: { overdueSince: null } } })
  })
})

describe('the part of a state that does not depend on order', () => {
  // Without this, the tests of order could compare empty values.
  test('contains everything the events say together, and the event ids', () => {
    const state = stateAfter(
      at('COMPLETED', 2, { eventId: 'b', kind: 'REFUND', relatesTo: 'x:1', weakKey: true }),
      at('PROCESSING', 1, { eventId: 'a' }),
    )
    expect(orderFreePart(state)).toEqual({
      status: 'COMPLETED',
      decidedBy: 'b',
      attention: ['weak-key'],
      kind: 'REFUND',
      relatesTo: 'x:1',
      details: state.details,
      children: [],
      eventIds: ['a', 'b'],
      mappingVersions: [1, 1],
    })
  })
})

describe('I10: a full history', () => {
  const middle = Array.from({ length: HISTORY_EVENTS_MAX }, (_, index) => at('PROCESSING', 10 * (index + 1), LIGHT))
  const full = stateAfter(...middle)

  test('is 256 events', () => {
    expect(full.events).toHaveLength(HISTORY_EVENTS_MAX)
  })

  test('refuses an event that decides nothing', () => {
    expect(applyEvent(full, at('PROCESSING', 2_555, LIGHT), 900)).toEqual({
      outcome: 'history-full',
      state: { ...full, eventsLeftOut: 1 },
    })
  })

  test('accepts an event that decides, and drops one that does not', () => {
    const applied = applyEvent(full, at('COMPLETED', 1, LIGHT), 900)
    expect(applied).toMatchObject({ outcome: 'recorded', change: { recorded: { verdict: 'APPLIED' } } })
    if (applied.outcome === 'recorded') {
      const { state } = applied.change
      expect(state.status).toBe('COMPLETED')
      expect(state.statusVersion).toBe(HISTORY_EVENTS_MAX + 1)
      expect(state.events).toHaveLength(HISTORY_EVENTS_MAX)
    }
  })

  test('refuses an event it has dropped: recorded once, never published twice', () => {
    const applied = applyEvent(full, at('COMPLETED', 1, LIGHT), 900)
    const state = applied.outcome === 'recorded' ? applied.change.state : full
    const kept = new Set(state.events.map((recorded) => recorded.event.eventId))
    const gone = middle.filter((event) => !kept.has(event.eventId))
    expect(gone).toHaveLength(1)
    expect(applyEvent(state, gone[0] as PaymentEvent, 901).outcome).toBe('history-full')
    expect([full, state].map(({ eventsLeftOut }) => eventsLeftOut)).toEqual([0, 1])
  })

  test('recognises an event that it keeps without its details, and does not give them back', () => {
    const bulk = { sourceSubStatus: 'x'.repeat(6_000), amount: { value: '5', currency: 'USD' } }
    const large = Array.from({ length: 40 }, (_, index) => at(index === 30 ? 'ON_HOLD' : 'PROCESSING', index, bulk))
    const state = stateAfter(...large)
    const hold = large[30] as PaymentEvent
    const kept = state.events.find(({ event }) => event.eventId === hold.eventId)
    expect(kept).toMatchObject({ detailsDropped: true, event: outlineOf(hold) })
    expect(applyEvent(state, hold, 900)).toEqual({ outcome: 'duplicate', state: null })
    const again = applyEvent(state, { ...hold, mappingVersion: 2 }, 900)
    const events = state.events.map((one) =>
      one === kept ? { ...one, event: { ...outlineOf(hold), mappingVersion: 2 } } : one,
    )
    expect(again).toEqual({ outcome: 'duplicate', state: { ...state, events } })
    const reread = applyEvent(state, { ...hold, mappingVersion: 2, status: 'RECEIVED' }, 900)
    expect(reread).toMatchObject({
      outcome: 'recorded',
      change: { recorded: { verdict: 'RESTATED', detailsDropped: false } },
    })
  })

  test('publishes a whole event in changes even if it is kept without its details at once', () => {
    const bulk = { sourceSubStatus: 'x'.repeat(6_000) }
    const state = stateAfter(...Array.from({ length: 40 }, (_, index) => at('PROCESSING', index, bulk)))
    const received = at('RECEIVED', 50, bulk)
    const applied = applyEvent(state, received, 900)
    const change = applied.outcome === 'recorded' ? applied.change : null
    expect(change?.recorded.event).toBe(received)
    // A later event of the same tier is the first source of details, so the latest of them is whole.
    const older = at('ON_HOLD', 20, bulk)
    const next = applyEvent(state, older, 900)
    const outcome = next.outcome === 'recorded' ? next.change : null
    expect(outcome?.recorded).toMatchObject({ event: older, detailsDropped: false, rule: 'status-unchanged' })
    expect(outcome?.state.events.at(-1)).toMatchObject({
      event: outlineOf(older),
      detailsDropped: true,
      rule: 'status-unchanged',
    })
  })

  test('drops withdrawn events first, and the withdrawal of one that it keeps always finds room', () => {
    const [first, second, third] = middle as [PaymentEvent, PaymentEvent, PaymentEvent]
    const gone = [second, third].map((event) => ({ ...event, mappingVersion: 2, withdrawn: true }))
    const state = stateAfter(...middle, ...gone)
    expect(state.statusVersion).toBe(HISTORY_EVENTS_MAX + 2)
    const report = at('COMPLETED', 1, { ...LIGHT, paymentKey: 'jpm:1', childKey: 'jpm:2' })
    const kept = stateAfter(...middle, ...gone, report).events.map(({ event }) => event.eventId)
    expect(kept).toHaveLength(HISTORY_EVENTS_MAX)
    expect([first, second, third, report].map(({ eventId }) => kept.includes(eventId))).toEqual([
      true,
      true,
      false,
      true,
    ])
  })

  test('gives the same result in any order of arrival (I5)', () => {
    const events = [
      ...middle,
      ...Array.from({ length: 40 }, (_, index) => at('ON_HOLD', 7 * index, LIGHT)),
      at('COMPLETED', 3, LIGHT),
    ]
    const backwards = stateAfter(...events.toReversed())
    const oddFirst = stateAfter(...events.filter((_, i) => i % 2 === 1), ...events.filter((_, i) => i % 2 === 0))
    expect(orderFreePart(backwards)).toEqual(orderFreePart(stateAfter(...events)))
    expect(orderFreePart(oddFirst)).toEqual(orderFreePart(stateAfter(...events)))
  })
})

describe('how a caller was authenticated', () => {
  const event = (eventId: string, status: PaymentStatus, authenticity: readonly string[]) =>
    sampleEvent({ eventId, status, authenticity, occurredAt: null })

  test('is that of the first callback, even if the event is repeated, and decides nothing', () => {
    const first = stateOf(undefined, event('a', 'ACCEPTED', ['none']))
    expect(applyEvent(first, event('a', 'ACCEPTED', ['mtls']), 2)).toEqual({ outcome: 'duplicate', state: null })
    expect(first.events[0]?.event.authenticity).toEqual(['none'])
  })

  test('of a payment is that of its deciding event', () => {
    const accepted = stateOf(undefined, event('a', 'ACCEPTED', ['mtls']))
    const completed = stateOf(accepted, event('b', 'COMPLETED', ['none']))
    const late = stateOf(completed, event('c', 'RECEIVED', ['hmac']))
    expect([accepted, completed, late].map(authenticityOf)).toEqual([['mtls'], ['none'], ['none']])
    expect(authenticityOf({ decidedBy: null, events: late.events })).toEqual([])
  })
})

function stateOf(state: PaymentState | undefined, event: PaymentEvent): PaymentState {
  const applied = applyEvent(state, event, 1)
  if (applied.outcome !== 'recorded') {
    throw new Error(applied.outcome)
  }
  return applied.change.state
}
