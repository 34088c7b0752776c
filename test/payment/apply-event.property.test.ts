import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { applyEvent, orderFreePart, type PaymentState } from '../../src/payment/apply-event.ts'
import { foldPayment } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { countVerdict, noTotals, totalsDifference } from '../../src/payment/totals.ts'
import { runs } from '../runs.ts'
import { arrivalsOf, distinctEvents } from './arbitrary-events.ts'

// A hundred times the usual duration: a busy machine is no failure.
vi.setConfig({ testTimeout: 30_000 })

const RUNS = runs(300)

/** A set of distinct events and two possible sequences of arrival: any order, any repeats. */
const twoStories = distinctEvents().chain((events) =>
  fc.tuple(fc.constant(events), arrivalsOf(events), arrivalsOf(events)),
)

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
          state = applied.outcome === 'recorded' ? applied.change.state : state
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
    state = applied.outcome === 'recorded' ? applied.change.state : state
  }
  if (state === undefined) {
    throw new Error('no events')
  }
  return state
}
