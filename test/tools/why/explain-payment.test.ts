import { describe, expect, test } from 'vitest'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { explainPayment, type PaymentTrace, type RawPlace } from '../../../src/tools/why/explain-payment.ts'
import { whyStory } from '../../../src/tools/why/why-story.ts'
import { type Arrival, DAY_MS, evidenceOf, NOW, told } from '../verify/evidence.ts'

function place(offset: number): RawPlace {
  return {
    topic: 'raw',
    partition: 2,
    offset,
    bodySha256: 'ab'.repeat(32),
    bodyBytes: 591,
    body: 'readable',
    dataKeyId: null,
    traceId: null,
    repeatedAt: [],
  }
}

/** The trace after these arrivals, which `payments.events` holds, too. */
function traceOf(arrivals: readonly Arrival[], changes: Partial<PaymentTrace> = {}): PaymentTrace {
  const { state, changes: records } = evidenceOf(arrivals)
  const events = arrivals.filter((arrival): arrival is PaymentEvent => typeof arrival !== 'string')
  return {
    state,
    changes: records.flatMap(({ change }) => (change === null ? [] : [change])),
    events: events.map((event) => ({ event, processed: true })),
    deadLetters: [],
    raw: new Map(events.map(({ callbackId }, offset) => [callbackId, place(offset)])),
    rawReachesBackTo: null,
    ...changes,
  }
}

/** One second apart. */
function inOrder(...events: readonly PaymentEvent[]): PaymentEvent[] {
  return events.map((event, index) => ({ ...event, receivedAt: NOW + 1_000 * index }))
}

const received = told('RECEIVED', 1)
const completed = told('COMPLETED', 3)
const repeat = (event: PaymentEvent) => ({ ...event, callbackId: `repeat of ${event.eventId}` })

