import { expect, test, vi } from 'vitest'
import { timeOrAge } from '../../src/commands/option-values.ts'

test('an age of any length is a time', () => {
  vi.useFakeTimers({ now: 86_400_000 })
  expect(['1h', '1d', '2d', '999999999d'].map(timeOrAge)).toEqual([82_800_000, 0, 0, 0])
  expect(timeOrAge('2026-03-01T08:00:00Z')).toBe(Date.parse('2026-03-01T08:00:00Z'))
  vi.useRealTimers()
})
