import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { differencesOf, distinctDifferencesOf, totalsOf, workload } from './workload.ts'

const CALLBACKS = [...workload(2_000)]

test('the same number of payments gives the same bytes in the same order, as in earlier measurements', () => {
  const digest = createHash('sha256')
  for (const { paymentId, body } of CALLBACKS) {
    digest.update(paymentId).update(body)
  }
  expect(CALLBACKS.length).toBe(6_087)
  expect(digest.digest('hex')).toBe('5f233b92cd69eb8b1cb0c3cc5f5402cdb4dfe95467410e68d84bb31ba5fcde3a')
})

test('a tenth is repeated byte for byte, and every payment ends with a status', () => {
  const seen = new Set<string>()
  for (const { body, isRepeat } of CALLBACKS) {
    expect(seen.has(String(body))).toBe(isRepeat)
    seen.add(String(body))
  }
  const { duplicate } = totalsOf(2_000, CALLBACKS)
  expect(duplicate / (CALLBACKS.length - duplicate)).toBeCloseTo(0.1, 1)
  expect(new Set(CALLBACKS.map(({ paymentId }) => paymentId)).size).toBe(2_000)
})

test('totals that differ from the workload are named', () => {
  const expected = totalsOf(100_000, [{ isRepeat: false }, { isRepeat: false }, { isRepeat: true }])
  expect(expected).toEqual({ events: 3, duplicate: 1, verdicts: { applied: 269_600, late: 7_774 } })
  const known = { ...expected, verdicts: { applied: 1, late: 1 } }
  expect(differencesOf(known, { events: 3, duplicate: 1, applied: 1, late: 1 })).toEqual([])
  expect(differencesOf(known, { events: 3, duplicate: 1, applied: 2, late: 0 })).toEqual([
    '2 applied instead of 1',
    '0 late instead of 1',
  ])
  expect(differencesOf({ ...known, verdicts: null }, { events: 3, duplicate: 1, applied: 2, late: 0 })).toEqual([])
  expect(distinctDifferencesOf(known, { events: 2, duplicate: 0, distinct: 3 })).toEqual([
    '2 events instead of 3',
    '0 duplicate instead of 1',
    '3 distinct instead of 2',
  ])
})
