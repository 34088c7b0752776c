import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Fetched, FetchFrom } from '../../src/stream/fetched.ts'
import type { GroupConsumer, GroupConsumerEvents } from '../../src/stream/group-consumer.ts'
import { DefinedStop } from '../../src/stream/partition-task.ts'
import { StageRunner } from '../../src/stream/stage-runner.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { batchOf, gate, ScriptedFetches, ScriptedTask, untilAborted } from './scripted-task.ts'

/** A consumer driven by the test. All calls to it and to the tasks are recorded in one list, `story`. */
class FakeConsumer implements GroupConsumer {
  readonly story: string[]
  readonly fetches = new Map<number, ScriptedFetches>()
  events: GroupConsumerEvents | undefined

  constructor(story: string[]) {
    this.story = story
  }

  async start(events: GroupConsumerEvents): Promise<void> {
    this.events = events
  }

  fetch(partition: number, from: FetchFrom, signal: AbortSignal): Promise<Fetched> {
    this.story.push(`fetch ${partition} from ${from.offset}`)
    const fetches = this.fetches.get(partition) ?? new ScriptedFetches()
    this.fetches.set(partition, fetches)
    return fetches.fetch(from, signal)
  }

  async commit(): Promise<void> {}

  async stop(): Promise<void> {
    this.story.push('leave the group')
  }
}

class StoryTask extends ScriptedTask {
  readonly partition: number
  readonly story: string[]

  constructor(partition: number, story: string[]) {
    super()
    this.partition = partition
    this.story = story
    this.start = { offset: 0n, highWatermark: 100n, read: null }
  }

  override async open(signal: AbortSignal) {
    this.story.push(`open ${this.partition}`)
    return super.open(signal)
  }

  override async close(): Promise<void> {
    this.story.push(`close ${this.partition}`)
    await super.close()
  }
}

const LIMITS = {
  chunkRecordsMax: 4,
  readAheadBytesMax: 1_000,
  idleIntervalMs: 1_000,
}

let story: string[]
let consumer: FakeConsumer
let tasks: StoryTask[]
let fatals: Error[]
let runner: StageRunner
/** Lets a test modify each task before it opens. */
let prepare: (task: StoryTask) => void

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  story = []
  tasks = []
  fatals = []
  prepare = () => {}
  consumer = new FakeConsumer(story)
  runner = new StageRunner({
    consumer,
    createTask: (partition) => {
      const task = new StoryTask(partition, story)
      tasks.push(task)
      prepare(task)
      return task
    },
    limits: LIMITS,
    logger: SILENT,
    onFatal: (error) => fatals.push(error),
  })
  await runner.start()
})

afterEach(async () => {
  const stopping = runner.stop()
  await vi.advanceTimersByTimeAsync(5_000)
  await stopping
  vi.useRealTimers()
})

const settle = () => vi.advanceTimersByTimeAsync(0)
const stuck = (signal: AbortSignal) => untilAborted(gate().promise, signal)

function events(): GroupConsumerEvents {
  return consumer.events as GroupConsumerEvents
}

async function assign(...partitions: number[]): Promise<void> {
  events().onAssigned(partitions)
  await settle()
}

/** Answers a partition's fetch with one record. */
async function arrive(partition: number, offset: number): Promise<void> {
  consumer.fetches.get(partition)?.answer(batchOf([offset]))
  await settle()
}

function isFetching(partition: number): boolean {
  return (consumer.fetches.get(partition)?.pending ?? null) !== null
}

/** Clears the story. */
function forget(): void {
  story.length = 0
}

describe('an assignment', () => {
  test('opens a partition before it fetches', async () => {
    const opening = gate()
    prepare = (task) => {
      task.onOpen = () => opening.promise
    }
    expect(runner.notJoined).toBe('has not joined the group yet')
    await assign(1)
    expect(runner.notJoined).toBeNull()
    expect(runner.lanes.map(({ partition }) => partition)).toEqual([1])
    expect(story).toEqual(['open 1'])
    opening.open()
    await settle()
    expect(story).toEqual(['open 1', 'fetch 1 from 0'])
  })

  test('that the group refuses says why, in the log once and in the readiness until it is made', async () => {
    const warn = vi.spyOn(SILENT, 'warn')
    const error = Object.assign(new Error('out of range'), { type: 'INVALID_SESSION_TIMEOUT' })
    events().onRejected(error)
    events().onRejected(error)
    expect(runner.notJoined).toBe('has not joined the group yet: Kafka: INVALID_SESSION_TIMEOUT')
    expect(warn).toHaveBeenCalledExactlyOnceWith({ err: error, times: 1 }, expect.any(String))
    await assign(1)
    expect(runner.notJoined).toBeNull()
    warn.mockRestore()
  })

  test('counts as joined even if it is empty', async () => {
    await assign()
    expect([runner.notJoined, runner.lanes]).toEqual([null, []])
  })

  test('leaves a kept partition alone', async () => {
    await assign(1)
    forget()
    await assign(1)
    expect(story).toEqual([])
    expect(tasks).toHaveLength(1)
  })

  test('divides the byte limit among all assigned partitions (I10)', async () => {
    prepare = (task) => {
      task.onProcess = stuck
    }
    const readsAhead = async (partition: number, bytes: number) => {
      consumer.fetches.get(partition)?.answer(batchOf([0], { bytes }))
      await settle()
      return isFetching(partition)
    }
    await assign(1)
    expect(await readsAhead(1, 900)).toBe(true)
    await assign(1, 2, 3, 4)
    expect(await readsAhead(2, 250)).toBe(true)
    expect(await readsAhead(3, 251)).toBe(false)
  })

  test('closes a revoked partition and does not affect the others', async () => {
    await assign(1, 2)
    forget()
    await assign(2)
    expect(story.filter((line) => line.includes('1'))).toEqual(['close 1'])
    expect([1, 2].map(isFetching)).toEqual([false, true])
    expect(runner.lanes.map(({ partition }) => partition)).toEqual([2])
  })

  test('of a returning partition waits until its old lane has finished', async () => {
    const busy = gate()
    prepare = (task) => {
      task.onProcess = () => busy.promise
    }
    await assign(1)
    await arrive(1, 0)
    await assign()
    forget()
    await assign(1)
    // Two owners in one process would fence each other forever.
    expect(story).not.toContain('open 1')
    expect(runner.lanes.map(({ state }) => state)).toEqual(['opening'])
    busy.open()
    await settle()
    expect(story).toEqual(['close 1', 'open 1', 'fetch 1 from 0'])
  })

  test('that is revoked again while its old lane still closes opens nothing: it would fence the rightful owner (I7)', async () => {
    const busy = gate()
    prepare = (task) => {
      task.onProcess = () => busy.promise
    }
    await assign(1)
    await arrive(1, 0)
    await assign()
    await assign(1)
    await assign()
    forget()
    busy.open()
    await settle()
    expect(story).toEqual(['close 1', 'close 1'])
  })
})

