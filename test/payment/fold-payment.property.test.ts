import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { timeClassOf } from '../../src/payment/event-time.ts'
import { compareByTime, foldPayment, HISTORY_EVENTS_MAX, keepWithinBound } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus } from '../../src/payment/payment-status.ts'
import { sampleEvent } from '../avro/samples.ts'
import { runs } from '../runs.ts'
import { distinctEvents, WHERE_TIMES_DECIDE } from './arbitrary-events.ts'
import { agreesWithOracle, boundedAsWhole, oracle } from './fold-oracle.ts'

// A hundred times the usual duration: a busy machine is no failure.
vi.setConfig({ testTimeout: 30_000 })

const RUNS = runs(300)

describe('I5: the fold', () => {
  test('agrees with the second implementation of the rules on any set of events', () => {
    fc.assert(
      fc.property(distinctEvents(), (events) => {
        const folded = foldPayment(events)
        const expected = oracle(events)
        expect({
          status: folded.status,
          attention: new Set(folded.attention),
          detailsFrom: folded.decidedBy,
          children: new Map(folded.children.map(({ paymentKey, status }) => [paymentKey, status])),
        }).toEqual(expected)
      }),
      runs(1_000),
    )
  })

  test('agrees with it on small sets, where a single pair of events decides', () => {
    fc.assert(agreesWithOracle(foldPayment, { maxLength: 4 }), runs(1_000))
  })

  test.each(Object.entries(WHERE_TIMES_DECIDE))('agrees with it on %s', (_, statuses) => {
    fc.assert(agreesWithOracle(foldPayment, { minLength: 2, maxLength: 5, statuses }), runs(2_000))
  })

  test('is not affected by reports of children', () => {
    fc.assert(
      fc.property(distinctEvents({ minLength: 2 }), (events) => {
        const own = events.filter(({ childKey }) => childKey === null)
        fc.pre(own.length > 0 && own.length < events.length)
        const { children, ...rest } = foldPayment(events)
        expect(rest).toEqual({ ...foldPayment(own), children: undefined })
        expect(children.length).toBeGreaterThan(0)
      }),
      RUNS,
    )
  })

  test('is not affected by withdrawn events, whatever they said', () => {
    fc.assert(
      fc.property(distinctEvents(), fc.func(fc.boolean()), (all, isWithdrawn) => {
        const events = all.map((event) => ({ ...event, withdrawn: isWithdrawn(event.eventId) }))
        expect(foldPayment(events)).toEqual(foldPayment(events.filter(({ withdrawn }) => !withdrawn)))
      }),
      RUNS,
    )
  })

  test('gives the same result for every order of the same set', () => {
    fc.assert(
      fc.property(distinctEvents().chain(shuffledTwice), ([one, other]) => {
        expect(foldPayment(one)).toEqual(foldPayment(other))
      }),
      RUNS,
    )
  })
})

