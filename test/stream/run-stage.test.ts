import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Health } from '../../src/observability/health.ts'
import type { GroupConsumer, GroupConsumerEvents } from '../../src/stream/group-consumer.ts'
import { type RunStageOptions, runStage } from '../../src/stream/run-stage.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { batchOf, gate, ScriptedFetches, ScriptedTask, untilAborted } from './scripted-task.ts'

const OBSERVE_MS = 200
const WATCH_MS = 5_000
const STALL_MS = 60_000

const noCall = () => Promise.reject(new Error('unexpected call'))

let events: GroupConsumerEvents | undefined
let left: boolean
let fetches: ScriptedFetches
let health: Health
let states: readonly string[]
let lags: Map<number, bigint | null>
let tasks: Map<number, ScriptedTask>
let fatals: Error[]
let waiting: Set<number>
let highWatermarks: () => Promise<ReadonlyMap<number, bigint>>
let stage: { stop(): Promise<void> }

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance', 'Date'] })
  events = undefined
  left = false
  fetches = new ScriptedFetches()
  health = new Health()
  states = []
  lags = new Map()
  tasks = new Map([0, 1].map((partition) => [partition, new ScriptedTask()]))
  fatals = []
  waiting = new Set()
  highWatermarks = async () =>
    new Map([
      [0, 9n],
      [1, 0n],
    ])
  const consumer: GroupConsumer = {
    start: async (handlers) => {
      events = handlers
    },
    fetch: (_partition, from, signal) => fetches.fetch(from, signal),
    commit: noCall,
    stop: async () => {
      left = true
    },
  }
  stage = await runStage({
    stage: 'processor',
    topic: 'events',
    consumer,
    createTask: (partition) => tasks.get(partition) as ScriptedTask,
    limits: {
      chunkRecordsMax: 4,
      readAheadBytesMax: 1_000,
      idleIntervalMs: 1_000,
    },
    offsets: {
      highWatermarks: () => highWatermarks(),
      committed: noCall,
      committedAll: noCall,
      clusterId: noCall,
    },
    logs: { facts: async () => new Map([['events', { id: 'a', partitions: 2 }]]), endOfEpoch: noCall },
    waiting: (partition) => waiting.has(partition),
    health,
    metrics: {
      runtime: {
        setLanes: (_stage: string, of: Iterable<string>) => {
          states = [...of]
        },
        setLag: (_stage: string, partition: number, lag: bigint | null) => void lags.set(partition, lag),
      },
    } as unknown as RunStageOptions['metrics'],
    logger: SILENT,
    onFatal: (error) => fatals.push(error),
  })
})

afterEach(async () => {
  const stopping = stage.stop()
  await vi.advanceTimersByTimeAsync(5_000)
  await stopping
  vi.useRealTimers()
})

const stuck = (signal: AbortSignal) => untilAborted(gate().promise, signal)
const processor = () => health.readiness().components['processor']

async function assign(...partitions: number[]): Promise<void> {
  events?.onAssigned(partitions)
  await vi.advanceTimersByTimeAsync(OBSERVE_MS)
}

describe('the health of a stage', () => {
  test('is not ok before the group has made an assignment, and ok with an empty one', async () => {
    expect(processor()).toEqual({ ok: false, reason: 'has not joined the group yet' })
    await assign()
    expect(processor()).toEqual({ ok: true })
  })

  test('is ok once every assigned partition is open', async () => {
    const opening = gate()
    ;(tasks.get(1) as ScriptedTask).onOpen = () => opening.promise
    await assign(0, 1)
    expect(processor()).toEqual({ ok: false, reason: '1 of 2 partitions are not processing' })
    expect(states.toSorted()).toEqual(['open', 'opening'])
    opening.open()
    await vi.advanceTimersByTimeAsync(OBSERVE_MS)
    expect(processor()).toEqual({ ok: true })
    expect(states).toEqual(['open', 'open'])
  })

  test('states each reason once', async () => {
    for (const task of tasks.values()) {
      task.onOpen = () => Promise.reject(Object.assign(new Error('no leader'), { code: 'X' }))
    }
    await assign(0, 1)
    expect(processor()).toEqual({ ok: false, reason: '2 of 2 partitions are not processing: no leader' })
  })

  test('states whether the brokers answer', async () => {
    await vi.advanceTimersByTimeAsync(WATCH_MS)
    expect(health.readiness().components['kafka']).toEqual({ ok: true })
    highWatermarks = () => Promise.reject(new Error('ECONNREFUSED'))
    await vi.advanceTimersByTimeAsync(WATCH_MS)
    expect(health.readiness().components['kafka']).toEqual({
      ok: false,
      reason: 'the brokers do not answer: ECONNREFUSED',
    })
  })
})

test('the lag of a partition is reported while it is assigned, and its series ends when it is revoked', async () => {
  await assign(0)
  await vi.advanceTimersByTimeAsync(WATCH_MS)
  expect(lags).toEqual(new Map([[0, 9n]]))
  await assign(1)
  expect(lags.get(0)).toBe(null)
})

test('the lag of a partition is unknown until it was opened', async () => {
  const opening = gate()
  ;(tasks.get(0) as ScriptedTask).onOpen = () => opening.promise
  await assign(0)
  await vi.advanceTimersByTimeAsync(WATCH_MS)
  expect(lags).toEqual(new Map([[0, null]]))
  opening.open()
  await vi.advanceTimersByTimeAsync(WATCH_MS)
  expect(lags).toEqual(new Map([[0, 9n]]))
})

describe('a partition without progress', () => {
  beforeEach(async () => {
    ;(tasks.get(0) as ScriptedTask).onProcess = stuck
    await assign(0)
    fetches.answer(batchOf([0]))
  })

  test('ends the process', async () => {
    await vi.advanceTimersByTimeAsync(STALL_MS + 2 * WATCH_MS)
    expect(fatals[0]).toMatchObject({ code: 'STALLED' })
  })

  test('does not end the process while it waits for something other than Kafka', async () => {
    waiting.add(0)
    await vi.advanceTimersByTimeAsync(STALL_MS + 2 * WATCH_MS)
    expect(fatals).toEqual([])
  })
})

test('stopping leaves the group and ends all observation', async () => {
  await assign(0)
  await stage.stop()
  expect(left).toBe(true)
  let calls = 0
  highWatermarks = async () => {
    calls += 1
    return new Map()
  }
  health.set('processor', false, 'unchanged')
  await vi.advanceTimersByTimeAsync(2 * WATCH_MS)
  expect(calls).toBe(0)
  expect(processor()).toEqual({ ok: false, reason: 'unchanged' })
})
