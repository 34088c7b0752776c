import { expect, test } from 'vitest'
import type { PartitionReader } from '../../src/stream/partition-reader.ts'
import { readUntil } from '../../src/stream/read-until.ts'
import type { InRecord } from '../../src/stream/record.ts'

const record = (offset: bigint): InRecord => ({ offset, key: null, value: null, headers: {}, timestamp: 0 })

/** Three portions of one record each. */
const reader: Pick<PartitionReader, 'read'> = {
  async read(_topic, _partition, _from, onRecords) {
    for (const offset of [0n, 1n, 2n]) {
      await onRecords([record(offset)])
    }
    return { start: 0n, end: 3n, highWatermark: 3n }
  },
}

test('reads no portion after the sufficient one', async () => {
  const seen: bigint[] = []
  await readUntil(reader, 't', 0, 0n, (records) => {
    seen.push(...records.map(({ offset }) => offset))
    return seen.length === 2
  })
  expect(seen).toEqual([0n, 1n])
})

test('reads to the end if no portion suffices', async () => {
  let portions = 0
  await readUntil(reader, 't', 0, 0n, () => {
    portions += 1
    return false
  })
  expect(portions).toBe(3)
})

test('rejects with an error thrown by `hasEnough`', async () => {
  const error = new Error('no')
  const failing = () => {
    throw error
  }
  await expect(readUntil(reader, 't', 0, 0n, failing)).rejects.toBe(error)
})

test('rejects if it is aborted, even after enough was read', async () => {
  const reason = new Error('the partition is gone')
  await expect(readUntil(reader, 't', 0, 0n, () => true, AbortSignal.abort(reason))).rejects.toBe(reason)
})
