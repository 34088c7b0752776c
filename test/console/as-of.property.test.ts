import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { asOfChanges, asOfHistory } from '../../src/console/as-of.ts'
import { applyEvent, type PaymentState } from '../../src/payment/apply-event.ts'
import { overdueChange, type StatusChangeRecord, toStatusChange } from '../../src/payment/status-change.ts'
import { arrivalsOf, distinctEvents } from '../payment/arbitrary-events.ts'
import { paymentOf } from './fake-world.ts'

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

describe('after a repair, which republishes lost records at the end of changes', () => {
  const statuses = ['ACCEPTED', 'PROCESSING', 'COMPLETED'] as const
  const { changes } = paymentOf(
    statuses.map((status, index) => ({
      status,
      eventId: `${index}`.repeat(32),
      occurredAt: index,
      recordedAt: 10 * index,
    })),
  )
  const [first, second, third] = changes as [StatusChangeRecord, StatusChangeRecord, StatusChangeRecord]

  test.each([
    [20, 3],
    [19, 2],
    [10, 2],
    [9, 1],
    [-1, undefined],
  ])('at %i the payment stood at version %s', (at, version) => {
    expect(asOfChanges([first, third, second], at)?.statusVersion).toBe(version)
    expect(asOfChanges([third, second, first], at)?.statusVersion).toBe(version)
  })

  test('a later life is later, whatever its version', () => {
    const returned = { ...first, incarnation: third.incarnation + 1, recordedAt: 30 }
    expect(asOfChanges([first, third, returned, second], 30)).toMatchObject({ incarnation: returned.incarnation })
  })
})
