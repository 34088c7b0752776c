import { expect, test } from 'vitest'
import { isEmptyDate, isIsoDate } from '../../src/providers/iso-date.ts'

test.each([
  '2026-03-01',
  '1970-01-01',
  '2024-02-29',
  '2026-12-31',
  '20260301',
  '2026-04-30',
  '2026-03-01T10:00:00Z',
  '2026-03-01T10:00:00.000+01:00',
  '2026-03-01 10:00:00',
])('%s is a date', (text) => {
  expect(isIsoDate(text)).toBe(true)
})

test.each([
  '',
  'tomorrow',
  '2026-02-29',
  '2026-02-30',
  '2026-04-31',
  '2026-00-10',
  '2026-13-01',
  '2026-01-00',
  '2026-01-32',
  '1969-12-31',
  '2026-0301',
  '202603-01',
  '2026-3-1',
  '03/01/2026',
  '2026-03-01T',
  '2026-03-01Tnoon',
  '2026-02-30T10:00:00Z',
  '2026-03-01x',
  '2026-03-011',
  'x2026-03-01',
])('%j is not a date', (text) => {
  expect(isIsoDate(text)).toBe(false)
})

test('only the year 1 is the empty date', () => {
  const empty = ['0001-01-01', '00010101', '0001-01-01T00:00:00', '0001-01-01T00:00:00Z', '0001-01-01 00:00']
  expect(empty.map(isEmptyDate)).toEqual(empty.map(() => true))
  expect(['2026-03-01', '1000-01-01', '0001', '', 'x0001-01-01'].map(isEmptyDate)).not.toContain(true)
})
