import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type BatchRecord, encodeRecordBatch } from '../../src/kafka/encode-record-batch.ts'

// The originals: an earlier test may have loaded src/kafka/kafkajs.ts, which replaces them with ours.
const require = createRequire(import.meta.url)
function original(path: string) {
  delete require.cache[require.resolve(path)]
  return require(path)
}
const originalRecord = original('kafkajs/src/protocol/recordBatch/record/v0/index.js')
const { RecordBatch: originalBatch } = original('kafkajs/src/protocol/recordBatch/v0/index.js')

const text = fc.string({ maxLength: 300, unit: 'binary' }).filter((value) => value.isWellFormed())
const bytes = fc.uint8Array({ maxLength: 20_000 }).map((value) => Buffer.from(value))
const record: fc.Arbitrary<BatchRecord> = fc.record({
  key: fc.oneof(text, bytes, fc.constant(null)),
  value: fc.oneof(bytes, fc.constant(null)),
  headers: fc.option(fc.dictionary(text, fc.oneof(text, bytes, fc.array(text, { maxLength: 3 })), { maxKeys: 5 }), {
    nil: undefined,
  }),
  timestampDelta: fc.nat(1_000_000),
})

describe('encodeRecordBatch', () => {
  it('produces the same bytes as kafkajs for any records', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 20 }),
        fc.record({
          firstTimestamp: fc.nat(),
          maxTimestamp: fc.nat(),
          transactional: fc.boolean(),
          producerId: fc.bigInt(-1n, 2n ** 62n),
          producerEpoch: fc.nat(32_767),
          firstSequence: fc.nat(2 ** 31 - 1),
        }),
        async (records, fields) => {
          const expected = await originalBatch({
            ...fields,
            producerId: String(fields.producerId),
            compression: 0,
            lastOffsetDelta: records.length - 1,
            records: records.map((one, offsetDelta) => originalRecord({ ...one, offsetDelta })),
          })
          expect(encodeRecordBatch(records, fields).equals(expected.buffer)).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('is what kafkajs uses once our adapter is loaded', () => {
    const script = `
      await import('./src/kafka/kafkajs.ts')
      const require = (await import('node:module')).createRequire(process.cwd() + '/')
      const { RecordBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js')
      const batch = await RecordBatch({ firstTimestamp: 1, maxTimestamp: 1, records: [{ key: 'k', value: null, timestampDelta: 0 }] })
      process.stdout.write(batch.buffer.toString('hex'))`
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
    const fields = {
      firstTimestamp: 1,
      maxTimestamp: 1,
      transactional: false,
      producerId: -1n,
      producerEpoch: 0,
      firstSequence: 0,
    }
    expect(output).toBe(encodeRecordBatch([{ key: 'k', value: null, timestampDelta: 0 }], fields).toString('hex'))
  })
})
