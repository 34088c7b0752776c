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

/** What the lane told the consumer. `paused` is what kafkajs would believe. */
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
    this.calls.push('asks the group')
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
  // Nothing here waits for a clock: time stands still unless a test moves it.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  task = new ScriptedTask()
  control = new FakeControl()
})

afterEach(async () => {
  await lane.close()
  vi.useRealTimers()
})

/** What never ends by itself. */
const stuck = (signal: AbortSignal) => untilAborted(gate().promise, signal)

/** Lets everything run that can run without time passing. */
const settle = () => vi.advanceTimersByTimeAsync(0)

function newLane(limits: Partial<LaneLimits> = {}): void {
  lane = new Lane(0, task, control, { ...LIMITS, ...limits }, SILENT)
}

/** A lane that is open at an offset, with the records up to 100 still to come, so that it does not idle. */
async function openAt(offset: number, limits: Partial<LaneLimits> = {}): Promise<void> {
  task.start = { offset: BigInt(offset), highWatermark: 100n, read: null }
  newLane(limits)
  await settle()
  control.calls.length = 0
}

describe('opening', () => {
  test('pauses at once, and only when the task is open seeks to its offset and resumes', async () => {
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

  test('takes no batch before it is open: it comes again', async () => {
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

describe('judging what the consumer brings', () => {
  test('takes what begins where it is, and processes it', async () => {
    await openAt(5)
    expect(lane.offer(batchOf([5, 6]))).toBe(true)
    await settle()
    expect(task.processed).toEqual(['5,6 -> 7'])
    expect(lane.done).toBe(7n)
  })

  test('refuses a batch that was fetched from further on, and sends the consumer back', async () => {
    await openAt(5)
    expect(lane.offer(batchOf([8, 9]))).toBe(false)
    expect(control.calls).toEqual(['seek 5'])
    await settle()
    expect(task.processed).toEqual([])
    expect(lane.offer(batchOf([5, 6, 7]))).toBe(true)
  })

  test('takes a hole for a hole, not for a gap: what counts is where the fetch began', async () => {
    await openAt(5)
    // 5 and 6 are control records, or were compacted.
    expect(lane.offer(batchOf([7, 9], { from: 5 }))).toBe(true)
    await settle()
    expect(control.calls).toEqual([])
    expect(task.processed).toEqual(['7,9 -> 10'])
  })

  test('drops records below where it is', async () => {
    await openAt(5)
    expect(lane.offer(batchOf(span(3, 8)))).toBe(true)
    await settle()
    expect(task.processed).toEqual(['5,6,7 -> 8'])
  })

  test('takes, and drops, a batch that is known as a whole', async () => {
    await openAt(5)
    expect(lane.offer(batchOf([3, 4]))).toBe(true)
    await settle()
    expect(task.processed).toEqual([])
    expect(lane.done).toBe(5n)
  })

  test('accepts by what is queued, not by what is done', async () => {
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

  test('commits the offset after the last of the batch, whether that was visible or not', async () => {
    await openAt(5)
    lane.offer(batchOf([5], { last: 8 }))
    await settle()
    expect(task.processed).toEqual(['5 -> 9'])
    expect(lane.offer(batchOf([9]))).toBe(true)
  })

  test('commits past a stretch without any visible record', async () => {
    await openAt(5)
    lane.skipped(5n, 8n)
    await settle()
    expect(task.processed).toEqual([' -> 9'])
    expect(lane.done).toBe(9n)
  })

  test('does not believe a skipped stretch that begins further on, or that is known', async () => {
    await openAt(5)
    lane.skipped(6n, 8n)
    lane.skipped(2n, 4n)
    await settle()
    expect(task.processed).toEqual([])
    lane.skipped(3n, 6n)
    await settle()
    expect(task.processed).toEqual([' -> 7'])
  })

  test('the same gap for ever is missing data: the lane doubts, and opens again', async () => {
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

  test('gaps that heal in between are none', async () => {
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

  test('join small batches up to the limit', async () => {
    expect(await chunksOf([[1]], [[2, 3]], [[4]], [[5]])).toEqual(['1,2,3,4 -> 5', '5 -> 6'])
  })

  test('never cut a batch to fill up another', async () => {
    expect(await chunksOf([[1, 2]], [[3, 4, 5]])).toEqual(['1,2 -> 3', '3,4,5 -> 6'])
  })

  test('cut a batch that is larger than the limit; only its last part reaches the end of the batch', async () => {
    expect(await chunksOf([span(1, 10), { last: 12 }])).toEqual(['1,2,3,4 -> 5', '5,6,7,8 -> 9', '9 -> 13'])
  })

  test('cut at a hole commit up to the next record, which costs nothing to see again', async () => {
    expect(await chunksOf([[1, 2, 3, 4, 9]])).toEqual(['1,2,3,4 -> 9', '9 -> 10'])
  })

  test('join stretches without records too', async () => {
    expect(await chunksOf([[1, 2, 3, 4]], [[], { from: 5, last: 6 }], [[7]])).toEqual(['1,2,3,4 -> 7', '7 -> 8'])
  })
})

describe('I10: back-pressure', () => {
  test('pauses above the bound of records and resumes below half of it', async () => {
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

  test('pauses above the bound of bytes: a small record can pin a whole fetch', async () => {
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
    // What is being processed is in memory, too.
    expect([lane.queuedRecords, control.paused]).toEqual([1, true])
    chunks[1]?.open()
    await settle()
    expect([lane.queuedRecords, control.paused]).toEqual([0, false])
  })

  test('has a share of the bytes of all lanes, which can become smaller at any time', async () => {
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

  test('does not resume while it is drained: what comes then is refused', async () => {
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

  test('counts the bytes of a batch that is cut until its last part is taken', async () => {
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

  test('a batch that was on its way when it paused is taken: it was fetched in order', async () => {
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
  test('looks at the log, then seeks to where it accepts, not to what was committed, and sets the resume again', async () => {
    await openAt(5)
    lane.offer(batchOf([5, 6], { highWatermark: 100 }))
    await settle()
    lane.reassigned()
    expect(control.calls).toEqual(['pause'])
    await settle()
    expect(task.calls.at(-1)).toBe('verify 7')
    expect(control.calls).toEqual(['pause', 'seek 7', 'resume'])
  })

  test('sets the pause again while its queue is full', async () => {
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

  test('only pauses a lane that is not open, which a consumer that started anew has forgotten', async () => {
    task.onOpen = stuck
    newLane()
    control.calls.length = 0
    lane.reassigned()
    expect(control.calls).toEqual(['pause'])
  })
})

describe('a log that may have lost records (I2, I3)', () => {
  const stop = new DefinedStop('LOG_TRUNCATED', 'it did')

  /** An open lane that has accepted 0 and 1 of a leader. */
  async function acceptedUnderEpoch4(): Promise<void> {
    await openAt(0)
    lane.offer(batchOf([0, 1], { leaderEpoch: 4, highWatermark: 100 }))
    await settle()
    control.calls.length = 0
  }

  test.each([5, 3])('is looked at before a batch of another leader (epoch %i) is accepted', async (leaderEpoch) => {
    await acceptedUnderEpoch4()
    const looked = gate()
    task.onVerify = () => looked.promise
    expect(lane.offer(batchOf([2, 3], { leaderEpoch, highWatermark: 100 }))).toBe(false)
    await settle()
    expect(lane.offer(batchOf([2, 3], { leaderEpoch, highWatermark: 100 }))).toBe(false)
    expect([task.calls.at(-1), control.paused]).toEqual(['verify 2', true])
    looked.open()
    await settle()
    expect(control.calls.slice(-2)).toEqual(['seek 2', 'resume'])
    expect(lane.offer(batchOf([2, 3], { leaderEpoch, highWatermark: 100 }))).toBe(true)
    // Once is enough.
    await settle()
    expect(lane.offer(batchOf([4], { leaderEpoch, highWatermark: 100 }))).toBe(true)
    expect(task.calls.filter((call) => call.startsWith('verify'))).toEqual(['verify 2'])
    expect(task.processed).toEqual(['0,1 -> 2', '2,3 -> 4'])
  })

  test('is asked where the last record ended that was accepted, under its leader', async () => {
    const asked: unknown[] = []
    await acceptedUnderEpoch4()
    task.onVerify = async (next, read) => void asked.push(next, read)
    lane.offer(batchOf([2], { leaderEpoch: 5, highWatermark: 100 }))
    await settle()
    expect(asked).toEqual([2n, { offset: 2n, leaderEpoch: 4 }])
  })

  test('is looked at when its high watermark is below what was accepted', async () => {
    await acceptedUnderEpoch4()
    expect(lane.offer(batchOf([0], { leaderEpoch: 4, highWatermark: 1 }))).toBe(false)
    await settle()
    expect(task.calls.at(-1)).toBe('verify 2')
  })

  test('that did ends the process, and nothing more is processed or skipped', async () => {
    await acceptedUnderEpoch4()
    task.onVerify = async () => {
      throw stop
    }
    lane.offer(batchOf([2], { leaderEpoch: 5, highWatermark: 100 }))
    await settle()
    expect(control.fatals).toEqual([stop])
    expect(task.processed).toEqual(['0,1 -> 2'])
  })

  test('what is queued and not begun waits for the look, too', async () => {
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

  test('that nobody can tell yet is asked again, and nothing is accepted meanwhile', async () => {
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

  test('after the opening, the committed position counts as the last one that was accepted', async () => {
    task.start = { offset: 5n, highWatermark: 100n, read: { offset: 5n, leaderEpoch: 2 } }
    newLane()
    await settle()
    expect(lane.offer(batchOf([5], { leaderEpoch: 3, highWatermark: 100 }))).toBe(false)
    await settle()
    expect(task.calls.at(-1)).toBe('verify 5')
  })
})

describe('doubt', () => {
  test('after any error: pauses, forgets its queue, closes the task and waits for the group before it opens again', async () => {
    await openAt(0)
    task.onProcess = async () => {
      throw new Error('the outcome is unknown')
    }
    lane.offer(batchOf([0, 1]))
    lane.offer(batchOf([2]))
    await settle()
    expect(lane.state).toBe('doubt')
    expect(lane.queuedRecords).toBe(0)
    expect(control.calls).toEqual(['pause', 'asks the group'])
    expect(task.calls).toEqual(['open', 'process 0,1,2 -> 3', 'close'])
    expect(lane.offer(batchOf([3]))).toBe(false)
    expect(control.fatals).toEqual([])

    task.onProcess = async () => {}
    task.start = { offset: 2n, highWatermark: 100n, read: null }
    control.confirm()
    await settle()
    // Where to go on is what the broker says now, not what the lane believed.
    expect(control.calls.slice(2)).toEqual(['pause', 'seek 2', 'resume'])
    expect([lane.state, lane.done]).toEqual(['open', 2n])
    lane.offer(batchOf([2]))
    await settle()
    expect(task.processed.at(-1)).toBe('2 -> 3')
  })

  test('is a warning, unless the task only wants to be opened again', async () => {
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

  test('is said at growing distances while the same happens again and again, and told with its reason', async () => {
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

  test('and opening again are no progress, unless a server was away', async () => {
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

  test('also when opening or idling fails', async () => {
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

  test('is not for a defined stop: that ends the process with its reason', async () => {
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
  test('only when everything that is known to be there is processed', async () => {
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

  test('again after the interval, not in between', async () => {
    newLane()
    await settle()
    await vi.advanceTimersByTimeAsync(999)
    expect(task.calls).toEqual(['open', 'idle'])
    await vi.advanceTimersByTimeAsync(1)
    expect(task.calls).toEqual(['open', 'idle', 'idle'])
  })
})

describe('drain', () => {
  test('finishes and commits the present chunk, and starts nothing of what is queued', async () => {
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

  test('gives up what does not finish within the grace', async () => {
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

  test('gives up at once what only waits: an opening, or the group', async () => {
    task.onOpen = stuck
    newLane()
    const draining = lane.drain(5_000)
    await settle()
    await draining
    expect(task.calls).toEqual(['open', 'close'])
  })

  test('does not wait for the group when the last chunk failed: nothing opens again', async () => {
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

  test('ends a lane that has nothing to do', async () => {
    await openAt(0)
    await lane.drain(5_000)
    expect(task.calls).toEqual(['open', 'close'])
  })
})

describe('close', () => {
  test('aborts what runs, drops what is queued, and resumes: a pause would outlive the assignment', async () => {
    await openAt(0)
    task.onProcess = stuck
    lane.offer(batchOf(span(0, 4)))
    await settle()
    lane.offer(batchOf(span(4, 16)))
    expect(control.paused).toBe(true)
    await lane.close()
    expect(task.calls).toEqual(['open', 'process 0,1,2,3 -> 4', 'close'])
    expect([lane.state, lane.queuedRecords, lane.done, control.paused]).toEqual(['closed', 0, 0n, false])
    expect(control.calls).not.toContain('asks the group')
  })

  test('of a lane that is opening: nothing is sought, and the task is closed', async () => {
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

  test('an error after it is nobody’s', async () => {
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
  test('processes a lone record at once, and gathers what follows until the interval is over', async () => {
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

  test('does not hold back a whole chunk', async () => {
    await openAt(0, { chunkIntervalMs: 10_000 })
    lane.offer(batchOf([0]))
    await settle()
    lane.offer(batchOf([1, 2, 3, 4]))
    await settle()
    expect(task.processed).toEqual(['0 -> 1', '1,2,3,4 -> 5'])
  })

  test('does not hold back a drain', async () => {
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

describe('the last word of a drained lane', () => {
  test('is asked for while the partition is still ours', async () => {
    await openAt(0)
    await lane.drain(5_000)
    expect(task.drainedCount).toBe(1)
  })

  test('is not asked for when the partition was taken away', async () => {
    await openAt(0)
    await lane.close()
    expect(task.drainedCount).toBe(0)
  })
})
