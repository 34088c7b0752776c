import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asOfChanges, asOfHistory } from '../../src/console/as-of.ts'
import { applyEvent, type PaymentState } from '../../src/payment/apply-event.ts'
import { overdueChange, type StatusChangeRecord, toStatusChange } from '../../src/payment/status-change.ts'
import { arrivalsOf, distinctEvents } from '../payment/arbitrary-events.ts'

/** I5: what the console says about a past moment is what `changes` had then. */
test('the history says the same as changes at every moment, or says that it cannot say', () => {
  let said = 0
  fc.assert(
    fc.property(distinctEvents().chain(arrivalsOf), fc.nat(20), (events, overdueAfter) => {
      let state: PaymentState | undefined
      const changes: StatusChangeRecord[] = []
      for (const [index, event] of events.entries()) {
        const applied = applyEvent(state, event, 1_000 + index * 10)
        if (applied.outcome === 'recorded') {
          state = applied.change.state
          changes.push(toStatusChange(applied.change))
        }
        if (index === overdueAfter && state !== undefined) {
          state = { ...state, statusVersion: state.statusVersion + 1, overdueSince: 1_005 + index * 10 }
          changes.push(overdueChange(state))
        }
      }
      for (let at = 990; state !== undefined && at < 1_000 + events.length * 10; at += 5) {
        const known = asOfHistory(state, at)
        if (known !== 'not-in-history') {
          said += 1
          const fromChanges = asOfChanges(changes, at)
          expect(known).toEqual(fromChanges)
        }
      }
    }),
    { numRuns: Number(process.env['RUNS'] ?? 2_000) / 10 },
  )
  expect(said).toBeGreaterThan(100)
})
