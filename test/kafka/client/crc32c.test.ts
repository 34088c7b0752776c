import { createRequire } from 'node:module'
import { crc32c, lz4Compress, lz4Decompress } from '@platformatic/wasm-utils'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const original = createRequire(import.meta.url)('kafkajs/src/protocol/recordBatch/crc32C/crc32C.js') as (
  bytes: Uint8Array,
) => number

describe('the checksum of a record batch', () => {
  it('returns the check value of the standard', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  })

  it('equals kafkajs’s CRC for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => {
        expect(crc32c(bytes)).toBe(original(bytes))
      }),
      { numRuns: 500 },
    )
  })

  it('is right after a decompression, which moves the memory that both use', () => {
    for (const size of [1_000, 3_000_000, 12_000_000, 0]) {
      const bytes = Buffer.alloc(size, 'paystatus')
      const expected = original(bytes)
      expect(crc32c(bytes)).toBe(expected)
      expect(crc32c(lz4Decompress(lz4Compress(bytes)))).toBe(expected)
    }
  })
})
