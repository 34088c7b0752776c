import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { timeClassOf } from '../../src/payment/event-time.ts'
import { WEIGHT_MAX, WEIGHT_MIN, weightOf } from '../../src/payment/event-weight.ts'
import { compareByTime, foldPayment } from '../../src/payment/fold-payment.ts'
import {
  HISTORY_EVENTS_MAX,
  type KeptEvent,
  keepWithinBound,
  outlineOf,
  wholeEvent,
} from '../../src/payment/keep-within-bound.ts'
import { PAYMENT_KINDS, type PaymentEvent, type PaymentKind } from '../../src/payment/payment-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus, tierNumberOf, tierOf } from '../../src/payment/payment-status.ts'
import { LIGHT, sampleEvent } from '../avro/samples.ts'
import { runs } from '../runs.ts'
import { distinctEvents, WHERE_TIMES_DECIDE } from './arbitrary-events.ts'
import { boundedAsWhole } from './fold-oracle.ts'
import { keptOf } from './kept-of.ts'

// A hundred times the usual duration: a busy machine is no failure.
vi.setConfig({ testTimeout: 30_000 })

const RUNS = runs(300)
const PLACES = 20
const many = distinctEvents({ minLength: 1, maxLength: 60 })
// Few statuses, so that most places are filled by events that need not be kept.
const few = distinctEvents({
  minLength: 10,
  maxLength: 60,
  statuses: ['PROCESSING', 'ON_HOLD', 'COMPLETED', 'UNKNOWN'],
})
const twoStatuses = distinctEvents({ minLength: 10, maxLength: 60, statuses: ['PROCESSING', 'COMPLETED'] })

describe('I10: the bound', () => {
  test('selecting after each arrival keeps the same as selecting once at the end, in any order and with repeats (I5)', () => {
    let [leftOut, withoutDetails] = [0, 0]
    fc.assert(
      fc.property(fc.oneof(many, few, twoStatuses).chain(shuffledTwice), ([one, other]) => {
        const atTheEnd = keep(one.map(wholeEvent))
        expect(sorted(keepOneByOne(one))).toEqual(sorted(atTheEnd))
        expect(sorted(keepOneByOne([...other, ...one]))).toEqual(sorted(atTheEnd))
        leftOut += one.length - atTheEnd.length
        withoutDetails += atTheEnd.filter(({ detailsDropped }) => detailsDropped).length
      }),
      RUNS,
    )
    expect(leftOut).toBeGreaterThan(0)
    expect(withoutDetails).toBeGreaterThan(0)
  })

  test('withdrawn events displace no other, and are themselves kept by id', () => {
    fc.assert(
      fc.property(few, fc.func(fc.boolean()), (all, isWithdrawn) => {
        const events = all.map((event) => ({ ...event, withdrawn: isWithdrawn(event.eventId) }))
        const others = events.filter(({ withdrawn }) => !withdrawn)
        const gone = events.filter(({ withdrawn }) => withdrawn)
        const kept = keptOf(events, PLACES)
        expect(kept.filter(({ withdrawn }) => !withdrawn)).toEqual(keptOf(others, PLACES))
        const goneKept = idsOf(kept.filter(({ withdrawn }) => withdrawn))
        expect(goneKept).toEqual(idsOf(gone).slice(0, goneKept.length))
        expect(sorted(keepOneByOne(events)).map(says)).toEqual(sorted(keep(events.map(wholeEvent))).map(says))
      }),
      RUNS,
    )
  })

  test('the kept events have the status, the deciding event and exactly the attention codes of the whole set', () => {
    for (const places of [0, PLACES]) {
      fc.assert(boundedAsWhole(keptOf, places), runs(1_000))
      for (const statuses of Object.values(WHERE_TIMES_DECIDE)) {
        fc.assert(boundedAsWhole(keptOf, places, statuses), RUNS)
      }
    }
  })

  test('the kept events have the kind of the whole set', () => {
    fc.assert(
      fc.property(many, (events) => {
        expect(foldPayment(keptOf(events, 0)).kind).toBe(foldPayment(events).kind)
      }),
      RUNS,
    )
  })

  test('light events fill every place', () => {
    // The least and the greatest of four classes of times, for two statuses: 16. Plus one for each of three markers, for a
    // partial approval and for five kinds.
    const roomy = 25
    let full = 0
    fc.assert(
      fc.property(twoStatuses, (all) => {
        const events = all.map((event) => ({ ...event, ...NO_BULK })).filter((event) => weightOf(event) === WEIGHT_MIN)
        full += Number(events.length > roomy)
        expect(keptOf(events, roomy)).toHaveLength(Math.min(events.length, roomy))
      }),
      RUNS,
    )
    expect(full).toBeGreaterThan(0)
  })

  test('keeps an event whole if what comes before it leaves room, whatever comes after it', () => {
    fc.assert(
      fc.property(few, (events) => {
        const deciding = decidingOf(events)
        const kept = new Map(keep(events.map(wholeEvent)).map((item) => [item.event.eventId, item]))
        let weight = deciding.size * WEIGHT_MIN
        for (const event of events.toSorted(compareForKeeping)) {
          const item = kept.get(event.eventId)
          if (weight < PLACES * WEIGHT_MIN) {
            expect(item?.event).toBe(event)
          } else if (sourcesOfDetails(events).includes(event)) {
            expect(item?.event).toBe(event)
          } else if (!deciding.has(event)) {
            expect(item).toBeUndefined()
          } else if (item?.detailsDropped) {
            expect(item.event).toEqual(outlineOf(event))
          } else {
            expect(weightOf(event)).toBeLessThanOrEqual(WEIGHT_MIN)
          }
          weight += weightOf(event) - (deciding.has(event) ? WEIGHT_MIN : 0)
        }
      }),
      RUNS,
    )
  })

  test('what is kept never weighs more than the places, an event that crosses the limit and two for details', () => {
    fc.assert(
      fc.property(few, (events) => {
        const kept = keptOf(events, PLACES)
        const places = Math.max(PLACES, decidingOf(events).size)
        const weight = kept.reduce((sum, event) => sum + weightOf(event), 0)
        expect(weight).toBeLessThanOrEqual(places * WEIGHT_MIN + 3 * WEIGHT_MAX)
        expect(kept.length).toBeLessThanOrEqual(places)
      }),
      RUNS,
    )
  })

  test('always keeps the events that decide', () => {
    const each = Object.keys(PAYMENT_STATUSES).flatMap((status) =>
      (status === 'UNKNOWN' ? ['STATUS', 'CONTEXT'] : [null]).flatMap((unknownBecause) =>
        ['untimed', 'zoned', 'without-zone', 'date'].flatMap((how) =>
          Array.from({ length: 10 }, (_, index) => ({
            ...sampleEvent(LIGHT),
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
            kind: PAYMENT_KINDS[index % PAYMENT_KINDS.length] as PaymentKind,
          })),
        ),
      ),
    )
    expect(keptOf(each, 0)).toHaveLength(179)
    expect(keptOf(each, HISTORY_EVENTS_MAX)).toHaveLength(HISTORY_EVENTS_MAX)
  })
})

