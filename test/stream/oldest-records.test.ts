import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { OldestRecords, type OldestRecordsOptions, READ_INTERVAL_MS } from '../../src/stream/oldest-records.ts'
import type { InRecord } from '../../src/stream/record.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { gate, ScriptedTask } from './scripted-task.ts'

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

describe('a record that arrives while the task waits for something else', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })
  const waitFor = (task: ScriptedTask, call: 'onIdle' | 'onOpen') => {
    const answer = gate()
    task[call] = () => answer.promise
    return answer
  }

  test.each(['idle', 'open'] as const)('during `%s` counts from then on', async (call) => {
    const task = new ScriptedTask()
    const waits = waitFor(task, call === 'idle' ? 'onIdle' : 'onOpen')
    const watched = oldest.watch(0, task)
    committed = 1n
    const calling = call === 'idle' ? watched.idle(signal) : watched.open(signal, () => {})
    await vi.advanceTimersByTimeAsync(READ_INTERVAL_MS)
    expect(oldest.ages([0])).toEqual([[0, 0]])
    log = [at(9_000)]
    await vi.advanceTimersByTimeAsync(READ_INTERVAL_MS)
    expect(oldest.ages([0])).toEqual([[0, 1_000]])
    now = 30_000
    const reads = readsFrom.length
    await vi.advanceTimersByTimeAsync(10 * READ_INTERVAL_MS)
    expect([oldest.ages([0]), readsFrom.length]).toEqual([[[0, 21_000]], reads])
    waits.open()
    await calling
    expect(vi.getTimerCount()).toBe(0)
  })

  test('is looked for again after a failure', async () => {
    const task = new ScriptedTask()
    const waits = waitFor(task, 'onOpen')
    answered = Promise.reject(new Error('the leader is away'))
    const opening = oldest.watch(0, task).open(signal, () => {})
    await vi.advanceTimersByTimeAsync(READ_INTERVAL_MS / 2)
    expect(oldest.ages([0])).toEqual([])
    answered = Promise.resolve()
    log = [at(9_000)]
    await vi.advanceTimersByTimeAsync(READ_INTERVAL_MS)
    expect(oldest.ages([0])).toEqual([[0, 1_000]])
    waits.open()
    await opening
  })

  test('is not looked for by a short call, nor after its end or failure', async () => {
    const task = new ScriptedTask()
    const watched = oldest.watch(0, task)
    await watched.idle(signal)
    task.onIdle = async () => {
      throw new Error('the view is another')
    }
    await expect(watched.idle(signal)).rejects.toThrow('another')
    expect(vi.getTimerCount()).toBe(0)
    expect(readsFrom).toEqual([])
  })

  test('does not count any more once the call has ended', async () => {
    const task = new ScriptedTask()
    const waits = waitFor(task, 'onIdle')
    const watched = oldest.watch(0, task)
    const answer = Promise.withResolvers<void>()
    answered = answer.promise
    log = [at(9_000)]
    const idling = watched.idle(signal)
    await vi.advanceTimersByTimeAsync(READ_INTERVAL_MS)
    expect(readsFrom).toHaveLength(1)
    waits.open()
    await idling
    await watched.process([at(9_000)], 1n, signal)
    await watched.idle(signal)
    answer.resolve()
    await vi.advanceTimersByTimeAsync(READ_INTERVAL_MS)
    expect(oldest.ages([0])).toEqual([[0, 0]])
  })
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
