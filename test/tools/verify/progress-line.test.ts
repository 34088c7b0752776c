import { expect, test } from 'vitest'
import { progressLine } from '../../../src/tools/verify/progress-line.ts'

const START = { step: 'reading raw', done: 0, of: 6, count: 0, doneShare: 0, elapsedMs: 0 } as const

test('prints progress as a bar, without an estimate before there is one and after the end', () => {
  expect(progressLine(START)).toBe('reading raw [........................] 0 of 6 partitions, 0 callbacks')
  expect(progressLine({ ...START, doneShare: 0.04, elapsedMs: 4_000 })).not.toContain('left')
  const end = progressLine({ step: 'comparing', done: 6, of: 6, count: 1, doneShare: 1, elapsedMs: 9 })
  expect(end).toBe(`comparing   [${'#'.repeat(24)}] 6 of 6 partitions, 1 payments`)
})

test('estimates the time left from the share that is done', () => {
  const half = { step: 'comparing', done: 3, of: 6, count: 4711 } as const
  expect(progressLine({ ...half, doneShare: 0.75, elapsedMs: 30_000 })).toBe(
    'comparing   [############............] 3 of 6 partitions, 4711 payments, about 10 s left',
  )
  expect(progressLine({ ...half, doneShare: 0.1, elapsedMs: 30_000 })).toMatch(/, about 5 min left$/)
})
