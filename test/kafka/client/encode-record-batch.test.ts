import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { COMPRESSION } from '../../../src/kafka/client/decompress.ts'
import { encodeRecordBatch } from '../../../src/kafka/client/encode-record-batch.ts'
import { readRecordBatches } from '../../../src/kafka/client/read-record-batches.ts'
import type { OutRecord } from '../../../src/stream/record.ts'

const require = createRequire(import.meta.url)
const theirRecord = require('kafkajs/src/protocol/recordBatch/record/v0/index.js')
const { RecordBatch: theirBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js')

const text = fc.string({ maxLength: 300, unit: 'binary' }).filter((value) => value.isWellFormed())
const bytes = fc.uint8Array({ maxLength: 20_000 }).map((value) => Buffer.from(value))
const record: fc.Arbitrary<OutRecord> = fc.record({
  key: fc.oneof(text, bytes),
  value: fc.oneof(bytes, fc.constant(null)),
  headers: fc.dictionary(text, fc.oneof(text, bytes), { maxKeys: 5 }),
})

describe('encodeRecordBatch', () => {
  it('produces the same bytes as kafkajs for any records', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.record({
          timestamp: fc.nat(),
          transactional: fc.boolean(),
          producerId: fc.bigInt(-1n, 2n ** 62n),
          producerEpoch: fc.nat(32_767),
          firstSequence: fc.nat(2 ** 31 - 1),
        }),
        async (records, fields) => {
          const expected = await theirBatch({
            ...fields,
            firstTimestamp: fields.timestamp,
            maxTimestamp: fields.timestamp,
            producerId: String(fields.producerId),
            compression: 0,
            lastOffsetDelta: records.length - 1,
            records: records.map((one, offsetDelta) => theirRecord({ ...one, offsetDelta, timestampDelta: 0 })),
          })
          expect(encodeRecordBatch(records, fields).equals(expected.buffer)).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('is read back unchanged when compressed, and compression never makes it larger', () => {
    const fields = { timestamp: 7, transactional: true, producerId: 5n, producerEpoch: 1, firstSequence: 3 }
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 20 }), (records) => {
        const plain = encodeRecordBatch(records, fields)
        const compressed = encodeRecordBatch(records, { ...fields, compressed: true })
        expect(compressed.length).toBeLessThanOrEqual(plain.length)
        const [found, expected] = [compressed, plain].map((bytes) =>
          readRecordBatches(bytes, 0n, null).records.map(({ key, value, headers }) => ({ key, value, headers })),
        )
        expect(found).toEqual(expected)
      }),
      { numRuns: 100 },
    )
  })

  it('compresses similar records, but no small batch', () => {
    const fields = { timestamp: 7, transactional: false, producerId: -1n, producerEpoch: -1, firstSequence: -1 }
    const batchOf = (count: number, compressed: boolean) => {
      const records = Array.from({ length: count }, () => ({ key: 'key', value: Buffer.alloc(100, 'value') }))
      return encodeRecordBatch(records, { ...fields, compressed })
    }
    const large = batchOf(100, true)
    expect(large.length).toBeLessThan(batchOf(100, false).length / 10)
    expect(large.readInt16BE(21) & 7).toBe(COMPRESSION.zstd)
    expect(batchOf(5, true)).toEqual(batchOf(5, false))
  })
})