describe('I10: the bound', () => {
  const MAX = 20
  /** Enough for all events of `few` that must be kept, as 256 is for real payments. */
  const ROOMY = 46
  const itself = (event: PaymentEvent) => event
  const many = distinctEvents({ minLength: 1, maxLength: 60 })
  // Few statuses, so that most places are filled by events that need not be kept.
  const few = distinctEvents({
    minLength: 10,
    maxLength: 60,
    statuses: ['PROCESSING', 'ON_HOLD', 'COMPLETED', 'UNKNOWN'],
  })

  test('selecting after each arrival keeps the same events as selecting once at the end, in any order', () => {
    let cut = 0
    fc.assert(
      fc.property(fc.oneof(many, few).chain(shuffledTwice), ([one, other]) => {
        const atTheEnd = keepWithinBound(one, itself, MAX)
        expect(idsOf(keepOneByOne(one, MAX))).toEqual(idsOf(atTheEnd))
        expect(idsOf(keepOneByOne(other, MAX))).toEqual(idsOf(atTheEnd))
        cut += one.length - atTheEnd.length
      }),
      RUNS,
    )
    expect(cut).toBeGreaterThan(0)
  })

  test('withdrawn events push out no other, and are themselves kept by id', () => {
    fc.assert(
      fc.property(few, fc.func(fc.boolean()), (all, isWithdrawn) => {
        const events = all.map((event) => ({ ...event, withdrawn: isWithdrawn(event.eventId) }))
        const [gone, others] = [true, false].map((of) => events.filter(({ withdrawn }) => withdrawn === of)) as [
          PaymentEvent[],
          PaymentEvent[],
        ]
        const kept = keepWithinBound(events, itself, MAX)
        const keptOthers = keepWithinBound(others, itself, MAX)
        const room = Math.max(0, MAX - keptOthers.length)
        expect(idsOf(kept)).toEqual([...idsOf(keptOthers), ...idsOf(gone).slice(0, room)].toSorted())
        expect(idsOf(keepOneByOne(events, MAX))).toEqual(idsOf(kept))
      }),
      RUNS,
    )
  })

  test('the kept events have the status, the deciding event and exactly the attention codes of the whole set', () => {
    fc.assert(boundedAsWhole(keepWithinBound, MAX), runs(1_000))
    for (const statuses of Object.values(WHERE_TIMES_DECIDE)) {
      fc.assert(boundedAsWhole(keepWithinBound, MAX, statuses), RUNS)
    }
  })

  test('the kept events have the kind of the whole set', () => {
    fc.assert(
      fc.property(many, (events) => {
        fc.pre(events.some(({ unknownBecause, childKey }) => unknownBecause !== 'CONTEXT' && childKey === null))
        expect(foldPayment(keepWithinBound(events, itself, 0)).kind).toBe(foldPayment(events).kind)
      }),
      RUNS,
    )
  })

  test('equals the limit if that exceeds the number of events that must be kept', () => {
    fc.assert(
      fc.property(few, (events) => {
        // The least and the greatest of four classes of times, for three statuses and for UNKNOWN with two reasons: 40. Plus
        // one for each of four markers and two kinds.
        expect(keepWithinBound(events, itself, ROOMY)).toHaveLength(Math.min(events.length, ROOMY))
      }),
      RUNS,
    )
  })

  test('fills the remaining places by higher tier first, then older event', () => {
    fc.assert(
      fc.property(few, (events) => {
        const kept = new Set(keepWithinBound(events, itself, MAX))
        const left = events.filter((event) => !kept.has(event))
        const isEnd = (event: PaymentEvent) => {
          const group = events.filter(
            (other) =>
              other.childKey === event.childKey &&
              other.status === event.status &&
              timeClassOf(other) === timeClassOf(event) &&
              other.unknownBecause === event.unknownBecause,
          )
          const sorted = group.toSorted(compareByTime)
          return event.childKey === null && (event === sorted[0] || event === sorted.at(-1))
        }
        const marked = new Set<PaymentEvent>()
        const others = events.filter((event) => event.childKey === null && !isEnd(event)).toSorted(compareByTime)
        for (const isMarked of MARKED) {
          const latest = others.findLast((event) => isMarked(event) && !marked.has(event))
          if (latest !== undefined) {
            marked.add(latest)
          }
        }
        const extreme = (event: PaymentEvent) => isEnd(event) || marked.has(event)
        const filling = [...kept].filter((event) => !extreme(event))
        const tiers = { UNKNOWN: 0, PROCESSING: 1, ON_HOLD: 1, COMPLETED: 2 } as Record<string, number>
        // Reports of children come last.
        const tierOf = (event: PaymentEvent) => (tiers[event.status] as number) - (event.childKey === null ? 0 : 10)
        for (const out of left) {
          expect(extreme(out)).toBe(false)
          for (const inside of filling) {
            expect(
              tierOf(inside) > tierOf(out) || (tierOf(inside) === tierOf(out) && compareByTime(inside, out) < 0),
            ).toBe(true)
          }
        }
      }),
      RUNS,
    )
  })

  test('always keeps the events that must be kept', () => {
    const each = Object.keys(PAYMENT_STATUSES).flatMap((status) =>
      (status === 'UNKNOWN' ? ['STATUS', 'CONTEXT'] : [null]).flatMap((unknownBecause) =>
        ['untimed', 'zoned', 'without-zone', 'date'].flatMap((how) =>
          Array.from({ length: 10 }, (_, index) => ({
            ...sampleEvent(),
            eventId: `${status} ${unknownBecause} ${how} ${index}`,
            status: status as PaymentStatus,
            unknownBecause: unknownBecause as PaymentEvent['unknownBecause'],
            occurredAt: how === 'untimed' ? null : index * 86_400_000,
            occurredAtPrecision: how === 'date' ? ('DAY' as const) : ('SECOND' as const),
            zoneAssumed: how === 'without-zone' || how === 'date',
            weakKey: true,
            timeUnreadable: true,
            unreadable: ['amount'],
            partialApproval: true,
            kind: index % 2 === 0 ? ('RETURN' as const) : ('UNKNOWN' as const),
          })),
        ),
      ),
    )
    expect(keepWithinBound(each, itself, 0)).toHaveLength(166)
    expect(keepWithinBound(each, itself, HISTORY_EVENTS_MAX)).toHaveLength(HISTORY_EVENTS_MAX)
  })

  function keepOneByOne(arrivals: readonly PaymentEvent[], max: number): readonly PaymentEvent[] {
    let kept: readonly PaymentEvent[] = []
    for (const event of arrivals) {
      kept = keepWithinBound([...kept, event], itself, max)
    }
    return kept
  }
})

/** The conditions for which one event must be kept, besides the ends of the groups. */
const MARKED: readonly ((event: PaymentEvent) => boolean)[] = [
  ({ weakKey }) => weakKey,
  ({ timeUnreadable }) => timeUnreadable,
  ({ unreadable }) => unreadable.length > 0,
  ({ partialApproval }) => partialApproval,
  ({ kind }) => !['PAYMENT', 'UNKNOWN'].includes(kind),
  ({ kind }) => kind === 'UNKNOWN',
]

function shuffledTwice(events: readonly PaymentEvent[]) {
  const all = [...events]
  const shuffled = fc.shuffledSubarray(all, { minLength: all.length })
  return fc.tuple(shuffled, shuffled)
}

function idsOf(events: readonly PaymentEvent[]): string[] {
  return events.map((event) => event.eventId).sort()
}
