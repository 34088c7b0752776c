import { beforeEach, expect, test } from 'vitest'
import { OldestRecords, type OldestRecordsOptions } from '../../src/stream/oldest-records.ts'
import type { InRecord } from '../../src/stream/record.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { ScriptedTask } from './scripted-task.ts'

const { signal } = new AbortController()
const at = (timestamp: number): InRecord => ({ offset: 0n, key: null, value: null, headers: {}, timestamp })

let now: number
let committed: bigint
let log: readonly InRecord[]
let readsFrom: bigint[]
/** Reads are answered once this is resolved. */
let answered: Promise<void>
let oldest: OldestRecords

beforeEach(() => {
  now = 10_000
  committed = -1n
  log = []
  readsFrom = []
  answered = Promise.resolve()
  const reader: OldestRecordsOptions['reader'] = {
    async read(_topic, _partition, from, onRecords) {
      readsFrom.push(from)
      await answered
      if (log.length > 0) {
        await onRecords(log)
      }
      return { start: 0n, end: from, highWatermark: from }
    },
  }
  const offsets = { committed: async () => ({ offset: committed, metadata: null }) }
  oldest = new OldestRecords({ group: 'g', topic: 't', offsets, reader, now: () => now })
})

test('a partition about which nothing is known has no age', () => {
  oldest.watch(0, new ScriptedTask())
  expect(oldest.ages([0])).toEqual([])
})

test('a partition being opened is as old as the record at the committed offset', async () => {
  committed = 7n
  log = [at(4_000), at(9_000)]
  const task = new ScriptedTask()
  const opened = Promise.withResolvers<void>()
  task.onOpen = () => opened.promise
  const opening = oldest.watch(0, task).open(signal, () => {})
  await eventually(() => expect(oldest.ages([0])).toEqual([[0, 6_000]]))
  expect(readsFrom).toEqual([7n])
  now = 12_000
  expect(oldest.ages([0])).toEqual([[0, 8_000]])
  opened.resolve()
  await opening
})

test('a chunk in progress is as old as its first record, even if it fails; afterwards its last record limits the age', async () => {
  const task = new ScriptedTask()
  const watched = oldest.watch(0, task)
  task.onProcess = async () => {
    expect(oldest.ages([0])).toEqual([[0, 7_000]])
    throw new Error('Redis is away')
  }
  await expect(watched.process([at(3_000), at(8_000)], 2n, signal)).rejects.toThrow('away')
  expect(oldest.ages([0])).toEqual([[0, 7_000]])
  task.onProcess = async () => {}
  await watched.process([at(3_000), at(8_000)], 2n, signal)
  expect(oldest.ages([0])).toEqual([[0, 2_000]])
})

test('a lane that has caught up has age 0, however long it stays idle', async () => {
  const watched = oldest.watch(0, new ScriptedTask())
  await watched.process([at(3_000)], 1n, signal)
  await watched.idle(signal)
  now = 1_000_000
  expect(oldest.ages([0])).toEqual([[0, 0]])
})

test('a late answer about the committed offset does not overwrite what the lane has reported', async () => {
  const answer = Promise.withResolvers<void>()
  answered = answer.promise
  const watched = oldest.watch(0, new ScriptedTask())
  log = [at(1_000)]
  await watched.open(signal, () => {})
  await eventually(() => expect(readsFrom).toHaveLength(1))
  await watched.process([at(9_500)], 1n, signal)
  answer.resolve()
  await new Promise(setImmediate)
  expect(oldest.ages([0])).toEqual([[0, 500]])
})

test('partitions that moved away are not asked for and have no age', async () => {
  await oldest.watch(1, new ScriptedTask()).idle(signal)
  expect(oldest.ages([0])).toEqual([])
})
