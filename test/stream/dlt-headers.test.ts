import { expect, test } from 'vitest'
import { encodeRecordBatch } from '../../src/kafka/client/encode-record-batch.ts'
import { readRecordBatches } from '../../src/kafka/client/read-record-batches.ts'
import { DLT_HEADERS, dltNumber, dltPlace, hasDltPlace } from '../../src/stream/dlt-headers.ts'

const BATCH = { timestamp: 1, transactional: false, producerId: -1n, producerEpoch: -1, firstSequence: -1 }

test.each([
  ['ordinary numbers', 3, 17n, 1_700_000_000_000],
  ['numbers whose bytes are all printable', 0x41424344, 0x2021222324252627n, 0x0],
])('the place of a dead letter survives Kafka: %s', (_, partition, offset, timestamp) => {
  const written = { key: 'k', value: null, headers: dltPlace('events', partition, offset, timestamp) }
  const [read] = readRecordBatches(encodeRecordBatch([written], BATCH), 0n, null).records
  expect(read).toBeDefined()
  if (read !== undefined) {
    expect(hasDltPlace(read, 'events')).toBe(true)
    expect(dltNumber(read, DLT_HEADERS.partition)).toBe(BigInt(partition))
    expect(dltNumber(read, DLT_HEADERS.offset)).toBe(offset)
    expect(dltNumber(read, DLT_HEADERS.timestamp)).toBe(BigInt(timestamp))
  }
})
