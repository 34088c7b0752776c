import { expect, test } from 'vitest'
import { PartitionPauses } from './partition-pauses.ts'

const at = (...offsets: readonly number[]) => new Map(offsets.map((offset, partition) => [partition, BigInt(offset)]))

test('a pause lasts from one advance to the next; the longest of each partition counts', () => {
  const pauses = new PartitionPauses()
  pauses.look(at(5, 5), 1_000)
  pauses.look(at(6, 5), 1_100)
  pauses.look(at(6, 7), 1_400)
  pauses.look(at(6, 8), 1_500)
  pauses.look(at(9, 9), 2_600)
  pauses.look(at(10, 10), 2_700)
  expect(pauses.longestMs).toEqual([1_500, 1_100])
})

test('partitions have moved only once all have advanced later than a time', () => {
  const pauses = new PartitionPauses()
  pauses.look(at(5, 5), 1_000)
  pauses.look(at(6, 5), 1_100)
  expect(pauses.haveMovedSince(1_000, 2)).toBe(false)
  pauses.look(at(6, 6), 1_200)
  expect(pauses.haveMovedSince(1_000, 2)).toBe(true)
  expect(pauses.haveMovedSince(1_100, 2)).toBe(false)
})
