import { beforeEach, describe, expect, test } from 'vitest'
import type { Lane, LaneState } from '../../src/stream/lane.ts'
import type { TopicFacts } from '../../src/stream/topic-logs.ts'
import { Watchdog } from '../../src/stream/watchdog.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'

const STALL_MS = 1_000

let now: number
let lanes: ReturnType<typeof laneOf>[]
let waiting: Set<number>
let ends: Map<number, bigint> | Error
let facts: TopicFacts
let suspected: number[]
let lags: Map<number, bigint | null>
let broker: [reachable: boolean, reason: string][]
let stalls: string[]
let watchdog: Watchdog

function laneOf(partition: number, state: LaneState, done: bigint, progress = 0) {
  return {
    partition,
    state,
    done,
    wasOpen: true,
    committed: done,
    pulse: `${done} ${progress}`,
    trouble: null as string | null,
    suspect: () => suspected.push(partition),
  }
}

beforeEach(() => {
  now = 0
  lanes = [laneOf(0, 'open', 5n)]
  waiting = new Set()
  ends = new Map([[0, 9n]])
  facts = { id: 'a', partitions: 1 }
  suspected = []
  lags = new Map()
  broker = []
  stalls = []
  watchdog = new Watchdog({
    topic: 'payments.events',
    offsets: {
      highWatermarks: async () => {
        if (ends instanceof Error) {
          throw ends
        }
        return ends
      },
      committed: () => Promise.reject(new Error('not asked')),
      committedAll: () => Promise.reject(new Error('not asked')),
      clusterId: () => Promise.reject(new Error('not asked')),
    },
    logs: { facts: async (topics) => new Map(topics.map((topic) => [topic, facts])) },
    lanes: () => lanes as unknown as Lane[],
    waiting: (partition) => waiting.has(partition),
    intervalMs: 100,
    stallMs: STALL_MS,
    now: () => now,
    logger: SILENT,
    onLag: (partition, lag) => lags.set(partition, lag),
    onBroker: (reachable, reason) => broker.push([reachable, reason]),
    onStalled: (error) => stalls.push(error.message),
  })
})

/** Runs one check at a time, ms. */
async function lookAt(moment: number): Promise<void> {
  now = moment
  await watchdog.check()
}