describe('explaining a payment', () => {
  test('gives for each callback its effect, rule and position, and what would change without it', () => {
    const [first, second] = inOrder(completed, received)
    const { callbacks, ...payment } = explainPayment(traceOf([first as Arrival, second as Arrival]))
    expect(payment).toMatchObject({ status: 'COMPLETED', statusVersion: 2, decidedBy: completed.eventId, overdue: [] })
    expect(callbacks).toEqual([
      {
        callbackId: completed.callbackId,
        element: 0,
        source: completed.source,
        authenticity: completed.authenticity,
        receivedAt: NOW,
        mappingVersion: 1,
        withdrawn: false,
        raw: place(0),
        rawGone: null,
        eventId: completed.eventId,
        childKey: null,
        kind: 'PAYMENT',
        status: 'COMPLETED',
        sourceStatus: 'COMPLETED',
        sourceSubStatus: null,
        occurredAt: 3,
        occurredAtPrecision: 'SECOND',
        zoneAssumed: false,
        timeUnreadable: false,
        unreadable: [],
        partialApproval: false,
        verdict: 'APPLIED',
        rule: 'first-event',
        ruleText: 'the first event of the payment',
        decides: true,
        changed: {
          incarnation: NOW,
          statusVersion: 1,
          statusBefore: null,
          statusAfter: 'COMPLETED',
          attention: { gone: [], added: [] },
        },
        saidAlsoBy: [],
        withoutIt: {
          status: { now: 'COMPLETED', without: 'RECEIVED' },
          decidedBy: { now: completed.eventId, without: received.eventId },
        },
        withoutAllThatSayIt: {
          status: { now: 'COMPLETED', without: 'RECEIVED' },
          decidedBy: { now: completed.eventId, without: received.eventId },
        },
      },
      expect.objectContaining({ verdict: 'LATE', rule: 'status-unchanged', decides: false, withoutIt: null }),
    ])
  })

  test('a repeat changes nothing, and removing the first report would change nothing either', () => {
    const [a, b, c] = inOrder(received, completed, repeat(completed))
    const { callbacks } = explainPayment(traceOf([a as Arrival, b as Arrival, c as Arrival]))
    const [, first, second] = callbacks
    expect(first).toMatchObject({
      verdict: 'APPLIED',
      saidAlsoBy: [second?.callbackId],
      withoutIt: null,
      decides: true,
    })
    expect(second).toMatchObject({
      verdict: 'DUPLICATE',
      rule: 'known-event',
      changed: null,
      decides: false,
      saidAlsoBy: [first?.callbackId],
      withoutIt: null,
      withoutAllThatSayIt: { status: { now: 'COMPLETED', without: 'RECEIVED' } },
    })
  })

  test('a callback that several mapping versions read is listed with each reading, and only the last one decides', () => {
    const processing = told('PROCESSING', 2)
    const again = { ...completed, mappingVersion: 2, status: 'SETTLED' as const }
    const withdrawn = { ...processing, mappingVersion: 2, withdrawn: true }
    const trace = traceOf([processing, completed, again, withdrawn, { ...again, mappingVersion: 3 }])
    const { callbacks } = explainPayment(trace)
    expect(
      callbacks.map(({ status, mappingVersion, withdrawn: gone, verdict, decides }) => [
        status,
        mappingVersion,
        gone,
        verdict,
        decides,
      ]),
    ).toEqual([
      ['COMPLETED', 1, false, 'APPLIED', false],
      ['SETTLED', 2, false, 'RESTATED', true],
      ['SETTLED', 3, false, 'DUPLICATE', false],
      ['PROCESSING', 1, false, 'APPLIED', false],
      ['PROCESSING', 2, true, 'WITHDRAWN', false],
    ])
    expect(whyStory(explainPayment(trace))).toContain(
      'said PROCESSING (was PROCESSING, withdrawn), occurred 1970-01-01T00:00:00.002Z, source jpm-v2 (basic + mtls), read by mapping version 2',
    )
  })

  test('a redelivery of the same callback is not listed again', () => {
    const trace = traceOf(inOrder(received))
    expect(explainPayment({ ...trace, events: [...trace.events, ...trace.events] }).callbacks).toHaveLength(1)
  })

  test('a callback with two events is removed as a whole', () => {
    const both = [received, completed].map((event, element) => ({ ...event, callbackId: 'both', element }))
    const { callbacks } = explainPayment(traceOf(both))
    expect(callbacks.map(({ element, withoutIt }) => [element, withoutIt?.status?.without])).toEqual([
      [0, null],
      [1, null],
    ])
  })

  test('shows attention raised by a callback, and an overdue step that no callback caused', () => {
    const rejected = told('REJECTED', 2)
    const [a, b] = inOrder(received, rejected)
    const [c] = inOrder(completed)
    const { callbacks, overdue } = explainPayment(
      traceOf([a as Arrival, 'overdue', b as Arrival, { ...(c as PaymentEvent), receivedAt: NOW + 9_000 }]),
    )
    expect(callbacks.map(({ changed }) => changed?.attention)).toEqual([
      { gone: [], added: [] },
      { gone: [], added: [] },
      { gone: [], added: ['positive-after-final'] },
    ])
    expect(overdue).toMatchObject([{ statusVersion: 2 }])
  })

  test('shows callbacks without a record: dead letters, pending ones and missing ones', () => {
    const base = traceOf(inOrder(received))
    const others = [told('PROCESSING', 2), told('SETTLED', 4), told('CREDITED', 5)]
    const events = [
      ...base.events,
      ...others.map((event, index) => ({ event: { ...event, receivedAt: NOW + 10 + index }, processed: index < 2 })),
    ]
    const deadLetters = [{ event: others[0] as PaymentEvent, reason: 'too-large' }]
    const { callbacks } = explainPayment({ ...base, events, deadLetters })
    expect(callbacks.map(({ verdict, rule, changed }) => [verdict, rule, changed?.statusVersion])).toEqual([
      ['APPLIED', 'first-event', 1],
      ['DEAD_LETTER', 'too-large', undefined],
      ['MISSING', null, undefined],
      ['PENDING', null, undefined],
    ])
  })

  test('explains a payment from its history alone when the other topics no longer have it', () => {
    const whole = traceOf(inOrder(received, completed))
    const trace = { ...whole, changes: [], events: [], raw: new Map(), rawReachesBackTo: NOW + DAY_MS }
    const { callbacks } = explainPayment(trace)
    expect(callbacks).toMatchObject([
      { verdict: 'APPLIED', rawGone: 'retention', raw: null, changed: { statusBefore: null, attention: null } },
      { verdict: 'APPLIED', rawGone: 'retention', changed: { statusBefore: 'RECEIVED', statusAfter: 'COMPLETED' } },
    ])
    const { callbacks: unexpected } = explainPayment({ ...trace, rawReachesBackTo: NOW - DAY_MS })
    expect(unexpected[0]?.rawGone).toBe('not-found')
  })

  test('marks a callback of an earlier life', () => {
    const old = { ...completed, receivedAt: NOW - 500 * DAY_MS, callbackId: 'old' }
    const trace = traceOf([old, 'forgotten', ...inOrder(completed)])
    const { callbacks } = explainPayment(trace)
    expect(callbacks.map(({ callbackId, verdict, decides }) => [callbackId, verdict, decides])).toEqual([
      ['old', 'APPLIED', false],
      [completed.callbackId, 'APPLIED', true],
    ])
    expect(whyStory(explainPayment(trace))).toContain('(an earlier life of the payment)')
  })
})

