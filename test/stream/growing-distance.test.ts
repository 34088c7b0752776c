import { expect, test } from 'vitest'
import { GrowingDistance } from '../../src/stream/growing-distance.ts'

/** The seconds at which a condition that occurs three times a second is logged. */
function saidAt(distance: GrowingDistance, from: number, to: number): number[] {
  const said: number[] = []
  for (let third = 3 * from; third < 3 * to; third += 1) {
    if (distance.met('the broker refuses', (third * 1_000) / 3) !== null) {
      said.push(third / 3)
    }
  }
  return said
}

test('a lasting condition is logged at once and then at growing intervals', () => {
  expect(saidAt(new GrowingDistance(), 0, 3_000)).toEqual([0, 10, 30, 70, 150, 310, 630, 1_230, 1_830, 2_430])
})

test('returns how often the condition occurred since it was last logged', () => {
  const distance = new GrowingDistance()
  expect([0, 4_000, 9_999, 10_000, 30_000].map((at) => distance.met('x', at))).toEqual([1, null, null, 3, 1])
})

test('texts that differ only in numbers are the same condition', () => {
  const distance = new GrowingDistance()
  expect([distance.met('21 requests are open', 0), distance.met('22 requests are open', 1)]).toEqual([1, null])
})

test('another condition is logged at once', () => {
  const distance = new GrowingDistance()
  expect([distance.met('x', 0), distance.met('y', 1), distance.met('x', 2)]).toEqual([1, 1, null])
})

test('a flapping condition is logged at the shortest interval, not each time that it returns', () => {
  const distance = new GrowingDistance()
  saidAt(distance, 0, 100)
  distance.over()
  expect(distance.met('the broker refuses', 100_000)).not.toBe(null)
  distance.over()
  expect(distance.met('the broker refuses', 100_100)).toBe(null)
  expect(distance.met('the broker refuses', 110_000)).toBe(2)
})

test('a condition that returns after a long time is new', () => {
  const distance = new GrowingDistance()
  saidAt(distance, 0, 100)
  expect(distance.met('the broker refuses', 800_000)).toBe(1)
})

test('conditions beyond the limit share one entry (I10)', () => {
  const distance = new GrowingDistance()
  const said = Array.from({ length: 1_000 }, (_, index) => distance.met(`reason ${'x'.repeat(index)}`, 0))
  expect(said.filter((times) => times !== null)).toHaveLength(33)
})