describe('a stall', () => {
  test('is work without progress for longer than the limit, and the message says where', async () => {
    await lookAt(0)
    await lookAt(STALL_MS)
    expect(stalls).toEqual([])
    await lookAt(STALL_MS + 1)
    expect(stalls).toEqual([
      expect.stringMatching(
        /^payments\.events\[0\] has made no progress for 1001 ms: its next offset is 5, 4 records are left, and its lane is in state open\. Nothing was skipped/,
      ),
    ])
  })

  test('is not reported while the partition has no leader; its reported lag does not change', async () => {
    await lookAt(0)
    ends = new Map([[1, 3n]])
    await lookAt(10 * STALL_MS)
    expect(stalls).toEqual([])
    expect(lags).toEqual(new Map([[0, 4n]]))
    ends = new Map([[0, 9n]])
    await lookAt(10 * STALL_MS + 1)
    await lookAt(11 * STALL_MS)
    expect(stalls).toEqual([])
  })

  test('is not reported while there is progress', async () => {
    for (let at = 0; at <= 4; at += 1) {
      lanes = [laneOf(0, 'open', 5n + BigInt(at))]
      await lookAt(at * STALL_MS)
    }
    expect(stalls).toEqual([])
  })

  test('is not reported while there is nothing to do; its time starts with the first work', async () => {
    ends = new Map([[0, 5n]])
    await lookAt(0)
    await lookAt(10 * STALL_MS)
    ends = new Map([[0, 6n]])
    await lookAt(11 * STALL_MS)
    expect(stalls).toEqual([])
    await lookAt(12 * STALL_MS)
    expect(stalls).toHaveLength(1)
  })

  test('is not reported while the stage waits for Redis; its time starts when the wait ends', async () => {
    waiting = new Set([0])
    await lookAt(0)
    await lookAt(10 * STALL_MS)
    waiting = new Set()
    await lookAt(11 * STALL_MS)
    expect(stalls).toEqual([])
    await lookAt(12 * STALL_MS)
    expect(stalls).toHaveLength(1)
  })

  test('is not reported while the brokers are unreachable; its time restarts when they answer', async () => {
    await lookAt(0)
    ends = new Error('ECONNREFUSED')
    await lookAt(STALL_MS)
    ends = new Map([[0, 9n]])
    facts = { id: 'a', partitions: 1 }
    suspected = []
    await lookAt(2 * STALL_MS)
    expect(stalls).toEqual([])
    expect(broker).toEqual([
      [true, ''],
      [false, 'the brokers do not answer: ECONNREFUSED'],
      [true, ''],
    ])
  })

  test('is not reported while an opening lane makes progress: a restore can take long', async () => {
    for (let at = 0; at <= 4; at += 1) {
      lanes = [laneOf(0, 'opening', 0n, at)]
      await lookAt(at * STALL_MS)
    }
    expect(stalls).toEqual([])
  })

  test('is reported for a lane that never finishes opening, whether or not there is work', async () => {
    lanes = [laneOf(0, 'opening', 0n)]
    ends = new Map([[0, 0n]])
    await lookAt(0)
    await lookAt(STALL_MS + 1)
    expect(stalls).toEqual([expect.stringContaining('in state opening')])
  })

  test('is reported for a lane that opens, fails and reopens: only commits count as progress (I7)', async () => {
    for (const [at, state] of [
      [0, 'open'],
      [400, 'doubt'],
      [800, 'opening'],
      [STALL_MS + 1, 'open'],
    ] as const) {
      lanes = [{ ...laneOf(0, state, 5n), trouble: 'timestamp out of range (INVALID_TIMESTAMP)' }]
      await lookAt(at)
    }
    expect(stalls).toEqual([
      expect.stringMatching(
        /last error: timestamp out of range .* \(check this machine's clock\)\. Nothing was skipped/,
      ),
    ])
  })

  test('is reported for a lane without lag that keeps failing, for example in its timers', async () => {
    ends = new Map([[0, 5n]])
    lanes = [{ ...laneOf(0, 'open', 5n), trouble: 'timestamp out of range (INVALID_TIMESTAMP)' }]
    await lookAt(0)
    await lookAt(STALL_MS + 1)
    expect(stalls).toHaveLength(1)
  })

  test('is reported for a lane that processes everything and commits nothing', async () => {
    lanes = [{ ...laneOf(0, 'open', 9n), committed: 5n }]
    await lookAt(0)
    await lookAt(STALL_MS + 1)
    expect(stalls).toHaveLength(1)
  })

  test('is reported even if another lane waits for Redis', async () => {
    lanes = [laneOf(0, 'open', 5n), laneOf(1, 'open', 5n)]
    ends = new Map([
      [0, 6n],
      [1, 6n],
    ])
    waiting = new Set([0])
    await lookAt(0)
    await lookAt(STALL_MS + 1)
    expect(stalls).toEqual([expect.stringContaining('payments.events[1]')])
  })

  test('is reported for each partition, whatever the others do', async () => {
    lanes = [laneOf(0, 'open', 5n), laneOf(1, 'doubt', 1n)]
    ends = new Map([
      [0, 5n],
      [1, 2n],
    ])
    await lookAt(0)
    await lookAt(STALL_MS + 1)
    expect(stalls).toEqual([
      expect.stringContaining(
        'payments.events[1] has made no progress for 1001 ms: its next offset is 1, 1 records are left',
      ),
    ])
  })

  test('is not reported for a partition that was revoked and returns at the same offset', async () => {
    await lookAt(0)
    lanes = []
    await lookAt(5 * STALL_MS)
    lanes = [laneOf(0, 'open', 5n)]
    await lookAt(6 * STALL_MS)
    expect(stalls).toEqual([])
  })
})

test('the lag is the number of records left, and never negative', async () => {
  await lookAt(0)
  expect(lags.get(0)).toBe(4n)
  lanes = [laneOf(0, 'open', 11n)]
  await lookAt(1)
  expect(lags.get(0)).toBe(0n)
})

test('the lag of a partition that is reopened is that of what was done before; at the first opening it is unknown', async () => {
  lanes = [laneOf(0, 'opening', 5n), { ...laneOf(1, 'opening', 0n), wasOpen: false }]
  ends = new Map([
    [0, 9n],
    [1, 9n],
  ])
  await lookAt(0)
  expect([...lags]).toEqual([
    [0, 4n],
    [1, null],
  ])
  await lookAt(STALL_MS + 1)
  expect(stalls).toEqual([
    expect.stringContaining('its next offset is 5, 4 records are left, and its lane is in state opening'),
    expect.stringMatching(/has made no progress for 1001 ms: its lane is in state opening/),
  ])
})

test('checks do not overlap', async () => {
  const first = watchdog.check()
  await watchdog.check()
  await first
  expect(broker).toHaveLength(1)
})

describe('lanes must verify their log (I2, I3)', () => {
  test('if the topic was recreated or given more partitions, even without new records', async () => {
    ends = new Map([[0, 5n]])
    await lookAt(0)
    await lookAt(1)
    expect(suspected).toEqual([])
    facts = { id: 'b', partitions: 1 }
    await lookAt(2)
    expect(suspected).toEqual([0])
    facts = { id: 'b', partitions: 2 }
    await lookAt(3)
    await lookAt(4)
    expect(suspected).toEqual([0, 0])
  })
})
