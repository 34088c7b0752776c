import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import {
  type Applied,
  applyEvent,
  orderFreePart,
  type PaymentState,
  type Verdict,
} from '../../src/payment/apply-event.ts'
import { foldPayment } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { readingThatCounts, saysTheSame } from '../../src/payment/reading.ts'
import { countVerdict, noTotals, totalsDifference } from '../../src/payment/totals.ts'
import { runs } from '../runs.ts'
import { arrivalsOf, distinctEvents, readingsOf } from './arbitrary-events.ts'

// A hundred times the usual duration: a busy machine is no failure.
vi.setConfig({ testTimeout: 30_000 })

const RUNS = runs(300)

/** A set of distinct events and two possible sequences of arrival: any order, any repeats. */
const twoStories = distinctEvents().chain((events) =>
  fc.tuple(fc.constant(events), arrivalsOf(events), arrivalsOf(events)),
)

/** Several readings of each event, withdrawals among them, and two possible sequences of arrival. */
const twoStoriesOfReadings = distinctEvents({ maxLength: 5 })
  .chain(readingsOf)
  .chain((readings) => fc.tuple(fc.constant(readings), arrivalsOf(readings), arrivalsOf(readings)))

describe('applying several readings of events', () => {
  test('I5: gives the same state in any order and with any repeats, and each step is the fold of what counts', () => {
    fc.assert(
      fc.property(twoStoriesOfReadings, ([readings, one, other]) => {
        const [state, reversed] = [one, other].map(stateAfter) as [PaymentState, PaymentState]
        expect(orderFreePart(state)).toEqual(orderFreePart(reversed))
        const counting = [...Map.groupBy(readings, ({ eventId }) => eventId).values()].map((all) =>
          all.reduce(readingThatCounts),
        )
        const { status, decidedBy, attention } = foldPayment(counting)
        expect(state).toMatchObject({ status, decidedBy, attention })
      }),
      RUNS,
    )
  })

  test('I3 I4 I8: each step has the next version and says something else of its event, and every arrival is counted once', () => {
    fc.assert(
      fc.property(twoStoriesOfReadings, ([, arrivals]) => {
        const totals = noTotals()
        totals.events = arrivals.length
        const counting = new Map<string, PaymentEvent>()
        let state: PaymentState | undefined
        for (const event of arrivals) {
          const known = counting.get(event.eventId)
          const counts = known === undefined ? event : readingThatCounts(known, event)
          counting.set(event.eventId, counts)
          const isStep = known === undefined || !saysTheSame(counts, known)
          const applied = applyEvent(state, event, 1)
          expect(applied.outcome).toBe(isStep ? 'recorded' : 'duplicate')
          if (applied.outcome === 'recorded') {
            const { recorded, restated, state: after } = applied.change
            expect(after.statusVersion).toBe((state?.statusVersion ?? 0) + 1)
            expect(recorded.verdict === 'WITHDRAWN').toBe(event.withdrawn)
            expect(recorded.verdict === 'RESTATED').toBe(known !== undefined && !event.withdrawn)
            expect(restated?.mappingVersion).toBe(known?.mappingVersion)
            countVerdict(totals, recorded.verdict)
            state = after
          } else if (applied.outcome === 'duplicate') {
            expect(applied.state?.statusVersion).toBe(applied.state === null ? undefined : state?.statusVersion)
            totals.duplicate += 1
            state = applied.state ?? state
          }
        }
        expect(totalsDifference(totals)).toBe(0)
      }),
      RUNS,
    )
  })

  test('the steps of a payment add up to its history: the conservation check of docs/consumers.md', () => {
    fc.assert(
      fc.property(twoStoriesOfReadings, ([, arrivals]) => {
        const lastVerdicts = new Map<string, Verdict>()
        let state: PaymentState | undefined
        for (const event of arrivals) {
          const applied = applyEvent(state, event, 1)
          state = nextState(applied) ?? state
          if (applied.outcome === 'recorded') {
            lastVerdicts.set(event.eventId, applied.change.recorded.verdict)
          }
        }
        const counting = [...lastVerdicts].filter(([, verdict]) => verdict !== 'WITHDRAWN').map(([eventId]) => eventId)
        const history = (state?.events ?? []).map(({ event }) => event).filter(({ withdrawn }) => !withdrawn)
        expect(history.map(({ eventId }) => eventId).toSorted()).toEqual(counting.toSorted())
      }),
      RUNS,
    )
  })

  test('I5: a payment keeps each of its events, and those withdrawn change nothing but that', () => {
    fc.assert(
      fc.property(twoStoriesOfReadings, ([readings, arrivals]) => {
        const state = stateAfter(arrivals)
        expect(new Set(state.events.map(({ event }) => event.eventId))).toEqual(
          new Set(readings.map(({ eventId }) => eventId)),
        )
        const counting = state.events.map(({ event }) => event).filter(({ withdrawn }) => !withdrawn)
        const { events: _, ...folded } = state
        expect(folded).toMatchObject({ ...foldPayment(counting) })
        if (counting.length === 0) {
          expect(state).toMatchObject({ status: 'UNKNOWN', decidedBy: null, attention: [], children: [] })
        }
      }),
      RUNS,
    )
  })
})

