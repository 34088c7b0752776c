import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Lane, type LaneControl, type LaneLimits } from '../../src/stream/lane.ts'
import { DefinedStop, OpenAgain } from '../../src/stream/partition-task.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { batchOf, gate, ScriptedTask, span, untilAborted } from './scripted-task.ts'

const LIMITS: LaneLimits = {
  queuedRecordsMax: 10,
  queuedBytesMax: 1_000,
  chunkRecordsMax: 4,
  chunkIntervalMs: 0,
  idleIntervalMs: 1_000,
}

/** Records the lane's calls to the consumer. `paused` is the state kafkajs would be in. */
class FakeControl implements LaneControl {
  readonly calls: string[] = []
  readonly fatals: Error[] = []
  paused = false
  share = 1_000
  #confirm = gate()

  pause(): void {
    this.calls.push('pause')
    this.paused = true
  }

  resume(): void {
    this.calls.push('resume')
    this.paused = false
  }

  seek(offset: bigint): void {
    this.calls.push(`seek ${offset}`)
  }

  confirmed(signal: AbortSignal): Promise<void> {
    this.calls.push('await confirmation')
    this.#confirm = gate()
    return untilAborted(this.#confirm.promise, signal)
  }

  queuedBytesMax(): number {
    return this.share
  }

  fatal(error: Error): void {
    this.fatals.push(error)
  }

  /** A heartbeat that still lists the partition. */
  confirm(): void {
    this.#confirm.open()
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
  control.calls.length = 0
}

describe('opening', () => {
  test('pauses at once; seeks and resumes only when the task is open', async () => {
    const opening = gate()
    task.onOpen = () => opening.promise
    task.start = { offset: 7n, highWatermark: 100n, read: null }
    newLane()
    expect(control.calls).toEqual(['pause'])
    expect(lane.state).toBe('opening')
    opening.open()
    await settle()
    expect(lane.state).toBe('open')
    expect(lane.done).toBe(7n)
    expect(control.calls).toEqual(['pause', 'seek 7', 'resume'])
  })

  test('rejects batches until it is open', async () => {
    const opening = gate()
    task.onOpen = () => opening.promise
    newLane()
    expect(lane.offer(batchOf([0, 1]))).toBe(false)
    lane.skipped(0n, 5n)
    opening.open()
    await settle()
    expect(task.processed).toEqual([])
  })
})

describe('a fetched batch', () => {
  test('is accepted and processed if it starts at the expected offset', async () => {
    await openAt(5)
    expect(lane.offer(batchOf([5, 6]))).toBe(true)
    await settle()
    expect(task.processed).toEqual(['5,6 -> 7'])
    expect(lane.done).toBe(7n)
  })

  test('is rejected if it was fetched from a later offset, and the consumer seeks back', async () => {
    await openAt(5)
    expect(lane.offer(batchOf([8, 9]))).toBe(false)
    expect(control.calls).toEqual(['seek 5'])
    await settle()
    expect(task.processed).toEqual([])
    expect(lane.offer(batchOf([5, 6, 7]))).toBe(true)
  })

  test('may have holes between its records: only the fetched offset reveals a gap', async () => {
    await openAt(5)
    // 5 and 6 are control records or were compacted away.
    expect(lane.offer(batchOf([7, 9], { from: 5 }))).toBe(true)
    await settle()
    expect(control.calls).toEqual([])
    expect(task.processed).toEqual(['7,9 -> 10'])
  })

  test('loses the records below the expected offset', async () => {
    await openAt(5)
    expect(lane.offer(batchOf(span(3, 8)))).toBe(true)
    await settle()
    expect(task.processed).toEqual(['5,6,7 -> 8'])
  })

  test('is accepted and dropped if all its records were accepted before', async () => {
    await openAt(5)
    expect(lane.offer(batchOf([3, 4]))).toBe(true)
    await settle()
    expect(task.processed).toEqual([])
    expect(lane.done).toBe(5n)
  })

  test('is compared with the end of the queue, not with what is processed', async () => {
    await openAt(0)
    const busy = gate()
    task.onProcess = () => busy.promise
    lane.offer(batchOf([0, 1]))
    await settle()
    expect(lane.offer(batchOf([2, 3]))).toBe(true)
    expect(lane.offer(batchOf([0, 1], { highWatermark: 4 }))).toBe(true)
    expect(lane.offer(batchOf([5]))).toBe(false)
    expect(control.calls).toEqual(['seek 4'])
    expect([lane.done, lane.queuedRecords]).toEqual([0n, 2])
    busy.open()
    await settle()
    expect(task.processed).toEqual(['0,1 -> 2', '2,3 -> 4'])
  })

  test('is committed up to the offset after its last record, visible or not', async () => {
    await openAt(5)
    lane.offer(batchOf([5], { last: 8 }))
    await settle()
    expect(task.processed).toEqual(['5 -> 9'])
    expect(lane.offer(batchOf([9]))).toBe(true)
  })

  test('or a skipped range without visible records advances the commit', async () => {
    await openAt(5)
    lane.skipped(5n, 8n)
    await settle()
    expect(task.processed).toEqual([' -> 9'])
    expect(lane.done).toBe(9n)
  })

  test('or a skipped range is ignored if it starts later or was accepted before', async () => {
    await openAt(5)
    lane.skipped(6n, 8n)
    lane.skipped(2n, 4n)
    await settle()
    expect(task.processed).toEqual([])
    lane.skipped(3n, 6n)
    await settle()
    expect(task.processed).toEqual([' -> 7'])
  })

  test('a gap that persists is missing data: the lane goes into doubt and reopens', async () => {
    await openAt(5)
    for (let times = 0; times <= 20; times += 1) {
      lane.offer(batchOf([8]))
    }
    await settle()
    expect(lane.state).toBe('doubt')
    control.confirm()
    await settle()
    expect(lane.state).toBe('open')
    expect(task.calls).toEqual(['open', 'close', 'open'])
  })

  test('gaps with accepted batches in between do not add up', async () => {
    await openAt(0)
    for (let offset = 0; offset < 30; offset += 1) {
      lane.offer(batchOf([offset + 3]))
      lane.offer(batchOf([offset]))
      await settle()
    }
    expect(lane.state).toBe('open')
    expect(lane.done).toBe(30n)
  })
})

describe('chunks', () => {
  async function chunksOf(...batches: Parameters<typeof batchOf>[]): Promise<string[]> {
    await openAt(0, { queuedRecordsMax: 100 })
    const busy = gate()
    task.onProcess = () => busy.promise
    // The first chunk keeps the task busy while the rest queues.
    lane.offer(batchOf([0]))
    await settle()
    for (const batch of batches) {
      expect(lane.offer(batchOf(...batch))).toBe(true)
    }
    busy.open()
    await settle()
    expect(lane.queuedRecords).toBe(0)
    return task.processed.slice(1)
  }

  test('combine small batches up to the limit', async () => {
    expect(await chunksOf([[1]], [[2, 3]], [[4]], [[5]])).toEqual(['1,2,3,4 -> 5', '5 -> 6'])
  })

  test('never split a batch to fill up a chunk', async () => {
    expect(await chunksOf([[1, 2]], [[3, 4, 5]])).toEqual(['1,2 -> 3', '3,4,5 -> 6'])
  })

  test('split a batch larger than the limit; only the last part commits the end of the batch', async () => {
    expect(await chunksOf([span(1, 10), { last: 12 }])).toEqual(['1,2,3,4 -> 5', '5,6,7,8 -> 9', '9 -> 13'])
  })

  test('split at a hole commit up to the next record', async () => {
    expect(await chunksOf([[1, 2, 3, 4, 9]])).toEqual(['1,2,3,4 -> 9', '9 -> 10'])
  })

  test('include ranges without records', async () => {
    expect(await chunksOf([[1, 2, 3, 4]], [[], { from: 5, last: 6 }], [[7]])).toEqual(['1,2,3,4 -> 7', '7 -> 8'])
  })
})

describe('I10: back-pressure', () => {
  test('pauses above the limit of records and resumes below half of it', async () => {
    await openAt(0)
    const chunks = [gate(), gate(), gate()]
    let at = 0
    task.onProcess = (signal) => untilAborted((chunks[at++] ?? gate()).promise, signal)
    lane.offer(batchOf([0]))
    await settle()
    lane.offer(batchOf(span(1, 11)))
    expect([lane.queuedRecords, control.paused]).toEqual([10, false])
    lane.offer(batchOf([11]))
    expect([lane.queuedRecords, control.paused]).toEqual([11, true])
    chunks[0]?.open()
    await settle()
    expect([lane.queuedRecords, control.paused]).toEqual([7, true])
    chunks[1]?.open()
    await settle()
    expect([lane.queuedRecords, control.paused]).toEqual([3, false])
    expect(control.calls).toEqual(['pause', 'resume'])
  })

  test('pauses above the limit of bytes: a small record can pin a whole fetch', async () => {
    await openAt(0)
    const chunks = [gate(), gate(), gate()]
    let at = 0
    task.onProcess = (signal) => untilAborted((chunks[at++] ?? gate()).promise, signal)
    lane.offer(batchOf([0]))
    await settle()
    lane.offer(batchOf(span(1, 5), { bytes: 1_000 }))
    expect(control.paused).toBe(false)
    lane.offer(batchOf([5], { bytes: 1 }))
    expect(control.paused).toBe(true)
    chunks[0]?.open()
    await settle()
    // Records being processed are in memory, too.
    expect([lane.queuedRecords, control.paused]).toEqual([1, true])
    chunks[1]?.open()
    await settle()
    expect([lane.queuedRecords, control.paused]).toEqual([0, false])
  })

  test('follows its share of the bytes of all lanes, which can shrink at any time', async () => {
    await openAt(0)
    const chunks = [gate(), gate(), gate()]
    let at = 0
    task.onProcess = (signal) => untilAborted((chunks[at++] ?? gate()).promise, signal)
    lane.offer(batchOf([0], { bytes: 400 }))
    lane.offer(batchOf([1], { bytes: 400 }))
    expect(control.paused).toBe(false)
    control.share = 500
    lane.offer(batchOf([2], { bytes: 1 }))
    expect(control.paused).toBe(true)
    await settle()
    control.share = 10_000
    chunks[0]?.open()
    await settle()
    expect(control.paused).toBe(false)
  })

  test('does not resume while draining; batches are rejected', async () => {
    await openAt(0)
    const chunk = gate()
    task.onProcess = (signal) => untilAborted(chunk.promise, signal)
    lane.offer(batchOf([0], { bytes: 2_000 }))
    await settle()
    expect(control.paused).toBe(true)
    const drained = lane.drain(5_000)
    chunk.open()
    await drained
    expect(control.calls).toEqual(['pause'])
  })

  test('counts the bytes of a split batch until its last part is processed', async () => {
    await openAt(0)
    const chunks = [gate(), gate(), gate()]
    let at = 0
    task.onProcess = (signal) => untilAborted((chunks[at++] ?? gate()).promise, signal)
    lane.offer(batchOf([0]))
    await settle()
    lane.offer(batchOf(span(1, 7), { bytes: 2_000 }))
    chunks[0]?.open()
    await settle()
    // 5 and 6 keep the whole fetch in memory.
    expect([lane.queuedRecords, control.paused]).toEqual([2, true])
    chunks[1]?.open()
    await settle()
    expect([lane.queuedRecords, control.paused]).toEqual([0, true])
    chunks[2]?.open()
    await settle()
    expect(control.paused).toBe(false)
  })

  test('accepts a batch that was in flight when it paused: it was fetched in order', async () => {
    await openAt(0)
    task.onProcess = stuck
    lane.offer(batchOf([0]))
    await settle()
    lane.offer(batchOf(span(1, 12)))
    expect(control.paused).toBe(true)
    expect(lane.offer(batchOf([12]))).toBe(true)
  })
})

describe('reassigned', () => {
  test('verifies the log, then seeks to the expected, not the committed, offset and resumes', async () => {
    await openAt(5)
    lane.offer(batchOf([5, 6], { highWatermark: 100 }))
    await settle()
    lane.reassigned()
    expect(control.calls).toEqual(['pause'])
    await settle()
    expect(task.calls.at(-1)).toBe('verify 7')
    expect(control.calls).toEqual(['pause', 'seek 7', 'resume'])
  })

  test('pauses again while its queue is full', async () => {
    await openAt(0)
    const working = gate()
    task.onProcess = (signal) => untilAborted(working.promise, signal)
    lane.offer(batchOf([0]))
    await settle()
    lane.offer(batchOf(span(1, 30)))
    control.calls.length = 0
    lane.reassigned()
    task.onProcess = stuck
    working.open()
    await settle()
    expect(control.calls).toEqual(['pause', 'seek 30', 'pause'])
  })

  test('only pauses a lane that is not open, because a restarted consumer has lost the pause', async () => {
    task.onOpen = stuck
    newLane()
    control.calls.length = 0
    lane.reassigned()
    expect(control.calls).toEqual(['pause'])
  })
})

describe('a log that may have lost records (I2, I3)', () => {
  const stop = new DefinedStop('LOG_TRUNCATED', 'it did')

  /** An open lane that has accepted records 0 and 1 of a leader. */
  async function acceptedUnderEpoch4(): Promise<void> {
    await openAt(0)
    lane.offer(batchOf([0, 1], { leaderEpoch: 4, highWatermark: 100 }))
    await settle()
    control.calls.length = 0
  }

  test.each([5, 3])('is verified before a batch of another leader (epoch %i) is accepted', async (leaderEpoch) => {
    await acceptedUnderEpoch4()
    const verified = gate()
    task.onVerify = () => verified.promise
    expect(lane.offer(batchOf([2, 3], { leaderEpoch, highWatermark: 100 }))).toBe(false)
    await settle()
    expect(lane.offer(batchOf([2, 3], { leaderEpoch, highWatermark: 100 }))).toBe(false)
    expect([task.calls.at(-1), control.paused]).toEqual(['verify 2', true])
    verified.open()
    await settle()
    expect(control.calls.slice(-2)).toEqual(['seek 2', 'resume'])
    expect(lane.offer(batchOf([2, 3], { leaderEpoch, highWatermark: 100 }))).toBe(true)
    // One verification per epoch is enough.
    await settle()
    expect(lane.offer(batchOf([4], { leaderEpoch, highWatermark: 100 }))).toBe(true)
    expect(task.calls.filter((call) => call.startsWith('verify'))).toEqual(['verify 2'])
    expect(task.processed).toEqual(['0,1 -> 2', '2,3 -> 4'])
  })

  test('is verified at the end of the last accepted record and its leader epoch', async () => {
    const asked: unknown[] = []
    await acceptedUnderEpoch4()
    task.onVerify = async (next, read) => void asked.push(next, read)
    lane.offer(batchOf([2], { leaderEpoch: 5, highWatermark: 100 }))
    await settle()
    expect(asked).toEqual([2n, { offset: 2n, leaderEpoch: 4 }])
  })

  test('is verified if its high watermark is below what was accepted', async () => {
    await acceptedUnderEpoch4()
    expect(lane.offer(batchOf([0], { leaderEpoch: 4, highWatermark: 1 }))).toBe(false)
    await settle()
    expect(task.calls.at(-1)).toBe('verify 2')
  })

  test('ends the process if it did, and nothing more is processed or skipped', async () => {
    await acceptedUnderEpoch4()
    task.onVerify = async () => {
      throw stop
    }
    lane.offer(batchOf([2], { leaderEpoch: 5, highWatermark: 100 }))
    await settle()
    expect(control.fatals).toEqual([stop])
    expect(task.processed).toEqual(['0,1 -> 2'])
  })

  test('is verified before queued records are processed', async () => {
    await openAt(0)
    const working = gate()
    task.onProcess = () => working.promise
    lane.offer(batchOf([0], { leaderEpoch: 4, highWatermark: 100 }))
    await settle()
    lane.offer(batchOf([1], { leaderEpoch: 4, highWatermark: 100 }))
    task.onVerify = async () => {
      throw stop
    }
    lane.suspect()
    working.open()
    await settle()
    expect(task.processed).toEqual(['0 -> 1'])
    expect(control.fatals).toEqual([stop])
  })

  test('is verified again until the leader answers, and nothing is accepted meanwhile', async () => {
    await acceptedUnderEpoch4()
    let failures = 2
    task.onVerify = async () => {
      failures -= 1
      if (failures >= 0) {
        throw new Error('no leader')
      }
    }
    lane.suspect()
    await settle()
    expect(lane.offer(batchOf([2], { leaderEpoch: 4, highWatermark: 100 }))).toBe(false)
    await vi.advanceTimersByTimeAsync(LIMITS.idleIntervalMs)
    lane.skipped(2n, 2n)
    expect([lane.state, control.paused]).toEqual(['open', true])
    await vi.advanceTimersByTimeAsync(LIMITS.idleIntervalMs)
    expect(task.calls.filter((call) => call === 'verify 2')).toHaveLength(3)
    expect(control.calls.slice(-2)).toEqual(['seek 2', 'resume'])
    expect(lane.offer(batchOf([2], { leaderEpoch: 4, highWatermark: 100 }))).toBe(true)
  })

  test('is verified at the committed position after opening', async () => {
    task.start = { offset: 5n, highWatermark: 100n, read: { offset: 5n, leaderEpoch: 2 } }
    newLane()
    await settle()
    expect(lane.offer(batchOf([5], { leaderEpoch: 3, highWatermark: 100 }))).toBe(false)
    await settle()
    expect(task.calls.at(-1)).toBe('verify 5')
  })
})

describe('doubt', () => {
  test('after any error pauses, clears the queue, closes the task and awaits the group before reopening', async () => {
    await openAt(0)
    task.onProcess = async () => {
      throw new Error('the outcome is unknown')
    }
    lane.offer(batchOf([0, 1]))
    lane.offer(batchOf([2]))
    await settle()
    expect(lane.state).toBe('doubt')
    expect(lane.queuedRecords).toBe(0)
    expect(control.calls).toEqual(['pause', 'await confirmation'])
    expect(task.calls).toEqual(['open', 'process 0,1,2 -> 3', 'close'])
    expect(lane.offer(batchOf([3]))).toBe(false)
    expect(control.fatals).toEqual([])

    task.onProcess = async () => {}
    task.start = { offset: 2n, highWatermark: 100n, read: null }
    control.confirm()
    await settle()
    // The broker, not the lane, determines where to resume.
    expect(control.calls.slice(2)).toEqual(['pause', 'seek 2', 'resume'])
    expect([lane.state, lane.done]).toEqual(['open', 2n])
    lane.offer(batchOf([2]))
    await settle()
    expect(task.processed.at(-1)).toBe('2 -> 3')
  })

  test('is logged as a warning, unless the task asked to be reopened', async () => {
    const warn = vi.spyOn(SILENT, 'warn')
    await openAt(0)
    task.onProcess = async () => {
      throw new OpenAgain('an idle connection was closed')
    }
    lane.offer(batchOf([0]))
    await settle()
    expect([lane.state, warn.mock.calls.length]).toEqual(['doubt', 0])
    control.confirm()
    await settle()
    task.onProcess = async () => {
      throw new Error('the outcome is unknown')
    }
    lane.offer(batchOf([0]))
    await settle()
    expect([lane.state, warn.mock.calls.length]).toEqual(['doubt', 1])
  })

  test('is logged at growing intervals while the same error repeats, and exposes its reason', async () => {
    const warn = vi.spyOn(SILENT, 'warn').mockClear()
    await openAt(0)
    task.onProcess = async () => {
      throw Object.assign(new Error('long'), { type: 'INVALID_TIMESTAMP', retriable: false })
    }
    for (let third = 0; third < 300; third += 1) {
      lane.offer(batchOf([0]))
      await vi.advanceTimersByTimeAsync(333)
      control.confirm()
      await settle()
    }
    expect(warn.mock.calls.length).toBe(4)
    expect(lane.trouble).toBe('timestamp out of range (INVALID_TIMESTAMP)')
    task.onProcess = async () => {}
    lane.offer(batchOf([0]))
    await settle()
    expect(lane.trouble).toBe(null)
  })

  test('and reopening are not progress, unless a server was unavailable', async () => {
    await openAt(0)
    const before = lane.pulse
    const fail = async (retriable: boolean) => {
      task.onProcess = async () => {
        throw Object.assign(new Error('x'), { code: 'X', retriable })
      }
      lane.offer(batchOf([0]))
      await settle()
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
    lane.offer(batchOf([5], { highWatermark: 7 }))
    await settle()
    expect(task.calls).not.toContain('idle')
    lane.offer(batchOf([6], { highWatermark: 7 }))
    await settle()
    expect(task.calls.at(-1)).toBe('idle')
  })

  test('is called again only after the interval', async () => {
    newLane()
    await settle()
    await vi.advanceTimersByTimeAsync(999)
    expect(task.calls).toEqual(['open', 'idle'])
    await vi.advanceTimersByTimeAsync(1)
    expect(task.calls).toEqual(['open', 'idle', 'idle'])
  })
})

describe('drain', () => {
  test('finishes and commits the current chunk and starts no queued one', async () => {
    await openAt(0)
    const busy = gate()
    task.onProcess = () => busy.promise
    lane.offer(batchOf(span(0, 4)))
    await settle()
    lane.offer(batchOf(span(4, 8)))
    let drained = false
    const draining = lane.drain(5_000).then(() => {
      drained = true
    })
    await settle()
    expect(drained).toBe(false)
    expect(lane.offer(batchOf([8]))).toBe(false)
    busy.open()
    await draining
    expect(task.calls).toEqual(['open', 'process 0,1,2,3 -> 4', 'close'])
    expect([lane.done, lane.state]).toEqual([4n, 'closed'])
  })

  test('aborts work that does not finish within the grace period', async () => {
    await openAt(0)
    task.onProcess = stuck
    lane.offer(batchOf([0]))
    await settle()
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
    lane.offer(batchOf([0]))
    await settle()
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
  test('aborts the work, drops the queue and resumes, because a pause would outlive the assignment', async () => {
    await openAt(0)
    task.onProcess = stuck
    lane.offer(batchOf(span(0, 4)))
    await settle()
    lane.offer(batchOf(span(4, 16)))
    expect(control.paused).toBe(true)
    await lane.close()
    expect(task.calls).toEqual(['open', 'process 0,1,2,3 -> 4', 'close'])
    expect([lane.state, lane.queuedRecords, lane.done, control.paused]).toEqual(['closed', 0, 0n, false])
    expect(control.calls).not.toContain('await confirmation')
  })

  test('of an opening lane seeks nothing and closes the task', async () => {
    const opening = gate()
    task.onOpen = () => opening.promise
    newLane()
    const closing = lane.close()
    opening.open()
    await closing
    expect(control.calls).toEqual(['pause', 'resume'])
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
    lane.offer(batchOf([0]))
    await settle()
    const closing = lane.close()
    busy.fail(new DefinedStop('X', 'too late'))
    await closing
    expect(control.fatals).toEqual([])
  })
})

describe('pacing', () => {
  test('processes a lone record at once and batches later ones until the interval has passed', async () => {
    await openAt(0, { chunkIntervalMs: 25 })
    lane.offer(batchOf([0]))
    await settle()
    expect(task.processed).toEqual(['0 -> 1'])
    lane.offer(batchOf([1]))
    await vi.advanceTimersByTimeAsync(10)
    lane.offer(batchOf([2]))
    await vi.advanceTimersByTimeAsync(10)
    expect(task.processed).toEqual(['0 -> 1'])
    await vi.advanceTimersByTimeAsync(10)
    expect(task.processed).toEqual(['0 -> 1', '1,2 -> 3'])
  })

  test('does not delay a full chunk', async () => {
    await openAt(0, { chunkIntervalMs: 10_000 })
    lane.offer(batchOf([0]))
    await settle()
    lane.offer(batchOf([1, 2, 3, 4]))
    await settle()
    expect(task.processed).toEqual(['0 -> 1', '1,2,3,4 -> 5'])
  })

  test('does not delay a drain', async () => {
    await openAt(0, { chunkIntervalMs: 10_000 })
    lane.offer(batchOf([0]))
    await settle()
    lane.offer(batchOf([1]))
    await settle()
    await lane.drain(5_000)
    expect(task.processed).toEqual(['0 -> 1'])
    expect(task.drainedCount).toBe(1)
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
