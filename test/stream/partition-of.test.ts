import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { murmur2, partitionOf } from '../../src/stream/partition-of.ts'

// A hundred times the usual duration, so that a busy machine does not fail the test.
vi.setConfig({ testTimeout: 30_000 })

const require = createRequire(import.meta.url)
const theirs = require('kafkajs/src/producer/partitioners/default/murmur2.js') as (key: Buffer) => number

describe('murmur2', () => {
  test('equals murmur2 of kafkajs, and so of the Java client, for any key', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(murmur2(bytes)).toBe(Number(theirs(Buffer.from(bytes))))
      }),
      { numRuns: 1_000 },
    )
  })

  // From the Java client's own UtilsTest.
  test.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %j equals the value of the Java client', (key, hash) => {
    expect(murmur2(Buffer.from(key))).toBe(hash)
  })
})

describe('the partition of a key', () => {
  test('is always a valid partition, even for negative hashes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 32 }), fc.integer({ min: 1, max: 1_000 }), (key, partitions) => {
        const partition = partitionOf(key, partitions)
        expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true)
      }),
    )
  })

  test('clears the sign bit, as Java’s toPositive does, instead of negating', () => {
    expect(partitionOf(Buffer.from('foobar'), 7)).toBe((-790332482 & 0x7fffffff) % 7)
    expect(partitionOf(Buffer.from('foobar'), 7)).not.toBe(790332482 % 7)
  })
})
