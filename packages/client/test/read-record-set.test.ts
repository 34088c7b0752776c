import { expect, test } from 'vitest'
import { encodeRecordBatch } from '../../../src/kafka/client/encode-record-batch.ts'
import { readRecordSet } from '../src/read-record-set.ts'

/** Batches of Kafka's format, as the product writes them and a compacted or transactional log keeps them. */

const FIELDS = { timestamp: 7, transactional: true, producerId: 5n, producerEpoch: 1, firstSequence: 3 }
const CONTROL = 0x20
const LENGTH_AT = 8
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const COUNT_AT = 57
const HEADER_BYTES = 61

function batch(firstOffset: number, keys: readonly string[], fields: Partial<typeof FIELDS> = {}): Buffer {
  const records = keys.map((key) => ({ key, value: Buffer.from(`value of ${key}`) }))
  const bytes = encodeRecordBatch(records, { ...FIELDS, ...fields })
  bytes.writeBigInt64BE(BigInt(firstOffset), 0)
  return bytes
}

/** What compaction leaves of a batch whose records are all gone. */
function emptied(firstOffset: number, lastOffset: number): Buffer {
  const bytes = Buffer.from(batch(firstOffset, ['gone']).subarray(0, HEADER_BYTES))
  bytes.writeInt32BE(HEADER_BYTES - 12, LENGTH_AT)
  bytes.writeInt32BE(lastOffset - firstOffset, LAST_OFFSET_DELTA_AT)
  bytes.writeInt32BE(0, COUNT_AT)
  return bytes
}

/** The end of a transaction: type 0 is an abort, 1 a commit. */
function marker(offset: number, type: 0 | 1): Buffer {
  const key = Buffer.from([0, 0, 0, type])
  const bytes = encodeRecordBatch([{ key, value: Buffer.alloc(6) }], FIELDS)
  bytes.writeBigInt64BE(BigInt(offset), 0)
  bytes.writeInt16BE(bytes.readInt16BE(ATTRIBUTES_AT) | CONTROL, ATTRIBUTES_AT)
  return bytes
}

async function read(batches: readonly Buffer[], from = 0, aborted: { producerId: string; firstOffset: string }[] = []) {
  const { messages, next } = await readRecordSet(Buffer.concat(batches), BigInt(from), aborted)
  return { keys: messages.map(({ key }) => String(key)), next }
}

test('the records of all batches, and the offset after them', async () => {
  expect(await read([batch(0, ['a', 'b']), batch(2, ['c'])])).toEqual({ keys: ['a', 'b', 'c'], next: 3n })
})

test('a batch that compaction left without records is passed: kafkajs would fetch it for ever', async () => {
  expect(await read([emptied(0, 41)])).toEqual({ keys: [], next: 42n })
  expect(await read([batch(0, ['a']), emptied(1, 99), batch(100, ['b'])])).toEqual({ keys: ['a', 'b'], next: 101n })
})

test('records before the asked offset are left out', async () => {
  expect(await read([batch(0, ['a', 'b', 'c'])], 2)).toEqual({ keys: ['c'], next: 3n })
})

test('records of aborted transactions and the markers are left out, and passed', async () => {
  const aborted = [{ producerId: '5', firstOffset: '1' }]
  const log = [
    batch(0, ['a'], { producerId: 4n }),
    batch(1, ['never', 'happened']),
    marker(3, 0),
    batch(4, ['b']),
    marker(5, 1),
  ]
  expect(await read(log, 0, aborted)).toEqual({ keys: ['a', 'b'], next: 6n })
  expect(await read([marker(6, 1)], 6)).toEqual({ keys: [], next: 7n })
})

test('a batch that was cut off is left for the next fetch', async () => {
  const cut = batch(1, ['b'])
  expect(await read([batch(0, ['a']), cut.subarray(0, cut.length - 3)])).toEqual({ keys: ['a'], next: 1n })
  expect(await read([], 7)).toEqual({ keys: [], next: 7n })
})
