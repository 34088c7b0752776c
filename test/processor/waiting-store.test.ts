import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type LaneStore, WaitingStore, type WaitReport } from '../../src/processor/waiting-store.ts'
import { RedisUnavailableError } from '../../src/redis/redis-errors.ts'

const AWAY = new RedisUnavailableError('REDIS_UNREACHABLE', 'Redis does not answer')

let reports: string[]
const report = {
  waiting: (reason: string) => reports.push(`waiting: ${reason}`),
  going: () => reports.push('going'),
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  reports = []
})

afterEach(() => {
  vi.useRealTimers()
})

/** A call that fails the given number of times, then succeeds. */
function failing(times: number, error: unknown = AWAY) {
  let calls = 0
  return vi.fn(async () => {
    calls += 1
    if (calls <= times) {
      throw error
    }
    return true
  })
}

/** One call of a store that waits. */
function isWhole(call: () => Promise<boolean>, to: WaitReport, signal: AbortSignal): Promise<boolean> {
  return new WaitingStore({ isWhole: call } as unknown as LaneStore, to, signal).isWhole(3)
}

test('reports nothing if the store answers at once', async () => {
  expect(await isWhole(failing(0), report, new AbortController().signal)).toBe(true)
  expect(reports).toEqual([])
})

test('waits until the store answers, reports why, and reports when it continues', async () => {
  const call = failing(3)
  const waiting = isWhole(call, report, new AbortController().signal)
  await vi.advanceTimersByTimeAsync(1_000)
  expect(await waiting).toBe(true)
  expect(call).toHaveBeenCalledTimes(4)
  expect(reports).toEqual([...Array(3).fill('waiting: Redis does not answer'), 'going'])
})

test('pauses between attempts while the store is unavailable', async () => {
  const call = failing(1_000)
  const abort = new AbortController()
  const waiting = isWhole(call, report, abort.signal).catch(() => {})
  await vi.advanceTimersByTimeAsync(1_000)
  expect(call.mock.calls.length).toBeLessThanOrEqual(11)
  abort.abort()
  await waiting
})

test.each([
  ['an error that is not retriable', Object.assign(new Error('WRONGTYPE'), { retriable: false })],
  ['an error without that property', new TypeError('a bug')],
])('gives up at once on %s: it is a defect, not a state', async (_what, error) => {
  await expect(isWhole(failing(1, error), report, new AbortController().signal)).rejects.toBe(error)
  expect(reports).toEqual([])
})

test('gives up when aborted, and no longer reports a wait', async () => {
  const abort = new AbortController()
  const waiting = isWhole(failing(1_000), report, abort.signal)
  const rejected = expect(waiting).rejects.toBe(AWAY)
  await vi.advanceTimersByTimeAsync(150)
  abort.abort()
  await rejected
  expect(reports.at(-1)).toBe('going')
})

test('ends the wait when the store then fails with an error of another kind', async () => {
  const bug = new TypeError('a bug')
  const call = vi.fn().mockRejectedValueOnce(AWAY).mockRejectedValueOnce(bug)
  const rejected = expect(isWhole(call, report, new AbortController().signal)).rejects.toBe(bug)
  await vi.advanceTimersByTimeAsync(1_000)
  await rejected
  expect(reports).toEqual(['waiting: Redis does not answer', 'going'])
})

test.each([
  ['read', [3, ['jpm:a']]],
  ['sizes', [3, ['jpm:a']]],
  ['write', [3, 'before', 'after', []]],
  ['reset', [3, null, 'after']],
  ['due', [3, 1_000, 500]],
  ['isWhole', [3]],
] as const)('%s waits, and repeats exactly the same call', async (name, args) => {
  const call = vi.fn().mockRejectedValueOnce(AWAY).mockResolvedValueOnce('answer')
  const store = new WaitingStore({ [name]: call } as unknown as LaneStore, report, new AbortController().signal)
  const answer = (store[name] as (...of: readonly unknown[]) => Promise<unknown>)(...args)
  await vi.advanceTimersByTimeAsync(100)
  expect(await answer).toBe('answer')
  expect(call.mock.calls).toEqual([args, args])
})
