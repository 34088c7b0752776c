import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { compareByTime, foldPayment, keepWithinBound } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { runs } from '../runs.ts'
import { distinctEvents } from './arbitrary-events.ts'
import { agreesWithOracle, oracle } from './fold-oracle.ts'

// A hundred times what it takes: a busy machine is no failure.
vi.setConfig({ testTimeout: 30_000 })

const RUNS = runs(300)

describe('I5: the fold', () => {
  test('agrees with a second reading of the rules on any set of events', () => {
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

  test('agrees with it on small sets, where one pair of events decides', () => {
    fc.assert(agreesWithOracle(foldPayment, { maxLength: 4 }), runs(1_000))
  })

  test('is moved by no report of a child, and by nothing a child does', () => {
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

  test('gives the same for every order of the same set', () => {
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
  /** Room for all that must be kept of every status: what 256 is for real payments. */
  const ROOMY = 45
  const itself = (event: PaymentEvent) => event
  const many = distinctEvents({ minLength: 1, maxLength: 60 })
  // Few statuses, so that most of the room is filled by events that need not be kept.
  const few = distinctEvents({
    minLength: 10,
    maxLength: 60,
    statuses: ['PROCESSING', 'ON_HOLD', 'COMPLETED', 'UNKNOWN'],
  })

  test('keeping after each arrival keeps what keeping once at the end keeps, in any order', () => {
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

  test('what is kept has the status, and what decides it, of the whole', () => {
    fc.assert(
      fc.property(many, (events) => {
        const whole = foldPayment(events)
        const kept = foldPayment(keepWithinBound(events, itself, MAX))
        expect([kept.status, kept.decidedBy]).toEqual([whole.status, whole.decidedBy])
      }),
      RUNS,
    )
  })

  test('what is kept brings every attention code of the whole, and no other', () => {
    fc.assert(
      fc.property(many, (events) => {
        expect(foldPayment(keepWithinBound(events, itself, ROOMY)).attention).toEqual(foldPayment(events).attention)
      }),
      RUNS,
    )
  })

  test('is the limit as soon as the room is larger than what must be kept', () => {
    fc.assert(
      fc.property(few, (events) => {
        // The least and the greatest of four statuses, timed and untimed, weak or not, unknown for two reasons: 40.
        expect(keepWithinBound(events, itself, ROOMY)).toHaveLength(Math.min(events.length, ROOMY))
      }),
      RUNS,
    )
  })

  test('fills the room that is left with the higher tier first, then the older event', () => {
    fc.assert(
      fc.property(few, (events) => {
        const kept = new Set(keepWithinBound(events, itself, MAX))
        const left = events.filter((event) => !kept.has(event))
        const extreme = (event: PaymentEvent) => {
          const group = events.filter(
            (other) =>
              other.childKey === event.childKey &&
              other.status === event.status &&
              (other.occurredAt === null) === (event.occurredAt === null) &&
              other.unknownBecause === event.unknownBecause &&
              other.weakKey === event.weakKey,
          )
          const sorted = group.toSorted(compareByTime)
          return event.childKey === null && (event === sorted[0] || event === sorted.at(-1))
        }
        const filling = [...kept].filter((event) => !extreme(event))
        const tiers = { UNKNOWN: 0, PROCESSING: 1, ON_HOLD: 1, COMPLETED: 2 } as Record<string, number>
        // Reports of children come after everything else.
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

  function keepOneByOne(arrivals: readonly PaymentEvent[], max: number): readonly PaymentEvent[] {
    let kept: readonly PaymentEvent[] = []
    for (const event of arrivals) {
      kept = keepWithinBound([...kept, event], itself, max)
    }
    return kept
  }
})

function shuffledTwice(events: readonly PaymentEvent[]) {
  const all = [...events]
  const shuffled = fc.shuffledSubarray(all, { minLength: all.length })
  return fc.tuple(shuffled, shuffled)
}

function idsOf(events: readonly PaymentEvent[]): string[] {
  return events.map((event) => event.eventId).sort()
}
