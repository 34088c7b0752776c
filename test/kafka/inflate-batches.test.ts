import { createRequire } from 'node:module'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { encodeRecordBatch } from '../../src/kafka/encode-record-batch.ts'
import { stopIfUnreadable } from '../../src/kafka/errors.ts'
import { inflateBatches, UnreadableBatchError } from '../../src/kafka/inflate-batches.ts'
// Imported for its side effect: it replaces kafkajs's decoder with ours.
import '../../src/kafka/kafkajs.ts'
import { DefinedStop } from '../../src/stream/partition-task.ts'

const require = createRequire(import.meta.url)
const Decoder = require('kafkajs/src/protocol/decoder.js')
const GZIP = 1
const ZSTD = 4

/** A record batch as a broker stores it, compressed or not. */
function batchOf(values: readonly string[], firstOffset: bigint, codec = 0): Buffer {
  const plain = encodeRecordBatch(
    values.map((value) => ({ key: 'k', value: Buffer.from(value), headers: undefined, timestampDelta: 0 })),
    {
      firstTimestamp: 1_000,
      maxTimestamp: 1_000,
      transactional: true,
      producerId: 5n,
      producerEpoch: 1,
      firstSequence: 0,
    },
  )
  plain.writeBigInt64BE(firstOffset, 0)
  if (codec === 0) {
    return plain
  }
  const compress = codec === GZIP ? gzipSync : zstdCompressSync
  const batch = Buffer.concat([plain.subarray(0, 61), compress(plain.subarray(61))])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt16BE(plain.readInt16BE(21) | codec, 21)
  return batch
}

/** How kafkajs decodes the records of one partition in a response. */
async function decoded(batches: Buffer): Promise<readonly { offset: string; value: Buffer }[]> {
  // Required here and not at the top, to get our replacement instead of the original.
  const decode = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages.js')
  const size = Buffer.alloc(4)
  size.writeInt32BE(batches.length)
  return decode(new Decoder(Buffer.concat([size, batches])))
}

const textsOf = (records: readonly { offset: string; value: Buffer }[]) =>
  records.map(({ offset, value }) => `${offset} ${value}`)

describe('the batches of a response', () => {
  test('are read in order whatever the compression of each, up to one that is cut off', async () => {
    const batches = Buffer.concat([
      batchOf(['a', 'b'], 10n),
      batchOf(['c', 'd', 'e'], 12n, ZSTD),
      batchOf(['f'], 20n, GZIP),
      batchOf(['g'], 21n),
      batchOf(['never'], 22n, ZSTD).subarray(0, 70),
    ])
    expect(textsOf(await decoded(batches))).toEqual(['10 a', '11 b', '12 c', '13 d', '14 e', '20 f', '21 g'])
  })

  test('are returned unchanged if none is compressed', async () => {
    const batches = Buffer.concat([batchOf(['a'], 1n), batchOf(['b'], 2n)])
    expect(await inflateBatches(batches)).toBe(batches)
  })

  test('share one buffer, so that the memory a record pins is known', async () => {
    const records = await decoded(
      Buffer.concat([batchOf(['a'], 1n, ZSTD), batchOf(['b'], 2n), batchOf(['c'], 3n, GZIP)]),
    )
    expect(new Set(records.map(({ value }) => value.buffer)).size).toBe(1)
  })

  test('that are too large together are left for the next fetch (I10)', async () => {
    const large = 'x'.repeat(1_000)
    const batches = Buffer.concat([1n, 2n, 3n, 4n].map((offset) => batchOf([large], offset, ZSTD)))
    const inflated = await inflateBatches(batches, { answerBytesMax: 1_500 })
    expect(textsOf(await decoded(inflated)).map((text) => text.split(' ')[0])).toEqual(['1', '2'])
    // At least one is returned, whatever its size.
    expect(textsOf(await decoded(await inflateBatches(batches, { answerBytesMax: 0 })))).toHaveLength(1)
  })

  test('are rejected with their offset if one alone is too large, damaged, or of an unknown compression', async () => {
    const bomb = batchOf(['x'.repeat(100_000)], 7n, ZSTD)
    const inflating = inflateBatches(bomb, { batchBytesMax: 10_000 })
    await expect(inflating).rejects.toThrow(UnreadableBatchError)
    await expect(inflating).rejects.toThrow(
      'the record batch at offset 7 cannot be read: it decompresses to more than 10000 bytes',
    )
    const damaged = batchOf(['abc'], 8n, ZSTD)
    damaged.fill(0xff, 61)
    await expect(decoded(damaged)).rejects.toThrow('at offset 8 cannot be read: it is damaged')
    const unknown = batchOf(['abc'], 9n)
    unknown.writeInt16BE(unknown.readInt16BE(21) | 6, 21)
    await expect(decoded(unknown)).rejects.toThrow('at offset 9 cannot be read: unknown compression 6')
  })

  test('that cannot be read stop the reading process with their location; nothing is skipped', async () => {
    const error = await decoded(batchOf(['abc'], 8n, ZSTD).fill(0xff, 61)).catch((refused) => refused)
    const wrapped = new Error('as kafkajs wraps it', { cause: error })
    for (const found of [error, wrapped]) {
      const stop = stopIfUnreadable(found, 'reading payments.events[3]') as DefinedStop
      expect([stop.code, stop instanceof DefinedStop]).toEqual(['BATCH_UNREADABLE', true])
      expect(stop.message).toMatch(/^reading payments\.events\[3\]: .* offset 8 cannot be read: .* Nothing was skipped/)
    }
    expect(stopIfUnreadable(new Error('something else'), 'x')).not.toBeInstanceOf(DefinedStop)
  })

  test('may contain more records than a call may have arguments', async () => {
    const many = Array.from({ length: 150_000 }, () => '')
    expect(await decoded(batchOf(many, 0n, ZSTD))).toHaveLength(150_000)
  })
})
