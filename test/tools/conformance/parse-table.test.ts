import { describe, expect, test } from 'vitest'
import { parseTable } from '../../../src/tools/conformance/parse-table.ts'
import { sameDecimal } from '../../../src/tools/conformance/same-decimal.ts'

const row = (paymentKey: string, statusVersion: number, more: object = {}) =>
  `${JSON.stringify({ paymentKey, incarnation: 1, statusVersion, status: 'COMPLETED', ...more })}\n`

describe('the table of a subscriber', () => {
  test('has the last line of each payment; a line that removes one, and one that is still being written, have no row', () => {
    const removal = `${JSON.stringify({ paymentKey: 'c', forgotten: true })}\n`
    const rows = parseTable(
      `${row('a', 1)}${row('b', 1)}\n${row('c', 1)}${row('a', 2)}${removal}{"paymentKey":"b","inc`,
    )
    expect([...rows.values()].map(({ paymentKey, statusVersion }) => [paymentKey, statusVersion])).toEqual([
      ['a', 2],
      ['b', 1],
    ])
  })

  test('an amount may be a number; what a subscriber adds of its own is ignored', () => {
    const rows = parseTable(row('a', 1, { amount: { value: 7.5, currency: 'USD' }, colour: 'red', steps: [[1, 1]] }))
    expect(rows.get('a')).toMatchObject({ amount: { value: '7.5', currency: 'USD' }, steps: [[1, 1]] })
  })

  test.each([
    ['paymentKey;status\n', 'line 1 of the table is not JSON'],
    [`${row('a', 1)}{"paymentKey":"b"}\n`, 'line 2 of the table is no row: incarnation:'],
    [row('a', 1.5), 'line 1 of the table is no row: statusVersion:'],
    [row('a', 1, { amount: { value: '1,000', currency: null } }), 'amount.value'],
    [row('a', 1, { steps: [1, 2] }), 'steps.0'],
    ['[]\n', 'line 1 of the table is no row: the line:'],
  ])('%j is refused, with the line and the field', (text, message) => {
    expect(() => parseTable(text)).toThrow(message)
  })
})

test.each([
  ['100.00', '100', true],
  ['100.00', '100.0', true],
  ['0.50', '00.5', true],
  ['0', '-0.00', true],
  ['100', '10', false],
  ['1.01', '1.1', false],
  ['-1', '1', false],
  ['9007199254740993', '9007199254740992', false],
])('%s and %s as decimals: %s', (a, b, expected) => {
  expect(sameDecimal(a, b)).toBe(expected)
})