const NO_BULK = { ...LIGHT, sourceSubStatus: null, reasons: [], relatesTo: null }

function keep(items: readonly KeptEvent[]): readonly KeptEvent[] {
  return keepWithinBound(items, PLACES * WEIGHT_MIN)
}

/** As a payment does it: an event that it has is not added again. */
function keepOneByOne(arrivals: readonly PaymentEvent[]): readonly KeptEvent[] {
  let kept: readonly KeptEvent[] = []
  for (const event of arrivals) {
    if (!kept.some((item) => item.event.eventId === event.eventId)) {
      kept = keep([...kept, wholeEvent(event)])
    }
  }
  return kept
}

/** The events that decide, found as pairs of a condition and the event that no other one beats. */
function decidingOf(events: readonly PaymentEvent[]): ReadonlySet<PaymentEvent> {
  const own = events.filter((event) => event.childKey === null && !event.withdrawn)
  const isSameGroup = (a: PaymentEvent, b: PaymentEvent) =>
    a.status === b.status && timeClassOf(a) === timeClassOf(b) && a.unknownBecause === b.unknownBecause
  const deciding = new Set(
    own.filter((event) => {
      const others = own.filter((other) => other !== event && isSameGroup(other, event))
      return (
        others.every((other) => compareByTime(other, event) > 0) ||
        others.every((other) => compareByTime(other, event) < 0)
      )
    }),
  )
  for (const isMarked of MARKED) {
    const marked = own.filter((event) => isMarked(event) && !deciding.has(event)).toSorted(compareByTime)
    for (const latest of marked.slice(-1)) {
      deciding.add(latest)
    }
  }
  const payments = own.filter(({ kind, status }) => kind === 'PAYMENT' && tierOf(status) === 'outcome')
  for (const earliest of payments
    .filter((event) => !deciding.has(event))
    .toSorted(compareByTime)
    .slice(0, 1)) {
    deciding.add(earliest)
  }
  return deciding
}

/** The conditions for which one event must be kept, besides the ends of the groups. */
const MARKED: readonly ((event: PaymentEvent) => boolean)[] = [
  ({ weakKey }) => weakKey,
  ({ timeUnreadable }) => timeUnreadable,
  ({ unreadable }) => unreadable.length > 0,
  ...[null, 'STATUS', 'CONTEXT'].flatMap((because) => [
    (event: PaymentEvent) => event.unknownBecause === because && event.partialApproval,
    ...['REFUND', 'RETURN', 'CHARGEBACK', 'UNKNOWN'].map(
      (kind) => (event: PaymentEvent) => event.unknownBecause === because && event.kind === kind,
    ),
  ]),
]

/** For the statuses of `few`: the latest of the highest tier. The best outcome is the same event. */
function sourcesOfDetails(events: readonly PaymentEvent[]): readonly PaymentEvent[] {
  const own = events.filter((event) => event.childKey === null)
  return own.toSorted((a, b) => tierNumberOf(a.status) - tierNumberOf(b.status) || compareByTime(a, b)).slice(-1)
}

/** Reports of children come last; of the rest, higher tiers and then older events come first. */
function compareForKeeping(a: PaymentEvent, b: PaymentEvent): number {
  return (
    Number(a.childKey !== null) - Number(b.childKey !== null) ||
    tierNumberOf(b.status) - tierNumberOf(a.status) ||
    compareByTime(a, b)
  )
}

function shuffledTwice(events: readonly PaymentEvent[]) {
  const all = [...events]
  const shuffled = fc.shuffledSubarray(all, { minLength: all.length })
  return fc.tuple(shuffled, shuffled)
}

function sorted(items: readonly KeptEvent[]): readonly KeptEvent[] {
  return items.toSorted((a, b) => (a.event.eventId < b.event.eventId ? -1 : 1))
}

/** The details of a withdrawn event say nothing. They are dropped as soon as room is needed. */
function says({ event, detailsDropped }: KeptEvent): unknown {
  return event.withdrawn ? event.eventId : { event, detailsDropped }
}

function idsOf(events: readonly PaymentEvent[]): string[] {
  return events.map((event) => event.eventId).sort()
}
