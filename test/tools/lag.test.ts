import { expect, test } from 'vitest'
import { lagDocument, lagLines, lagOf } from '../../src/tools/lag.ts'

const CONFIG = {
  normalizer: { group: 'n' },
  processor: { group: 'p' },
  kafka: { topicPrefix: '', partitions: 2 },
} as Parameters<typeof lagOf>[0]
const NOW = 100_000

interface Partition {
  readonly committed: bigint
  readonly start?: bigint
  readonly end: bigint
  /** The last stable offset; by default all transactions are decided. */
  readonly decided?: bigint
  /** Of the record at the position that is read; undefined if nothing is visible there. */
  readonly timestamp?: number
}

/** Partitions of the topics in order: raw 0, raw 1, events 0, events 1. */
function lagsOf(...partitions: readonly Partition[]) {
  const at = (topic: string, partition: number) =>
    partitions[(topic === 'payments.events' ? 2 : 0) + partition] as Partition
  const readFrom: bigint[] = []
  const lags = lagOf(
    CONFIG,
    {
      offsets: {
        committed: async (_group, topic, partition) => ({ offset: at(topic, partition).committed, metadata: null }),
      },
      reader: {
        range: async (topic, partition) => {
          const { start = 0n, end, decided = end } = at(topic, partition)
          return { start, end: decided, highWatermark: end }
        },
        read: async (topic, partition, from, onRecords) => {
          readFrom.push(from)
          const { timestamp, start = 0n, end } = at(topic, partition)
          if (timestamp !== undefined) {
            await onRecords([{ offset: from, key: null, value: null, headers: {}, timestamp }])
          }
          return { start, end, highWatermark: end }
        },
      },
    },
    () => NOW,
  )
  return lags.then((found) => ({ found, readFrom }))
}

const IDLE = { committed: 5n, end: 5n }

test('records and time, per stage and partition', async () => {
  const { found, readFrom } = await lagsOf(
    { committed: 3n, end: 8n, timestamp: 40_000 },
    { committed: -1n, start: 2n, end: 4n, timestamp: 90_000 },
    IDLE,
    // Retention was faster than the stage.
    { committed: 1n, start: 6n, end: 7n, timestamp: 99_500 },
  )
  expect(found).toMatchObject([
    { stage: 'normalizer', partition: 0, committed: 3n, records: 5n, ageMs: 60_000 },
    { stage: 'normalizer', partition: 1, committed: null, records: 2n, ageMs: 10_000 },
    { stage: 'processor', partition: 0, committed: 5n, records: 0n, ageMs: 0 },
    { stage: 'processor', partition: 1, committed: 1n, records: 1n, ageMs: 500 },
  ])
  expect(readFrom).toEqual([3n, 2n, 6n])
  expect(lagDocument(found).stages).toEqual([
    { stage: 'normalizer', records: 7, ageMs: 60_000, someHidden: false },
    { stage: 'processor', records: 1, ageMs: 500, someHidden: false },
  ])
  expect(JSON.parse(JSON.stringify(lagDocument(found))).partitions[1]).toMatchObject({ committed: null, end: '4' })
  expect(lagLines(found).slice(-2)).toEqual([
    'normalizer: 7 records waiting, the oldest 1m old',
    'processor: 1 record waiting, the oldest 0s old',
  ])
})

test('a record that is not visible yet has no age; its stage has the age of those that are', async () => {
  const old = { committed: 3n, end: 4n, timestamp: 40_000 }
  const hidden = { committed: 3n, decided: 3n, end: 8n }
  const { found } = await lagsOf(hidden, old, hidden, IDLE)
  expect(found[0]).toMatchObject({ records: 5n, ageMs: null })
  expect(lagDocument(found).stages).toMatchObject([
    { records: 6, ageMs: 60_000, someHidden: true },
    { records: 5, ageMs: null, someHidden: true },
  ])
  const lines = lagLines(found)
  expect(lines[2]).toContain('not visible yet')
  expect(lines.slice(-2)).toEqual([
    'normalizer: 6 records waiting, the oldest 1m old, some not visible yet',
    'processor: 5 records waiting, not visible yet',
  ])
})

test('an aborted transaction at the end is no record left', async () => {
  const { found } = await lagsOf({ committed: 3n, end: 8n }, IDLE, IDLE, IDLE)
  expect(found[0]).toMatchObject({ records: 0n, ageMs: 0 })
})
