import { gzipSync, zstdCompressSync } from 'node:zlib'
import { crc32c, lz4Compress, snappyCompress } from '@platformatic/wasm-utils'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { UnreadableBatchError } from '../../../src/kafka/client/client-errors.ts'
import { COMPRESSION } from '../../../src/kafka/client/decompress.ts'
import { encodeRecordBatch } from '../../../src/kafka/client/encode-record-batch.ts'
import { readRecordBatches, standingIn } from '../../../src/kafka/client/read-record-batches.ts'
import { asStop } from '../../../src/kafka/errors.ts'
import { changed, type InRecord, type OutRecord } from '../../../src/stream/record.ts'

const CODECS = {
  none: (bytes: Buffer) => bytes,
  gzip: (bytes: Buffer) => gzipSync(bytes),
  zstd: (bytes: Buffer) => zstdCompressSync(bytes),
  snappy: (bytes: Buffer) => snappyCompress(bytes),
  lz4: (bytes: Buffer) => lz4Compress(bytes),
} as const

interface BatchOptions {
  readonly codec?: keyof typeof CODECS
  readonly producerId?: bigint
  readonly transactional?: boolean
  readonly control?: boolean
  readonly epoch?: number
  /** Later than the last record's offset if compaction removed records at the end. */
  readonly lastOffsetDelta?: number
}

/** A batch as a broker stores it. */
function batch(baseOffset: bigint, records: readonly OutRecord[], options: BatchOptions = {}): Buffer {
  const { codec = 'none', producerId = -1n, transactional = false, control = false, epoch = 4 } = options
  const fields = { timestamp: 1_000, transactional, producerId, producerEpoch: 0, firstSequence: 0 }
  const plain = encodeRecordBatch(records, fields)
  const whole = Buffer.concat([plain.subarray(0, 61), CODECS[codec](plain.subarray(61))])
  whole.writeBigInt64BE(baseOffset, 0)
  whole.writeInt32BE(whole.length - 12, 8)
  whole.writeInt32BE(epoch, 12)
  whole.writeInt16BE(plain.readInt16BE(21) | COMPRESSION[codec] | (control ? 0x20 : 0), 21)
  whole.writeInt32BE(options.lastOffsetDelta ?? records.length - 1, 23)
  return sealed(whole)
}

function sealed(whole: Buffer): Buffer {
  whole.writeUInt32BE(crc32c(whole.subarray(21)), 17)
  return whole
}

const record = (value: string): OutRecord => ({ key: `key of ${value}`, value: Buffer.from(value) })
const marker = (type: 'abort' | 'commit'): OutRecord => ({
  key: Buffer.from([0, 0, 0, type === 'abort' ? 0 : 1]),
  value: Buffer.alloc(6),
})

function valuesOf(bytes: Buffer, from = 0n, aborted: Parameters<typeof readRecordBatches>[2] = null): string[] {
  return readRecordBatches(bytes, from, aborted).records.map(({ value }) => String(value))
}

/** A record as text, which compares faster than buffers. */
function shapeOf({ key, value, headers, timestamp, offset, leaderEpoch }: InRecord): string {
  const hex = (bytes: unknown) => (Buffer.isBuffer(bytes) ? bytes.toString('hex') : String(bytes))
  const named = Object.entries(headers).map(([name, value]) => [
    name,
    hex(typeof value === 'string' ? Buffer.from(value, 'latin1') : value),
  ])
  return JSON.stringify([hex(key), hex(value), named, timestamp, String(offset), leaderEpoch])
}

test('reads what the encoder writes: keys, values, headers, offsets, times', () => {
  const text = fc.string({ maxLength: 40, unit: 'binary' }).filter((value) => value.isWellFormed())
  const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value))
  const printable = fc.string({ unit: 'grapheme-ascii', maxLength: 80 }).map((value) => Buffer.from(value))
  const records = fc.array(
    fc.record({
      key: bytes,
      value: fc.option(bytes),
      headers: fc.dictionary(text, fc.oneof(bytes, printable), { maxKeys: 4 }),
    }),
    { minLength: 1, maxLength: 20 },
  )
  const codecs = fc.constantFrom(...(Object.keys(CODECS) as (keyof typeof CODECS)[]))
  fc.assert(
    fc.property(records, codecs, (written, codec) => {
      const read = readRecordBatches(batch(70n, written, { codec }), 70n, null)
      expect(read.records.map(shapeOf)).toEqual(
        written.map((one, index) => shapeOf({ ...one, timestamp: 1_000, offset: 70n + BigInt(index), leaderEpoch: 4 })),
      )
      expect([read.next, read.end]).toEqual([
        70n + BigInt(written.length),
        { offset: 70n + BigInt(written.length), leaderEpoch: 4 },
      ])
    }),
    { numRuns: 60 },
  )
})

