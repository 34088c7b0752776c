import { expect, test } from 'vitest'
import { VERDICTS } from '../../src/payment/apply-event.ts'
import { addTotals, countVerdict, noTotals, totalsDifference, totalsFrom } from '../../src/payment/totals.ts'

test('I8: each verdict has its own counter, which the difference includes', () => {
  const delta = noTotals()
  for (const [index, verdict] of VERDICTS.entries()) {
    countVerdict(delta, verdict)
    expect(totalsDifference({ ...delta, events: index + 1 })).toBe(0)
  }
  const counts = [
    delta.applied,
    delta.late,
    delta.revision,
    delta.conflict,
    delta.unknown,
    delta.restated,
    delta.withdrawn,
  ]
  expect(counts).toEqual([1, 1, 1, 1, 1, 1, 1])
})

test('I8: duplicates and dead letters account for events; actions of timers do not', () => {
  expect(totalsDifference({ ...noTotals(), events: 3, duplicate: 2, deadLetter: 1 })).toBe(0)
  expect(totalsDifference({ ...noTotals(), overdue: 5, forgotten: 5 })).toBe(0)
  expect(totalsDifference({ ...noTotals(), events: 1 })).toBe(1)
})

test('adding mutates neither operand and keeps the start of the count', () => {
  const totals = { ...totalsFrom(42n), events: 1, applied: 1 }
  const delta = { ...noTotals(), events: 2, late: 2 }
  expect(addTotals(totals, delta)).toEqual({ ...totalsFrom(42n), events: 3, applied: 1, late: 2 })
  expect([totals.events, delta.events]).toEqual([1, 2])
  expect(totals.since).toBe('42')
})
