import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyEvent, type PaymentState } from '../../../src/payment/apply-event.ts'
import { HISTORY_EVENTS_MAX } from '../../../src/payment/keep-within-bound.ts'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { overdueChange, type StatusChangeRecord, toStatusChange } from '../../../src/payment/status-change.ts'
import { markOverdue } from '../../../src/processor/due.ts'
import { type RepairCircumstances, repairPayment } from '../../../src/tools/repair/repair-payment.ts'
import { LIGHT, sampleEvent } from '../../avro/samples.ts'
import { arrivalsOf, distinctEvents, readingsOf } from '../../payment/arbitrary-events.ts'
import { runs } from '../../runs.ts'

const DAY_MS = 86_400_000
const NOTHING_EXPIRED: RepairCircumstances = { changesReachBackTo: null, forgetAfterMs: 400 * DAY_MS, now: 10_000 }

interface Story {
  /** By version, from 1. */
  readonly changes: readonly StatusChangeRecord[]
  readonly states: readonly PaymentState[]
}

/** What the processor publishes about a payment: its events, and sometimes that it became overdue. */
function storyOf(events: readonly PaymentEvent[], overdueAfter: ReadonlySet<number>): Story {
  const changes: StatusChangeRecord[] = []
  const states: PaymentState[] = []
  let state: PaymentState | undefined
  let now = 2_000
  for (const [index, event] of events.entries()) {
    now += 10
    const applied = applyEvent(state, event, now)
    if (applied.outcome !== 'recorded') {
      continue
    }
    state = applied.change.state
    changes.push(toStatusChange(applied.change))
    states.push(state)
    if (overdueAfter.has(index) && state.overdueSince === null) {
      now += 10
      state = markOverdue(state, now)
      changes.push(overdueChange(state))
      states.push(state)
    }
  }
  return { changes, states }
}

const story = fc
  .tuple(distinctEvents({ maxLength: 10 }), fc.uniqueArray(fc.nat({ max: 9 }), { maxLength: 3 }))
  .map(([events, overdueAfter]) => storyOf(events, new Set(overdueAfter)))

const paymentKey = 'jpm:property'

/** Omits what cannot be known: the time of an overdue step that no other record contains. */
const withoutMark = ({ overdueSince: _, recordedAt, event, ...rest }: StatusChangeRecord) => ({
  ...rest,
  event,
  recordedAt: event === null ? 0 : recordedAt,
})

describe('records lost from changes', () => {
  test('are restored exactly from the history in current', () => {
    fc.assert(
      fc.property(story, fc.func(fc.boolean()), ({ changes, states }, isLost) => {
        const lost = changes.filter(({ statusVersion }) => isLost(statusVersion))
        const left = changes.filter((change) => !lost.includes(change))
        const current = states.at(-1) as PaymentState
        const repair = repairPayment({ paymentKey, changes: left, current }, NOTHING_EXPIRED)
        expect(repair.current).toBeNull()
        expect(repair.unrepairable).toEqual([])
        expect(repair.changes.map(withoutMark)).toEqual(lost.map(withoutMark))
        if (repair.inexact.length === 0) {
          expect(repair.changes).toEqual(lost)
        }
        // Only an overdue step can be inexact here.
        expect(repair.inexact.length > 0).toBe(repair.inexact.some((text) => text.includes('became overdue')))
      }),
      runs(300),
    )
  })

  test('at its end are exact, including the time of an overdue step while the status stays the same', () => {
    fc.assert(
      fc.property(story, fc.nat({ max: 20 }), ({ changes, states }, cut) => {
        const current = states.at(-1) as PaymentState
        const { changes: again, inexact } = repairPayment(
          { paymentKey, changes: changes.slice(0, cut), current },
          NOTHING_EXPIRED,
        )
        const reports = changes.slice(cut).filter(({ event }) => event === null)
        if (reports.length <= 1 && (reports.length === 0 || current.overdueSince !== null)) {
          expect([again, inexact]).toEqual([changes.slice(cut), []])
        }
      }),
      runs(300),
    )
  })

  test('by retention are not restored', () => {
    fc.assert(
      fc.property(story, fc.nat({ max: 20 }), fc.nat({ max: 20 }), ({ changes, states }, expired, cut) => {
        const [start, end] = [Math.min(expired, changes.length), Math.max(expired, cut)]
        const left = changes.slice(start, end)
        const reachBackTo = left[0]?.recordedAt ?? changes[start]?.recordedAt ?? Number.POSITIVE_INFINITY
        const { changes: again } = repairPayment(
          { paymentKey, changes: left, current: states.at(-1) as PaymentState },
          { ...NOTHING_EXPIRED, changesReachBackTo: reachBackTo },
        )
        // An overdue step right at the boundary can count as deleted, because its time is unknown.
        const unclear = changes[start]?.event === null ? start + 1 : 0
        const versionsOf = (records: readonly StatusChangeRecord[]) =>
          records.map(({ statusVersion }) => statusVersion).filter((version) => version !== unclear)
        expect(versionsOf(again)).toEqual(versionsOf(changes.slice(Math.max(start, end))))
      }),
      runs(300),
    )
  })
})

