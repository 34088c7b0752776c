import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Fetched, FetchFrom } from '../../src/stream/fetched.ts'
import { Lane, type LaneControl, type LaneLimits } from '../../src/stream/lane.ts'
import { DefinedStop, OpenAgain } from '../../src/stream/partition-task.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { type BatchShape, batchOf, gate, ScriptedFetches, ScriptedTask, span, untilAborted } from './scripted-task.ts'

const LIMITS: LaneLimits = {
  chunkRecordsMax: 4,
  readAheadBytesMax: 1_000,
  idleIntervalMs: 1_000,
}

class FakeControl implements LaneControl {
  readonly fetches = new ScriptedFetches()
  readonly fatals: Error[] = []
  confirmations = 0
  share = 1_000
  #confirm = gate()

  fetch(from: FetchFrom, signal: AbortSignal): Promise<Fetched> {
    return this.fetches.fetch(from, signal)
  }

  confirmed(signal: AbortSignal): Promise<void> {
    this.confirmations += 1
    this.#confirm = gate()
    return untilAborted(this.#confirm.promise, signal)
  }

  readAheadBytesMax(): number {
    return this.share
  }

  fatal(error: Error): void {
    this.fatals.push(error)
  }

  /** A heartbeat that still lists the partition. */
  confirm(): void {
    this.#confirm.open()
  }

  /** Whether the lane is waiting for records. */
  get isFetching(): boolean {
    return this.fetches.pending !== null
  }
}

let task: ScriptedTask
let control: FakeControl
let lane: Lane

beforeEach(() => {
  // Time stands still unless a test advances it.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  task = new ScriptedTask()
  control = new FakeControl()
})

afterEach(async () => {
  await lane.close()
  vi.useRealTimers()
})

/** Never settles by itself. */
const stuck = (signal: AbortSignal) => untilAborted(gate().promise, signal)

/** Runs everything that can run without time passing. */
const settle = () => vi.advanceTimersByTimeAsync(0)

function newLane(limits: Partial<LaneLimits> = {}): void {
  lane = new Lane(0, task, control, { ...LIMITS, ...limits }, SILENT)
}

/** Opens the lane at an offset below a high watermark of 100, so that it does not idle. */
async function openAt(offset: number, limits: Partial<LaneLimits> = {}): Promise<void> {
  task.start = { offset: BigInt(offset), highWatermark: 100n, read: null }
  newLane(limits)
  await settle()
}

/** Answers the lane's fetch and runs everything that can run without time passing. */
async function arrive(offsets: readonly number[], shape: BatchShape = {}): Promise<void> {
  control.fetches.answer(batchOf(offsets, { highWatermark: 100, ...shape }))
  await settle()
}

describe('opening', () => {
  test('fetches only once the task is open, from the offset that it returns', async () => {
    const opening = gate()
    task.onOpen = () => opening.promise
    task.start = { offset: 7n, highWatermark: 100n, read: { offset: 7n, leaderEpoch: 3 } }
    newLane()
    await settle()
    expect([lane.state, control.fetches.asked]).toEqual(['opening', []])
    opening.open()
    await settle()
    expect([lane.state, lane.done]).toEqual(['open', 7n])
    expect(control.fetches.pending).toEqual({ offset: 7n, read: { offset: 7n, leaderEpoch: 3 } })
  })
})

describe('what was fetched', () => {
  test('is processed, and the next fetch begins where it ended', async () => {
    await openAt(5)
    await arrive([5, 6])
    expect(task.processed).toEqual(['5,6 -> 7'])
    expect([lane.done, control.fetches.pending?.offset]).toEqual([7n, 7n])
  })

  test('may have holes between its records and end after them: control or compacted records', async () => {
    await openAt(5)
    await arrive([7, 9], { last: 11 })
    expect(task.processed).toEqual(['7,9 -> 12'])
    expect(control.fetches.pending?.offset).toBe(12n)
  })

  test('advances the commit even without a visible record', async () => {
    await openAt(5)
    await arrive([], { last: 8 })
    expect(task.processed).toEqual([' -> 9'])
    expect(lane.done).toBe(9n)
  })

  test('may be empty', async () => {
    await openAt(5)
    await arrive([], { last: 4 })
    expect(task.processed).toEqual([])
    expect(control.fetches.asked).toEqual([5n, 5n])
  })

  test('can be a failure: the lane goes into doubt, or ends the process if an operator must decide', async () => {
    await openAt(5)
    control.fetches.fail(new Error('nobody knows it'))
    await settle()
    expect(lane.state).toBe('doubt')
    control.confirm()
    await settle()
    const stop = new DefinedStop('BATCH_UNREADABLE', 'damaged')
    control.fetches.fail(stop)
    await settle()
    expect(control.fatals).toEqual([stop])
    expect([lane.state, task.calls]).toEqual(['closed', ['open', 'close', 'open', 'close']])
  })
})

describe('chunks', () => {
  test('are as large as allowed; only the last one commits up to the end of what was read', async () => {
    await openAt(1)
    await arrive(span(1, 9), { last: 12 })
    expect(task.processed).toEqual(['1,2,3,4 -> 5', '5,6,7,8 -> 13'])
  })

  test('are of about equal size: a small remainder would cost its own transaction', async () => {
    await openAt(1)
    await arrive(span(1, 10))
    expect(task.processed).toEqual(['1,2,3 -> 4', '4,5,6 -> 7', '7,8,9 -> 10'])
  })

  test('that end at a hole commit up to the next record', async () => {
    await openAt(1)
    await arrive([1, 2, 3, 9, 11])
    expect(task.processed).toEqual(['1,2,3 -> 9', '9,11 -> 12'])
  })
})

describe('reading ahead', () => {
  test('begins at once: exactly one further fetch runs while the task is busy (I10)', async () => {
    await openAt(0)
    const busy = gate()
    task.onProcess = () => busy.promise
    await arrive([0, 1], { leaderEpoch: 4 })
    expect(control.fetches.pending).toMatchObject({ offset: 2n, read: { offset: 2n, leaderEpoch: 4 } })
    await arrive([2], { leaderEpoch: 4 })
    expect([lane.done, task.processed]).toEqual([0n, ['0,1 -> 2']])
    expect(control.isFetching).toBe(false)
    busy.open()
    await settle()
    expect(task.processed).toEqual(['0,1 -> 2', '2 -> 3'])
    expect(control.fetches.asked).toEqual([0n, 2n, 3n])
  })

  test('waits while what was fetched keeps too much memory alive; the share can shrink at any time (I10)', async () => {
    await openAt(0)
    const busy = gate()
    task.onProcess = () => busy.promise
    await arrive([0], { bytes: 1_001 })
    expect(control.isFetching).toBe(false)
    busy.open()
    await settle()
    control.share = 500
    task.onProcess = stuck
    await arrive([1], { bytes: 501 })
    expect(control.isFetching).toBe(false)
  })

  test('that fails has no effect until its result is needed', async () => {
    await openAt(0)
    const busy = gate()
    task.onProcess = () => busy.promise
    await arrive([0])
    control.fetches.fail(new Error('nobody knows it'))
    await settle()
    expect(lane.state).toBe('open')
    busy.open()
    await settle()
    expect([lane.state, lane.done]).toEqual(['doubt', 1n])
  })
})

describe('the delay of a fetch', () => {
  /** One record arrives, and nothing is left to read after it unless there is a backlog. Its processing takes this long. */
  async function processFor(ms: number, offset: number, highWatermark = offset + 1): Promise<void> {
    task.onProcess = () => new Promise((resolve) => setTimeout(resolve, ms))
    await arrive([offset], { highWatermark })
    await vi.advanceTimersByTimeAsync(ms)
  }
  const fetchingAfter = async (ms: number) => {
    await vi.advanceTimersByTimeAsync(ms)
    return control.isFetching
  }

  test('is twice the last processing time, from the start of a processing, so that slow brokers get larger transactions', async () => {
    await openAt(0)
    await processFor(20, 0)
    await processFor(5, 1)
    expect([await fetchingAfter(34), await fetchingAfter(1)]).toEqual([false, true])
    await processFor(5, 2)
    expect([await fetchingAfter(4), await fetchingAfter(1)]).toEqual([false, true])
  })

  test('is over before a processing that takes longer', async () => {
    await openAt(0)
    await processFor(5, 0)
    await processFor(11, 1)
    expect(control.isFetching).toBe(true)
  })

  test('is limited, however long the processing took', async () => {
    await openAt(0)
    await processFor(10_000, 0)
    await processFor(1, 1)
    expect([await fetchingAfter(98), await fetchingAfter(1)]).toEqual([false, true])
  })

  test('does not exist with a backlog: the next fetch runs during processing', async () => {
    await openAt(0)
    await processFor(20, 0)
    const processing = gate()
    task.onProcess = () => processing.promise
    await arrive([1], { highWatermark: 3 })
    expect(control.isFetching).toBe(true)
    processing.open()
  })

  test('does not delay a drain', async () => {
    await openAt(0)
    await processFor(20, 0)
    await processFor(20, 1)
    await lane.drain(5_000)
    expect([control.isFetching, task.drainedCount]).toEqual([false, 1])
  })
})

describe('a log that may have lost records (I2, I3)', () => {
  const stop = new DefinedStop('LOG_TRUNCATED', 'it did')
  const verifications = () => task.calls.filter((call) => call.startsWith('verify'))

  /** Opens the lane and reads records 0 and 1, both of leader epoch 4. */
  async function readUnderEpoch4(): Promise<void> {
    await openAt(0)
    await arrive([0, 1], { leaderEpoch: 4 })
  }

  const OUT_OF_RANGE: Fetched = { kind: 'out-of-range' }
  const ANSWERS: readonly [string, Fetched][] = [
    ['an offset out of range', OUT_OF_RANGE],
    ['a truncated log', { kind: 'truncated', at: { offset: 1n, leaderEpoch: 4 } }],
    ['another topic of the same name', { kind: 'other-topic', topicId: 'other' }],
    ['records of a later leader', batchOf([2, 3], { leaderEpoch: 5, highWatermark: 100 })],
    ['records of an earlier leader', batchOf([2, 3], { leaderEpoch: 3, highWatermark: 100 })],
    ['a high watermark below what was read', batchOf([], { last: 1, highWatermark: 1 })],
  ]

  test.each(ANSWERS)(
    'is verified after %s; if records are lost, the process ends and nothing more is processed',
    async (_, fetched) => {
      await readUnderEpoch4()
      task.onVerify = async () => {
        throw stop
      }
      control.fetches.answer(fetched)
      await settle()
      expect(verifications()).toEqual(['verify 2'])
      expect(control.fatals).toEqual([stop])
      expect(task.processed).toEqual(['0,1 -> 2'])
      expect(control.isFetching).toBe(false)
    },
  )

  test.each(ANSWERS)('is read on from the same offset after %s if no records are lost', async (_, fetched) => {
    await readUnderEpoch4()
    const verified = gate()
    task.onVerify = () => verified.promise
    control.fetches.answer(fetched)
    await vi.advanceTimersByTimeAsync(2_000)
    expect([lane.state, control.isFetching]).toEqual(['open', false])
    verified.open()
    await settle()
    // Without the pause, a leader that does not know its whole log yet would be asked in a loop.
    expect(control.isFetching).toBe(fetched.kind === 'records')
    await vi.advanceTimersByTimeAsync(500)
    // Without an epoch, because the log was just verified: a later leader causes no further verification.
    expect(control.fetches.pending).toEqual({ offset: 2n, read: null })
    await arrive([2, 3], { leaderEpoch: 5 })
    expect(control.fetches.pending?.read).toEqual({ offset: 4n, leaderEpoch: 5 })
    expect(verifications()).toEqual(['verify 2'])
    expect(task.processed).toEqual(['0,1 -> 2', '2,3 -> 4'])
  })

  test('is verified again if a later leader appears after the log was verified and answers followed without records (I2)', async () => {
    await readUnderEpoch4()
    control.fetches.answer(batchOf([], { last: 1, highWatermark: 1 }))
    await settle()
    await vi.advanceTimersByTimeAsync(500)
    control.fetches.answer(batchOf([], { last: 1, highWatermark: 2 }))
    await settle()
    // From here on the leader checks again that its log has the record that was read last.
    expect(control.fetches.pending).toEqual({ offset: 2n, read: { offset: 2n, leaderEpoch: 4 } })
    await arrive([2, 3], { leaderEpoch: 9 })
    expect(verifications()).toEqual(['verify 2', 'verify 2'])
    expect(task.processed).toEqual(['0,1 -> 2'])
  })

  test('is verified at the end and the leader epoch of the last record that was read', async () => {
    const asked: unknown[] = []
    await readUnderEpoch4()
    task.onVerify = async (next, read) => void asked.push(next, read)
    control.fetches.answer(OUT_OF_RANGE)
    await settle()
    expect(asked).toEqual([2n, { offset: 2n, leaderEpoch: 4 }])
  })

  test('is verified up to what was processed if the answer was fetched ahead', async () => {
    await openAt(0)
    const working = gate()
    task.onProcess = () => working.promise
    task.onVerify = async () => {
      throw stop
    }
    await arrive([0, 1])
    control.fetches.answer(OUT_OF_RANGE)
    await settle()
    expect(verifications()).toEqual([])
    working.open()
    await settle()
    expect(verifications()).toEqual(['verify 2'])
    expect(task.processed).toEqual(['0,1 -> 2'])
    expect(control.fatals).toEqual([stop])
  })

  test('is verified again and again until the leader answers; meanwhile nothing is fetched', async () => {
    await readUnderEpoch4()
    let failures = 2
    task.onVerify = async () => {
      failures -= 1
      if (failures >= 0) {
        throw new Error('no leader')
      }
    }
    control.fetches.answer(OUT_OF_RANGE)
    await settle()
    await vi.advanceTimersByTimeAsync(LIMITS.idleIntervalMs)
    expect([lane.state, control.isFetching]).toEqual(['open', false])
    await vi.advanceTimersByTimeAsync(2 * LIMITS.idleIntervalMs)
    expect(verifications()).toHaveLength(3)
    expect(control.fetches.pending?.offset).toBe(2n)
  })

  test('is verified on external suspicion, whatever the next fetch returns', async () => {
    await readUnderEpoch4()
    lane.suspect()
    await arrive([2], { leaderEpoch: 4 })
    expect(verifications()).toEqual(['verify 2'])
    expect(task.processed).toEqual(['0,1 -> 2'])
    await arrive([2], { leaderEpoch: 4 })
    expect(task.processed).toEqual(['0,1 -> 2', '2 -> 3'])
  })

  test('is verified at the committed position after opening', async () => {
    task.start = { offset: 5n, highWatermark: 100n, read: { offset: 5n, leaderEpoch: 2 } }
    newLane()
    await settle()
    await arrive([5], { leaderEpoch: 3 })
    expect(verifications()).toEqual(['verify 5'])
  })

  test('is opened again if the task asks for it', async () => {
    await readUnderEpoch4()
    task.onVerify = async () => {
      throw new OpenAgain('it must decide')
    }
    control.fetches.answer(OUT_OF_RANGE)
    await settle()
    expect([lane.state, control.fatals]).toEqual(['doubt', []])
  })
})

describe('doubt', () => {
  test('after any error stops fetching, drops what was fetched, closes the task and awaits the group before reopening', async () => {
    await openAt(0)
    task.onProcess = async () => {
      throw new Error('the outcome is unknown')
    }
    await arrive(span(0, 8))
    expect(lane.state).toBe('doubt')
    expect([control.confirmations, control.isFetching]).toEqual([1, false])
    expect(task.calls).toEqual(['open', 'process 0,1,2,3 -> 4', 'close'])
    expect(control.fatals).toEqual([])

    task.onProcess = async () => {}
    task.start = { offset: 2n, highWatermark: 100n, read: null }
    control.confirm()
    await settle()
    // The reopened task, not the lane, determines where to resume.
    expect(control.fetches.pending?.offset).toBe(2n)
    expect([lane.state, lane.done]).toEqual(['open', 2n])
    await arrive([2])
    expect(task.processed.at(-1)).toBe('2 -> 3')
  })

  test('is logged as a warning, unless the task asked to be reopened', async () => {
    const warn = vi.spyOn(SILENT, 'warn')
    await openAt(0)
    task.onProcess = async () => {
      throw new OpenAgain('an idle connection was closed')
    }
    await arrive([0])
    expect([lane.state, warn.mock.calls.length]).toEqual(['doubt', 0])
    control.confirm()
    await settle()
    task.onProcess = async () => {
      throw new Error('the outcome is unknown')
    }
    await arrive([0])
    expect([lane.state, warn.mock.calls.length]).toEqual(['doubt', 1])
  })

  test('is logged at growing intervals while the same error repeats, and exposes its reason', async () => {
    const warn = vi.spyOn(SILENT, 'warn').mockClear()
    await openAt(0)
    task.onProcess = async () => {
      throw Object.assign(new Error('long'), { type: 'INVALID_TIMESTAMP', retriable: false })
    }
    for (let third = 0; third < 300; third += 1) {
      await arrive([0])
      await vi.advanceTimersByTimeAsync(333)
      control.confirm()
      await settle()
    }
    expect(warn.mock.calls.length).toBe(4)
    expect(lane.trouble).toBe('timestamp out of range (INVALID_TIMESTAMP)')
    task.onProcess = async () => {}
    await arrive([0])
    expect(lane.trouble).toBe(null)
  })

  test('and reopening are not progress, unless a server was unavailable', async () => {
    await openAt(0)
    const before = lane.pulse
    const fail = async (retriable: boolean) => {
      task.onProcess = async () => {
        throw Object.assign(new Error('x'), { code: 'X', retriable })
      }
      await arrive([0])
      expect(lane.state).toBe('doubt')
      control.confirm()
      await settle()
      expect(lane.state).toBe('open')
    }
    await fail(false)
    expect(lane.pulse).toBe(before)
    await fail(true)
    expect(lane.pulse).not.toBe(before)
  })

  test('also follows when opening or idling fails', async () => {
    task.onOpen = async () => {
      throw new Error('the broker is away')
    }
    newLane()
    await settle()
    expect(lane.state).toBe('doubt')
    task.onOpen = async () => {}
    task.onIdle = async () => {
      throw new Error('fenced')
    }
    control.confirm()
    await settle()
    expect(task.calls).toEqual(['open', 'close', 'open', 'idle', 'close'])
    expect(lane.state).toBe('doubt')
  })

  test('does not follow a defined stop, which ends the process with its reason', async () => {
    const stop = new DefinedStop('OFFSET_OUT_OF_RANGE', 'an operator must decide')
    task.onOpen = async () => {
      throw stop
    }
    newLane()
    await settle()
    expect(control.fatals).toEqual([stop])
    expect(lane.state).toBe('closed')
    expect(task.calls).toEqual(['open', 'close'])
  })
})

describe('idle', () => {
  test('is called only when everything up to the high watermark is processed', async () => {
    task.start = { offset: 5n, highWatermark: 7n, read: null }
    newLane()
    await settle()
    expect(task.calls).toEqual(['open'])
    await arrive([5], { highWatermark: 7 })
    expect(task.calls).not.toContain('idle')
    await arrive([6], { highWatermark: 7 })
    expect(task.calls.at(-1)).toBe('idle')
  })

  test('is not called while the last fetch showed that the leader has more', async () => {
    task.start = { offset: 5n, highWatermark: 6n, read: null }
    newLane()
    await settle()
    await arrive([5], { highWatermark: 100 })
    await vi.advanceTimersByTimeAsync(3_000)
    expect(task.calls).not.toContain('idle')
  })

  test('is called again only after the interval', async () => {
    newLane()
    await settle()
    await vi.advanceTimersByTimeAsync(999)
    expect(task.calls).toEqual(['open', 'idle'])
    // Even while the fetch waits.
    await vi.advanceTimersByTimeAsync(1)
    expect(task.calls).toEqual(['open', 'idle', 'idle'])
    await arrive([], { last: -1, highWatermark: 0 })
    expect(task.calls).toEqual(['open', 'idle', 'idle'])
    expect(vi.getTimerCount()).toBe(1)
  })
})

describe('drain', () => {
  test('finishes and commits the current chunk and starts no other', async () => {
    await openAt(0)
    const busy = gate()
    task.onProcess = () => busy.promise
    await arrive(span(0, 8))
    let drained = false
    const draining = lane.drain(5_000).then(() => {
      drained = true
    })
    await settle()
    expect(drained).toBe(false)
    busy.open()
    await draining
    expect(task.calls).toEqual(['open', 'process 0,1,2,3 -> 4', 'close'])
    expect([lane.done, lane.state]).toEqual([4n, 'closed'])
  })

  test('aborts work that does not finish within the grace period', async () => {
    await openAt(0)
    task.onProcess = stuck
    await arrive([0])
    const draining = lane.drain(5_000)
    await vi.advanceTimersByTimeAsync(4_999)
    expect(lane.state).toBe('open')
    await vi.advanceTimersByTimeAsync(1)
    await draining
    expect([lane.done, lane.state]).toEqual([0n, 'closed'])
  })

  test('aborts an opening or a wait for the group at once', async () => {
    task.onOpen = stuck
    newLane()
    const draining = lane.drain(5_000)
    await settle()
    await draining
    expect(task.calls).toEqual(['open', 'close'])
  })

  test('does not await the group if the last chunk failed, because nothing reopens', async () => {
    await openAt(0)
    const busy = gate()
    task.onProcess = () => busy.promise
    await arrive([0])
    const draining = lane.drain(5_000)
    busy.fail(new Error('the outcome is unknown'))
    await settle()
    await draining
    expect(task.calls).toEqual(['open', 'process 0 -> 1', 'close'])
  })

  test('ends an idle lane', async () => {
    await openAt(0)
    await lane.drain(5_000)
    expect(task.calls).toEqual(['open', 'close'])
  })
})

describe('close', () => {
  test('aborts the work and the fetch, and drops what was fetched', async () => {
    await openAt(0)
    task.onProcess = stuck
    await arrive(span(0, 8))
    expect(control.isFetching).toBe(true)
    await lane.close()
    expect(task.calls).toEqual(['open', 'process 0,1,2,3 -> 4', 'close'])
    expect([lane.state, lane.done, control.isFetching]).toEqual(['closed', 0n, false])
    expect(control.confirmations).toBe(0)
  })

  test('of an opening lane fetches nothing and closes the task', async () => {
    const opening = gate()
    task.onOpen = () => opening.promise
    newLane()
    await settle()
    const closing = lane.close()
    opening.open()
    await closing
    expect(control.fetches.asked).toEqual([])
    expect(task.calls).toEqual(['open', 'close'])
  })

  test('of a lane in doubt ends its wait for the group', async () => {
    task.onOpen = async () => {
      throw new Error('the broker is away')
    }
    newLane()
    await settle()
    await lane.close()
    expect(task.calls).toEqual(['open', 'close', 'close'])
  })

  test('ignores later errors', async () => {
    await openAt(0)
    const busy = gate()
    task.onProcess = () => busy.promise
    await arrive([0])
    const closing = lane.close()
    busy.fail(new DefinedStop('X', 'too late'))
    await closing
    expect(control.fatals).toEqual([])
  })
})

describe('the call of `drained`', () => {
  test('follows a drain while the partition is still ours', async () => {
    await openAt(0)
    await lane.drain(5_000)
    expect(task.drainedCount).toBe(1)
  })

  test('is omitted if the partition was revoked', async () => {
    await openAt(0)
    await lane.close()
    expect(task.drainedCount).toBe(0)
  })
})
