import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { readingThatCounts } from '../../../src/payment/reading.ts'
import { judgePayment } from '../../../src/tools/verify/judge-payment.ts'
import { arrivalsOf, distinctEvents, readingsOf } from '../../payment/arbitrary-events.ts'
import { type Arrival, AT_REST, type Evidence, evidenceOf } from './evidence.ts'

/** Evidence of events in any order, with repeats and overdue steps in between. */
const processed = distinctEvents()
  .chain((events) => fc.tuple(arrivalsOf(events), fc.infiniteStream(fc.boolean())))
  .map(([events, overdue]) => {
    const arrivals = events.flatMap((event): Arrival[] => (overdue.next().value ? [event, 'overdue'] : [event]))
    const evidence = evidenceOf(arrivals)
    return { ...evidence, paymentKey: (events[0] as PaymentEvent).paymentKey }
  })

const kindsOf = (evidence: Evidence) => judgePayment(evidence, AT_REST).differences.map(({ kind }) => kind)

test('correct processing never causes a difference', () => {
  fc.assert(
    fc.property(processed, (evidence) => {
      expect(judgePayment(evidence, AT_REST).differences).toEqual([])
    }),
    { numRuns: 300 },
  )
})

test('no order of readings and withdrawals causes a difference', () => {
  fc.assert(
    fc.property(distinctEvents({ maxLength: 5 }).chain(readingsOf).chain(arrivalsOf), (arrivals) => {
      const evidence = evidenceOf(arrivals)
      const raw = [...Map.groupBy(arrivals, ({ eventId }) => eventId).values()]
        .map((readings) => readings.reduce(readingThatCounts))
        .filter(({ withdrawn }) => !withdrawn)
        .map((event) => ({ event, position: 'raw[0]@1', dueAt: event.receivedAt }))
      const { paymentKey } = evidence.state
      expect(judgePayment({ ...evidence, paymentKey, raw }, AT_REST).differences).toEqual([])
    }),
    { numRuns: 300 },
  )
})

test('finds any missing and any repeated record of changes', () => {
  fc.assert(
    fc.property(processed, fc.nat(), (evidence, seed) => {
      const index = seed % evidence.changes.length
      const record = evidence.changes[index]
      const missing = evidence.changes.toSpliced(index, 1)
      expect(kindsOf({ ...evidence, changes: missing })).not.toEqual([])
      const isEvent = record?.change?.event != null
      const twice = [...evidence.changes, { offset: 99n, change: record?.change ?? null }]
      expect(kindsOf({ ...evidence, changes: twice })).toEqual([isEvent ? 'duplicated' : 'wrongVersion'])
    }),
    { numRuns: 300 },
  )
})

test('reports any event that was not recorded as lost', () => {
  fc.assert(
    fc.property(distinctEvents({ minLength: 2 }), fc.nat(), (events, seed) => {
      const index = seed % events.length
      const whole = evidenceOf(events)
      const without = { ...evidenceOf(events.toSpliced(index, 1)), paymentKey: (events[0] as PaymentEvent).paymentKey }
      expect(kindsOf({ ...without, raw: whole.raw })[0]).toBe('lost')
    }),
    { numRuns: 300 },
  )
})
