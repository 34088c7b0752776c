import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assignPartitions, type Member } from '../../../src/kafka/client/assign-partitions.ts'

const member = (id: string, owned: readonly number[], generation = 1): Member => ({
  id,
  instanceId: null,
  owned,
  generation,
})

const members = fc.uniqueArray(
  fc.record({
    id: fc.string({ minLength: 1, maxLength: 3 }),
    instanceId: fc.option(fc.string({ maxLength: 3 })),
    owned: fc.array(fc.nat(40), { maxLength: 10 }),
    generation: fc.integer({ min: -1, max: 3 }),
  }),
  { minLength: 1, maxLength: 8, selector: ({ id }) => id },
)

test('every partition has exactly one member, and counts differ by at most one, whatever members claim', () => {
  fc.assert(
    fc.property(members, fc.nat(30), (all, partitions) => {
      const lists = [...assignPartitions(all, partitions).values()]
      expect(lists.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: partitions }, (_, index) => index))
      const sizes = lists.map(({ length }) => length)
      expect(lists).toHaveLength(all.length)
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    }),
    { numRuns: 300 },
  )
})

test('an assignment that is already even stays as it is', () => {
  fc.assert(
    fc.property(members, fc.nat(30), (all, partitions) => {
      const before = assignPartitions(all, partitions)
      const again = all.map((one) => ({ ...one, owned: before.get(one.id) ?? [], generation: 9 }))
      expect(assignPartitions(again, partitions)).toEqual(before)
    }),
    { numRuns: 300 },
  )
})

test('a member that joins or leaves moves no more than its share', () => {
  const joined = assignPartitions([member('a', [0, 1, 2]), member('b', [3, 4, 5]), member('c', [], -1)], 6)
  expect(Object.fromEntries(joined)).toEqual({ a: [0, 1], b: [3, 4], c: [2, 5] })
  const left = assignPartitions([member('a', [0, 1]), member('b', [3, 4])], 6)
  expect(Object.fromEntries(left)).toEqual({ a: [0, 1, 2], b: [3, 4, 5] })
})

test('of two members that claim a partition, the one with the later generation gets it', () => {
  const assigned = assignPartitions([member('a', [0, 1], 3), member('b', [0, 1], 4)], 2)
  expect(assigned.get('b')).toContain(0)
})