describe('the story', () => {
  test('explains the payment to people', () => {
    const [a, b, c] = inOrder(received, completed, repeat(completed))
    expect(whyStory(explainPayment(traceOf([a as Arrival, b as Arrival, c as Arrival]))).split('\n')).toEqual([
      `payment         ${received.paymentKey}`,
      'status          COMPLETED (soft), version 2',
      'decided by      event COMPLETED@3',
      '',
      'callbacks, in order of receipt',
      '  2026-06-01T00:00:00.000Z  APPLIED      v1  (new) -> RECEIVED',
      '      said RECEIVED = RECEIVED, occurred 1970-01-01T00:00:00.001Z, source jpm-v2 (basic + mtls), read by mapping version 1',
      `      raw[2]@0, 591 bytes, sha-256 ${'ab'.repeat(32)}`,
      '      callback callback of RECEIVED@1 element 0, event RECEIVED@1',
      '      first-event: the first event of the payment',
      '      without it: nothing would change',
      '  2026-06-01T00:00:01.000Z  APPLIED      v2  RECEIVED -> COMPLETED  <- decides',
      '      said COMPLETED = COMPLETED, occurred 1970-01-01T00:00:00.003Z, source jpm-v2 (basic + mtls), read by mapping version 1',
      `      raw[2]@1, 591 bytes, sha-256 ${'ab'.repeat(32)}`,
      '      callback callback of COMPLETED@3 element 0, event COMPLETED@3',
      '      status-changed: the status that follows from all events changed',
      '      also reported by repeat of COMPLETED@3',
      '      without it: nothing would change',
      '      without all reports of it: status COMPLETED -> RECEIVED, decided by RECEIVED@1',
      '  2026-06-01T00:00:02.000Z  DUPLICATE    changed nothing',
      '      said COMPLETED = COMPLETED, occurred 1970-01-01T00:00:00.003Z, source jpm-v2 (basic + mtls), read by mapping version 1',
      `      raw[2]@2, 591 bytes, sha-256 ${'ab'.repeat(32)}`,
      '      callback repeat of COMPLETED@3 element 0, event COMPLETED@3',
      '      known-event: recorded before; counted, changes nothing',
      '      also reported by callback of COMPLETED@3',
      '      without it: nothing would change',
      '      without all reports of it: status COMPLETED -> RECEIVED, decided by RECEIVED@1',
    ])
  })

  test('shows if a raw record is deleted, missing or repeated', () => {
    const trace = traceOf([{ ...received, receivedAt: NOW }])
    const story = (changes: Partial<PaymentTrace>) => whyStory(explainPayment({ ...trace, ...changes }))
    expect(story({ raw: new Map(), rawReachesBackTo: NOW + 1 })).toContain(
      'its raw record was deleted by retention: raw reaches back to 2026-06-01T00:00:00.001Z',
    )
    expect(story({ raw: new Map() })).toContain('its raw record is missing, although raw reaches back to its beginning')
    const twice = new Map([[received.callbackId, { ...place(4), repeatedAt: [9] }]])
    expect(story({ raw: twice })).toContain('raw[2]@4, again at 9, 591 bytes')
    expect(story({})).toContain('without it: there would be no payment')
  })
})
