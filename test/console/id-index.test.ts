import { expect, test } from 'vitest'
import { IdIndex } from '../../src/console/id-index.ts'

test('finds every number of an id after many insertions, upper and lower case being the same', () => {
  const index = new IdIndex()
  for (let number = 0; number < 5_000; number += 1) {
    index.add(`Payment-${number}`, number)
    index.add(`batch-${number % 50}`, number)
  }
  for (let number = 0; number < 5_000; number += 1) {
    expect(index.find(`PAYMENT-${number}`)).toContain(number)
  }
  expect(index.find('BATCH-7').toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, at) => at * 50 + 7))
  expect(index.find('payment-5000').length).toBeLessThan(3)
})

test('an id that a payment repeats takes one entry', () => {
  const index = new IdIndex()
  for (let times = 0; times < 100; times += 1) {
    index.add('E2E-1', 7)
  }
  expect([index.size, index.find('e2e-1')]).toEqual([1, [7]])
})

test('an id that very many payments share costs no more than others, and gives the latest 1,000 (I10)', () => {
  const index = new IdIndex()
  for (let number = 0; number < 200_000; number += 1) {
    index.add('NONE', number)
  }
  const found = index.find('none')
  expect(found).toHaveLength(1_000)
  expect(found[0]).toBe(199_999)
})
