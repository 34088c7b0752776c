import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { sleep } from '../src/sleep.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('sleep ends after its time, and not before', async () => {
  let ended = false
  const slept = sleep(100).then(() => {
    ended = true
  })
  await vi.advanceTimersByTimeAsync(99)
  expect(ended).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  await slept
  expect(ended).toBe(true)
})

test('a sleep that is longer than a timer of Node.js does not end at once', async () => {
  const onEnd = vi.fn()
  void sleep(30 * 86_400_000).then(onEnd)
  await vi.advanceTimersByTimeAsync(86_400_000)
  expect(onEnd).not.toHaveBeenCalled()
})

test('an aborted sleep rejects at once with the reason and leaves no timer behind (I10)', async () => {
  const controller = new AbortController()
  const slept = sleep(100, controller.signal)
  controller.abort(new Error('stopping'))
  await expect(slept).rejects.toThrow('stopping')
  await expect(sleep(100, controller.signal)).rejects.toThrow('stopping')
  expect(vi.getTimerCount()).toBe(0)
})