test('records go to the lane of their partition', async () => {
  await assign(1, 2)
  await arrive(2, 0)
  expect(tasks.map(({ processed }) => processed)).toEqual([[], ['0 -> 1']])
})

describe('a lane in doubt reopens', () => {
  const failOnce = (task: StoryTask) => {
    task.onProcess = async () => {
      task.onProcess = async () => {}
      throw new Error('the outcome is unknown')
    }
  }

  async function inDoubt(): Promise<void> {
    prepare = failOnce
    await assign(1, 2)
    await arrive(1, 0)
    expect(runner.lanes.map(({ state }) => state)).toEqual(['doubt', 'open'])
    forget()
  }

  test('after the next heartbeat', async () => {
    await inDoubt()
    events().onHeartbeat()
    await settle()
    expect(story).toContain('open 1')
  })

  test('after a join that still lists it', async () => {
    await inDoubt()
    await assign(1, 2)
    expect(story).toContain('open 1')
  })

  test('as often as necessary, without leaking listeners (I10)', async () => {
    let laneSignal = new AbortController().signal
    prepare = (task) => {
      task.onOpen = async (signal) => {
        laneSignal = signal
        throw new Error('the broker is away')
      }
    }
    await assign(1)
    for (let times = 0; times < 20; times += 1) {
      events().onHeartbeat()
      await settle()
    }
    expect(tasks[0]?.calls.filter((call) => call === 'open')).toHaveLength(21)
    expect(getEventListeners(laneSignal, 'abort')).toHaveLength(1)
  })

  test('never after a join that does not list it (I7)', async () => {
    await inDoubt()
    await assign(2)
    events().onHeartbeat()
    await settle()
    expect(story).not.toContain('open 1')
    expect(tasks).toHaveLength(2)
  })
})

describe('a fatal error', () => {
  test('is reported once, however many lanes fail and whatever follows', async () => {
    const stop = new DefinedStop('OFFSET_OUT_OF_RANGE', 'an operator must decide')
    prepare = (task) => {
      task.onOpen = async () => {
        throw stop
      }
    }
    await assign(1, 2)
    events().onCrashed(new Error('the consumer is dead'))
    expect(fatals).toEqual([stop])
  })

  test('can be a crashed consumer', () => {
    const error = new Error('the consumer is dead')
    events().onCrashed(error)
    expect(fatals).toEqual([error])
  })

  test('makes the runner ignore further assignments', async () => {
    events().onCrashed(new Error('the consumer is dead'))
    await assign(1)
    expect(tasks).toEqual([])
  })
})

describe('stopping', () => {
  test('finishes the work in progress, closes the tasks and only then leaves the group', async () => {
    const busy = gate()
    prepare = (task) => {
      task.onProcess = () => busy.promise
    }
    await assign(1)
    await arrive(1, 0)
    forget()
    const stopping = runner.stop()
    await settle()
    expect(story).toEqual([])
    busy.open()
    await stopping
    expect(story.slice(0, 2)).toEqual(['close 1', 'leave the group'])
    expect(tasks[0]?.processed).toEqual(['0 -> 1'])
    expect(runner.lanes).toEqual([])
  })

  test('ignores an assignment that arrives meanwhile', async () => {
    const stopping = runner.stop()
    events().onAssigned([1])
    await stopping
    expect(tasks).toEqual([])
  })

  test('does not wait longer than the grace period for unfinished work', async () => {
    prepare = (task) => {
      task.onProcess = stuck
    }
    await assign(1)
    await arrive(1, 0)
    const stopping = runner.stop()
    await vi.advanceTimersByTimeAsync(5_000)
    await stopping
    expect(story.at(-1)).toBe('leave the group')
  })
})