test('a lost record of a withdrawal clears the overdue mark if nothing is awaited any more', () => {
  const unknown = sampleEvent({ paymentKey, status: 'UNKNOWN', unknownBecause: 'STATUS' })
  const report = sampleEvent({ paymentKey, eventId: 'report', childKey: 'jpm:child' })
  const { changes, states } = storyOf(
    [unknown, { ...unknown, mappingVersion: 2, withdrawn: true }, report],
    new Set([0]),
  )
  expect(changes.map(({ overdueSince }) => overdueSince)).toEqual([null, 2_020, null, null])
  const left = changes.filter(({ verdict }) => verdict !== 'WITHDRAWN')
  const { changes: repaired } = repairPayment(
    { paymentKey, changes: left, current: states.at(-1) as PaymentState },
    NOTHING_EXPIRED,
  )
  expect(repaired).toMatchObject([{ verdict: 'WITHDRAWN', overdueSince: null }])
})

test('a lost record of a withdrawal names the reading that it replaced', () => {
  const event = sampleEvent({ paymentKey })
  const { changes, states } = storyOf([event, { ...event, mappingVersion: 2, withdrawn: true }], new Set())
  const [first, withdrawal] = changes as [StatusChangeRecord, StatusChangeRecord]
  expect(withdrawal).toMatchObject({ verdict: 'WITHDRAWN', mappingVersionBefore: 1, statusAfter: 'UNKNOWN' })
  const current = states.at(-1) as PaymentState
  const repaired = (left: readonly StatusChangeRecord[]) =>
    repairPayment({ paymentKey, changes: left, current }, NOTHING_EXPIRED)
  expect(repaired([first])).toEqual({ changes: [withdrawal], current: null, inexact: [], unrepairable: [] })
  // The reading that it replaced is in neither topic: its step is not taken for an overdue one.
  expect(repaired([withdrawal]).unrepairable).toEqual([
    `${paymentKey}: v1 is missing from changes, and its event from the history in current`,
  ])
})

describe('states lost from current', () => {
  test('are restored exactly also if events were restated and withdrawn', () => {
    const stories = distinctEvents({ maxLength: 5 })
      .chain(readingsOf)
      .chain(arrivalsOf)
      .map((arrivals) => storyOf(arrivals, new Set([1])))
    fc.assert(
      fc.property(stories, fc.nat({ max: 20 }), ({ changes, states }, cut) => {
        const current = states[cut - 1] ?? null
        const last = states.at(-1) as PaymentState
        const repair = repairPayment({ paymentKey, changes, current }, NOTHING_EXPIRED)
        expect(repair).toEqual({ changes: [], current: current === last ? null : last, inexact: [], unrepairable: [] })
      }),
      runs(300),
    )
  })

  test('at its end are restored exactly from the steps in changes', () => {
    fc.assert(
      fc.property(story, fc.nat({ max: 20 }), ({ changes, states }, cut) => {
        const current = states[cut - 1] ?? (cut === 0 ? null : (states.at(-1) as PaymentState))
        const repair = repairPayment({ paymentKey, changes, current }, NOTHING_EXPIRED)
        const last = states.at(-1) as PaymentState
        expect(repair).toEqual({
          changes: [],
          current: current?.statusVersion === last.statusVersion ? null : last,
          inexact: [],
          unrepairable: [],
        })
      }),
      runs(300),
    )
  })

  test('are reported and not invented if changes lost them, too', () => {
    fc.assert(
      fc.property(story, fc.nat({ max: 20 }), fc.nat({ max: 20 }), ({ changes, states }, first, second) => {
        const [current, last] = [
          Math.min(first, second, states.length),
          Math.min(Math.max(first, second), states.length),
        ]
        // v[current + 1] is missing from both, later versions are in changes.
        const left = changes.filter(({ statusVersion }) => statusVersion !== current + 1).slice(0, last)
        const repair = repairPayment(
          { paymentKey, changes: left, current: states[current - 1] ?? null },
          NOTHING_EXPIRED,
        )
        const isBehind = left.some(({ statusVersion }) => statusVersion > current)
        expect(repair.current).toBeNull()
        expect(repair.unrepairable).toHaveLength(isBehind ? 1 : 0)
        expect(repair.changes).toEqual([])
      }),
      runs(300),
    )
  })
})