describe('applying events', () => {
  test('I5: gives the same state in any order and with any repeats', () => {
    fc.assert(
      fc.property(twoStories, ([, one, other]) => {
        expect(orderFreePart(stateAfter(one))).toEqual(orderFreePart(stateAfter(other)))
      }),
      RUNS,
    )
  })

  test('I5: gives, after every step, the fold of the distinct events so far', () => {
    fc.assert(
      fc.property(twoStories, ([, arrivals]) => {
        const known = new Map<string, PaymentEvent>()
        let state: PaymentState | undefined
        for (const event of arrivals) {
          const applied = applyEvent(state, event, 1)
          known.set(event.eventId, event)
          if (applied.outcome === 'recorded') {
            const { status, decidedBy, attention } = foldPayment([...known.values()])
            expect(applied.change.state).toMatchObject({ status, decidedBy, attention })
            expect(applied.change.statusBefore).toBe(state?.status ?? null)
            expect(applied.change.recorded).toMatchObject({ event, statusAfter: status })
            state = applied.change.state
          }
        }
      }),
      RUNS,
    )
  })

  test('I4: numbers the steps 1, 2, 3 … without gap or repeat, and the state has the last number', () => {
    fc.assert(
      fc.property(twoStories, ([events, arrivals]) => {
        const versions: number[] = []
        let state: PaymentState | undefined
        for (const event of arrivals) {
          const applied = applyEvent(state, event, 1)
          if (applied.outcome === 'recorded') {
            state = applied.change.state
            versions.push(state.statusVersion)
            expect(applied.change.recorded.statusVersion).toBe(state.statusVersion)
          }
        }
        expect(versions).toEqual(events.map((_, index) => index + 1))
        expect(state?.events.map((recorded) => recorded.statusVersion)).toEqual(versions)
      }),
      RUNS,
    )
  })

  test('I3 and I8: every arrival gives one verdict or one duplicate, and each distinct event has exactly one verdict', () => {
    fc.assert(
      fc.property(twoStories, ([events, arrivals]) => {
        const totals = noTotals()
        totals.events = arrivals.length
        let state: PaymentState | undefined
        const recorded: string[] = []
        for (const event of arrivals) {
          const applied = applyEvent(state, event, 1)
          if (applied.outcome === 'recorded') {
            countVerdict(totals, applied.change.recorded.verdict)
            recorded.push(event.eventId)
            state = applied.change.state
          } else {
            expect(applied.outcome).toBe('duplicate')
            totals.duplicate += 1
          }
        }
        expect(totalsDifference(totals)).toBe(0)
        expect(totals.duplicate).toBe(arrivals.length - events.length)
        expect(recorded.sort()).toEqual(events.map((event) => event.eventId).sort())
      }),
      RUNS,
    )
  })

  test('never mutates the state it is given', () => {
    fc.assert(
      fc.property(twoStories, ([, arrivals]) => {
        let state: PaymentState | undefined
        for (const event of arrivals) {
          const before = structuredClone(state)
          const applied = applyEvent(state, event, 1)
          expect(state).toEqual(before)
          state = nextState(applied) ?? state
        }
      }),
      runs(100),
    )
  })
})

function stateAfter(arrivals: readonly PaymentEvent[]): PaymentState {
  let state: PaymentState | undefined
  for (const [index, event] of arrivals.entries()) {
    const applied = applyEvent(state, event, index)
    state = nextState(applied) ?? state
  }
  if (state === undefined) {
    throw new Error('no events')
  }
  return state
}

/** Undefined if the state stays as it is. */
function nextState(applied: Applied): PaymentState | undefined {
  switch (applied.outcome) {
    case 'recorded':
      return applied.change.state
    case 'duplicate':
      return applied.state ?? undefined
    case 'history-full':
      return applied.state
  }
}
