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

test('an aborted sleep rejects at once with the reason and leaves no timer behind (I10)', async () => {
  const controller = new AbortController()
  const slept = sleep(100, controller.signal)
  controller.abort(new Error('stopping'))
  await expect(slept).rejects.toThrow('stopping')
  await expect(sleep(100, controller.signal)).rejects.toThrow('stopping')
  expect(vi.getTimerCount()).toBe(0)
})

test('a sleep that is longer than a timer can be ends in time, and when it is aborted', async () => {
  const days = 86_400_000
  const controller = new AbortController()
  let ended = false
  const slept = sleep(60 * days).then(() => {
    ended = true
  })
  const aborted = sleep(Number.POSITIVE_INFINITY, controller.signal)
  await vi.advanceTimersByTimeAsync(60 * days - 1)
  expect(ended).toBe(false)
  await vi.advanceTimersByTimeAsync(1)
  await slept
  controller.abort(new Error('stopping'))
  await expect(aborted).rejects.toThrow('stopping')
  expect(vi.getTimerCount()).toBe(0)
})
