import { expect, test } from 'vitest'
import { type Positions, spanIsAlone, ThroughAgain } from './recovery.ts'

function positions(...pairs: readonly (readonly [committed: number, end: number])[]): Positions {
  return new Map(pairs.map(([committed, end], at) => [`p${at}`, { committed: BigInt(committed), end: BigInt(end) }]))
}

test('recovery means that a record from after the fault was committed in every partition', () => {
  const through = new ThroughAgain()
  expect(through.look(positions([3, 5], [7, 9]), false)).toBe(false)
  // Records in flight at the time of the fault.
  expect(through.look(positions([5, 8], [9, 12]), false)).toBe(false)
  // One partition is blocked.
  expect(through.look(positions([8, 8], [9, 20]), false)).toBe(false)
  expect(through.look(positions([8, 8], [10, 20]), false)).toBe(true)
})

test('a partition that was not visible at first gets its own first look', () => {
  const through = new ThroughAgain()
  through.look(positions([3, 5]), false)
  expect(through.look(positions([6, 6], [9, 9]), false)).toBe(false)
  expect(through.look(positions([6, 6], [10, 10]), false)).toBe(true)
})

test('once no more records come, having caught up is enough', () => {
  const through = new ThroughAgain()
  through.look(positions([4, 5], [9, 9]), true)
  expect(through.look(positions([4, 5], [9, 9]), true)).toBe(false)
  expect(through.look(positions([5, 5], [9, 9]), true)).toBe(true)
})

test('a fault is alone if no other was active during it or just before', () => {
  const fault = { since: 10_000, over: 20_000 }
  expect(spanIsAlone(fault, [])).toBe(true)
  expect(spanIsAlone(fault, [{ since: 0, over: 8_000 }])).toBe(true)
  expect(spanIsAlone(fault, [{ since: 0, over: 8_001 }])).toBe(false)
  expect(spanIsAlone(fault, [{ since: 19_999, over: 30_000 }])).toBe(false)
  expect(spanIsAlone(fault, [{ since: 20_000, over: 30_000 }])).toBe(true)
})

test('a committed offset beyond the end of a truncated log is no progress', () => {
  const through = new ThroughAgain()
  through.look(positions([30, 20], [9, 9]), false)
  expect(through.look(positions([30, 25], [10, 10]), false)).toBe(false)
  expect(through.look(positions([25, 26], [10, 10]), false)).toBe(true)
})
