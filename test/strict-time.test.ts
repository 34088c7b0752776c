import { InvalidArgumentError } from 'commander'
import { describe, expect, test } from 'vitest'
import { isoTime } from '../src/commands/option-values.ts'
import { timeOf } from '../src/console/api/api-routes.ts'
import { strictIsoTime } from '../src/strict-time.ts'

/** Of a caller's time, nothing is guessed: what does not exist as written is refused. */

describe('a time that exists', () => {
  test.each([
    ['2026-03-01', Date.UTC(2026, 2, 1)],
    ['2028-02-29', Date.UTC(2028, 1, 29)],
    ['2026-03-01T08:00Z', Date.UTC(2026, 2, 1, 8)],
    ['2026-03-01T08:00:05Z', Date.UTC(2026, 2, 1, 8, 0, 5)],
    ['2026-03-01T08:00:05.25Z', Date.UTC(2026, 2, 1, 8, 0, 5, 250)],
    ['2026-03-01T08:00:05.123456789Z', Date.UTC(2026, 2, 1, 8, 0, 5, 123)],
    ['2026-03-01T00:30:00+02:00', Date.UTC(2026, 1, 28, 22, 30)],
    ['2026-02-28T23:30:00-02:00', Date.UTC(2026, 2, 1, 1, 30)],
  ])('%s is read', (text, ms) => {
    expect(strictIsoTime(text)).toBe(ms)
    expect(isoTime(text)).toBe(ms)
  })
})

describe('a time that does not exist, or whose instant is not known', () => {
  test.each([
    '2026-02-30',
    '2026-02-29',
    '2026-04-31',
    '2026-04-31T08:00:00+02:00',
    '2026-02-30T08:00:00Z',
    '2026-00-10',
    '2026-13-01',
    '2026-01-00',
    '2026-01-32',
    '2026-03-01T24:00:00Z',
    '2026-03-01T08:60:00Z',
    '2026-03-01T08:00:60Z',
    '2026-03-01T08:00:00+24:00',
    '2026-03-01T08:00:00+02:60',
    '2026-03-01T08:00:00',
    '2026-03-01T08Z',
    '2026-3-1',
    '20260301',
    ' 2026-03-01',
    '2026-03-01\n',
    'yesterday',
    '',
  ])('%j is refused', (text) => {
    expect(strictIsoTime(text)).toBeNull()
    expect(() => isoTime(text)).toThrow(InvalidArgumentError)
    expect(timeOf(text)).toBeNull()
  })
})

test('the console wants a time of day', () => {
  expect([timeOf('2026-03-01T08:00Z'), timeOf('2026-03-01'), timeOf(null)]).toEqual([
    Date.UTC(2026, 2, 1, 8),
    null,
    null,
  ])
})
