import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { foldPayment } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { runs } from '../runs.ts'
import { distinctEvents, WHERE_TIMES_DECIDE } from './arbitrary-events.ts'
import { agreesWithOracle, oracle } from './fold-oracle.ts'

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

function shuffledTwice(events: readonly PaymentEvent[]) {
  const all = [...events]
  const shuffled = fc.shuffledSubarray(all, { minLength: all.length })
  return fc.tuple(shuffled, shuffled)
}