test('restores both outputs if each lost records that the other has', () => {
  fc.assert(
    fc.property(story, fc.nat({ max: 20 }), fc.nat({ max: 20 }), ({ changes, states }, hole, cut) => {
      const current = states[Math.min(cut, states.length) - 1] ?? null
      // A gap before the version of the surviving state.
      const lost = changes.filter(
        ({ statusVersion }) => statusVersion === hole && hole <= (current?.statusVersion ?? 0),
      )
      const left = changes.filter((change) => !lost.includes(change))
      const repair = repairPayment({ paymentKey, changes: left, current }, NOTHING_EXPIRED)
      expect(repair.changes.map(withoutMark)).toEqual(lost.map(withoutMark))
      expect((repair.current ?? current)?.statusVersion).toBe(states.length)
      expect((repair.current ?? current)?.status).toBe(states.at(-1)?.status)
    }),
    runs(300),
  )
})

describe('a full history', () => {
  const events = Array.from({ length: HISTORY_EVENTS_MAX + 20 }, (_, index) =>
    sampleEvent({
      ...LIGHT,
      eventId: `e${String(index).padStart(4, '0')}`,
      paymentKey,
      status: 'PROCESSING',
      // Later events have earlier times, so that each displaces one that was kept.
      occurredAt: 1_000 - index,
      naturalKey: `n${index}`,
      receivedAt: 1_000 + index,
    }),
  )
  const { changes, states } = storyOf(events, new Set())

  test('names the steps that cannot be restored, and those computed from the remaining events', () => {
    const current = states.at(-1) as PaymentState
    const repair = repairPayment({ paymentKey, changes: [], current }, NOTHING_EXPIRED)
    const kept = new Set(current.events.map(({ statusVersion }) => statusVersion))
    expect(repair.changes.map(({ statusVersion }) => statusVersion)).toEqual([...kept])
    expect(repair.unrepairable).toHaveLength(changes.length - kept.size)
    expect(repair.unrepairable[0]).toMatch(/v\d+ is missing from changes, and its event from the history in current/)
    expect(repair.inexact.length).toBeGreaterThan(0)
  })

  test('has events without details: the steps of these cannot be restored', () => {
    const large = events.slice(0, 40).map((event, index) => ({
      ...event,
      status: index === 5 ? ('ON_HOLD' as const) : event.status,
      sourceSubStatus: 'x'.repeat(6_000),
    }))
    const story = storyOf(large, new Set())
    const current = story.states.at(-1) as PaymentState
    const whole = current.events.filter(({ detailsDropped }) => !detailsDropped)
    expect(whole.length).toBeLessThan(current.events.length)
    const repair = repairPayment({ paymentKey, changes: [], current }, NOTHING_EXPIRED)
    expect(repair.changes.map(({ event }) => event)).toEqual(whole.map(({ event }) => event))
    expect(repair.unrepairable).toHaveLength(large.length - whole.length)
    const rebuilt = repairPayment({ paymentKey, changes: story.changes, current: null }, NOTHING_EXPIRED)
    expect(rebuilt.current).toEqual(current)
  })

  test('is restored from changes like any other', () => {
    const repair = repairPayment({ paymentKey, changes, current: states[100] as PaymentState }, NOTHING_EXPIRED)
    expect(repair).toEqual({ changes: [], current: states.at(-1), inexact: [], unrepairable: [] })
  })
})

test('a forgotten payment stays forgotten', () => {
  const { changes } = storyOf([sampleEvent({ paymentKey })], new Set())
  const now = 2_010 + NOTHING_EXPIRED.forgetAfterMs
  const repairAt = (at: number) =>
    repairPayment({ paymentKey, changes, current: null }, { ...NOTHING_EXPIRED, now: at }).current
  expect(repairAt(now)).toBeNull()
  expect(repairAt(now - 1)).not.toBeNull()
})

test('a later life in changes replaces an earlier one in current', () => {
  const early = storyOf([sampleEvent({ paymentKey, eventId: 'a', receivedAt: 1 })], new Set())
  const late = storyOf([sampleEvent({ paymentKey, eventId: 'b', receivedAt: 9 })], new Set())
  const repair = repairPayment(
    { paymentKey, changes: [...early.changes, ...late.changes], current: early.states[0] as PaymentState },
    NOTHING_EXPIRED,
  )
  expect(repair.current).toEqual(late.states[0])
})