test('a header that occurs twice has both values, and no name touches the prototype', () => {
  const plain = batch(0n, [{ key: 'k', value: null, headers: { a: '1', b: '2' } }])
  plain[plain.lastIndexOf('b')] = 'a'.charCodeAt(0)
  const [read] = readRecordBatches(sealed(plain), 0n, null).records
  expect(read?.headers['a']).toEqual(['1', '2'])
  expect(read?.headers['toString']).toBe(undefined)
})

test('a changed copy of a record keeps its headers, which are parsed on first access', () => {
  const written = { key: 'k', value: Buffer.from('v'), headers: { a: '1' } }
  const [read] = readRecordBatches(batch(0n, [written]), 0n, null).records
  const copy = changed(read as InRecord, { value: null })
  expect([copy.value, copy.offset, copy.headers['a']]).toEqual([null, 0n, '1'])
})

test('starts in the middle of a batch, and continues after its last offset, even if no record has that offset', () => {
  const bytes = batch(10n, [record('a'), record('b'), record('c')], { lastOffsetDelta: 6 })
  const read = readRecordBatches(bytes, 11n, null)
  expect(read.records.map(({ offset, value }) => [offset, String(value)])).toEqual([
    [11n, 'b'],
    [12n, 'c'],
  ])
  expect(read.next).toBe(17n)
})

test('a batch without records advances the reader', () => {
  const empty = batch(5n, [], { lastOffsetDelta: 2 })
  expect(readRecordBatches(empty, 5n, null)).toMatchObject({ records: [], next: 8n, end: { offset: 8n } })
})

test('an incomplete batch at the end is left for the next fetch', () => {
  const two = Buffer.concat([batch(0n, [record('a')]), batch(1n, [record('b')])])
  for (const cut of [1, 30, 60]) {
    expect(readRecordBatches(two.subarray(0, two.length - cut), 0n, null)).toMatchObject({ next: 1n })
  }
  expect(readRecordBatches(two.subarray(0, 20), 0n, null)).toMatchObject({ records: [], next: 0n, end: null })
})

describe('transactions', () => {
  const of = (producerId: bigint) => ({ producerId, transactional: true })
  const control = (producerId: bigint) => ({ ...of(producerId), control: true })

  test('records of aborted ones are hidden; records of the same producer before and after are not', () => {
    const log = Buffer.concat([
      batch(0n, [record('before')], of(1n)),
      batch(1n, [marker('commit')], control(1n)),
      batch(2n, [record('aborted')], of(1n)),
      batch(3n, [record('of another')], of(2n)),
      batch(4n, [marker('abort')], control(1n)),
      batch(5n, [record('after')], of(1n)),
    ])
    expect(valuesOf(log, 0n, [{ producerId: 1n, firstOffset: 2n }])).toEqual(['before', 'of another', 'after'])
    expect(readRecordBatches(log, 0n, [{ producerId: 1n, firstOffset: 2n }]).next).toBe(6n)
  })

  test('two overlapping aborted ones of different producers hide nothing else', () => {
    const log = Buffer.concat([
      batch(0n, [record('a1')], of(1n)),
      batch(1n, [record('b1')], of(2n)),
      batch(2n, [record('good')], of(3n)),
      batch(3n, [marker('abort')], control(1n)),
      batch(4n, [record('b2')], of(2n)),
      batch(5n, [record('a committed')], of(1n)),
      batch(6n, [marker('abort')], control(2n)),
      batch(7n, [record('plain')]),
    ])
    const aborted = [
      { producerId: 2n, firstOffset: 1n },
      { producerId: 1n, firstOffset: 0n },
    ]
    expect(valuesOf(log, 0n, aborted)).toEqual(['good', 'a committed', 'plain'])
  })

  test('an offset is visible, hidden, or nothing', () => {
    const log = Buffer.concat([
      batch(0n, [record('aborted')], of(1n)),
      batch(1n, [marker('abort')], control(1n)),
      batch(2n, [record('good')], { lastOffsetDelta: 3 }),
    ])
    const aborted = [{ producerId: 1n, firstOffset: 0n }]
    expect([0n, 1n, 2n, 4n, 9n].map((offset) => standingIn(log, offset, aborted))).toEqual([
      'hidden',
      'hidden',
      'visible',
      'nothing',
      'nothing',
    ])
  })
})

