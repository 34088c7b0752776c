import { expect, test } from 'vitest'
import { textTable, wrapText } from '../../src/tools/text-table.ts'

test('columns are as wide as their longest cell', () => {
  expect(
    textTable(
      ['a', 'long'],
      [
        ['word', ''],
        ['b', 'c'],
      ],
    ),
  ).toEqual(['a     long', '----  ----', 'word', 'b     c'])
})

const words = (count: number) => Array.from({ length: count }, () => 'seven-7').join(' ')

test('a long cell is wrapped within its column', () => {
  const [, , first, second, third] = textTable(['a', 'b'], [[words(10), 'x'], ['y']])
  expect([first, second, third]).toEqual([`${words(7)}  x`, words(3), 'y'])
})

test('a wide table is made narrower until it fits', () => {
  const lines = textTable(['a', 'b', 'c', 'd'], [[words(8), words(8), words(8), words(8)]])
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(150)
  expect(lines).toHaveLength(2 + 2)
})

test('a table that cannot fit is as wide as its longest words', () => {
  const long = 'x'.repeat(200)
  expect(textTable(['a'], [[`${long} y`]])).toEqual(['a', '-'.repeat(200), long, 'y'])
})

test.each([
  ['', 5, ['']],
  ['a b', 3, ['a b']],
  ['a bc', 3, ['a', 'bc']],
  ['unbreakable', 3, ['unbreakable']],
  ['a unbreakable b', 3, ['a', 'unbreakable', 'b']],
])('wraps %j at %i characters into %j', (text, width, lines) => {
  expect(wrapText(text, width)).toEqual(lines)
})