describe('a batch that cannot be read', () => {
  const good = batch(0n, [record('good')])
  const damaged = batch(1n, [record('damaged')])
  damaged[damaged.length - 3] = (damaged[damaged.length - 3] as number) ^ 1

  const large = batch(1n, [record('x'.repeat(10_000))], { codec: 'gzip' })
  const badGzip = batch(1n, [record('y')], { codec: 'gzip' })
  badGzip.fill(7, 61)
  const unknown = batch(1n, [record('z')])
  unknown.writeInt16BE(5, 21)
  const tooManyRecords = batch(1n, [record('z')])
  tooManyRecords.writeInt32BE(2, 57)
  const longKey = batch(1n, [record('z')])
  longKey[61 + 4] = 126
  const older = batch(1n, [record('z')])
  older[16] = 1

  test.each([
    ['has another checksum', damaged, 'its checksum does not match'],
    ['is too large when decompressed', large, 'more than 5000 bytes'],
    ['is not what its codec says', sealed(badGzip), 'it is damaged'],
    ['has an unknown codec', sealed(unknown), 'unknown compression 5'],
    ['has fewer records than it says', sealed(tooManyRecords), 'does not fit'],
    ['has a key longer than its record', sealed(longKey), 'does not fit'],
    ['is of an older format', older, 'older than Kafka 0.11'],
  ])('that %s is reported with its offset, after everything before it was read', (_what, bad, problem) => {
    const limits = { batchBytesMax: 5_000 }
    const reading = () => readRecordBatches(bad, 1n, null, limits)
    expect(reading).toThrow(UnreadableBatchError)
    expect(reading).toThrow(`offset 1 cannot be read: `)
    expect(reading).toThrow(problem)
    const both = readRecordBatches(Buffer.concat([good, bad]), 0n, null, limits)
    expect(both).toMatchObject({ next: 1n, end: { offset: 1n } })
    expect(both.records.map(({ value }) => String(value))).toEqual(['good'])
  })

  test('stops the reading process with its location; nothing is skipped', () => {
    const cause = new UnreadableBatchError(7n, 'damaged')
    expect(asStop(new Error('wrapped', { cause }), 'reading raw')).toMatchObject({
      code: 'BATCH_UNREADABLE',
      message: expect.stringContaining('the record batch at offset 7 cannot be read: damaged. Nothing was skipped'),
    })
  })
})

test('batches that are too large together when decompressed are left for the next fetch (I10)', () => {
  const log = Buffer.concat(
    [0n, 1n, 2n].map((at) => batch(at, [record(`${at} ${'x'.repeat(900)}`)], { codec: 'zstd' })),
  )
  const read = readRecordBatches(log, 0n, null, { answerBytesMax: 2_500 })
  expect([read.records.length, read.next]).toEqual([2, 2n])
  expect(read.pinnedBytes).toBeGreaterThan(3_600)
})

test('records pin the buffer of the fetch or the decompressed batches; no memory if none is visible', () => {
  const fetchBuffer = Buffer.allocUnsafeSlow(50_000)
  const plain = batch(0n, [record('a')])
  plain.copy(fetchBuffer)
  expect(readRecordBatches(fetchBuffer.subarray(0, plain.length), 0n, null).pinnedBytes).toBe(50_000)
  expect(readRecordBatches(batch(0n, [record('a')], { codec: 'gzip' }), 0n, null).pinnedBytes).toBeLessThan(100)
  expect(readRecordBatches(batch(0n, [marker('commit')], { control: true }), 0n, null).pinnedBytes).toBe(0)
})

test('a batch may contain more records than a call may have arguments', () => {
  const many = Array.from({ length: 200_000 }, () => ({ key: 'k', value: null }))
  expect(readRecordBatches(batch(0n, many), 0n, null).records).toHaveLength(200_000)
})
