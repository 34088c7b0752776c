import { expect, test, vi } from 'vitest'
import type { PartitionTask } from '../../src/stream/partition-task.ts'
import { traced } from '../../src/stream/trace-tasks.ts'

const BATCH = { stage: 'normalizer', topic: 'raw', partition: 3 }
const RECORD = { offset: 7n, key: null, value: null, headers: {}, timestamp: 0 }

function taskOf(process: PartitionTask['process']) {
  return {
    committed: 4n,
    open: vi.fn(async () => ({ offset: 4n, highWatermark: 9n, read: null })),
    process: vi.fn(process),
    verify: vi.fn(async () => {}),
    idle: vi.fn(async () => {}),
    drained: vi.fn(async () => {}),
    close: vi.fn(async () => {}),
  }
}

test('without tracing the task stays itself', () => {
  const task = taskOf(async () => {})
  expect(traced(task, BATCH, undefined)).toBe(task)
})

test('a batch runs within its span, and its failure reaches the lane', async () => {
  const failure = new Error('no')
  const task = taskOf(() => Promise.reject(failure))
  const trace = vi.fn((_: unknown, work: () => Promise<void>) => work())
  const { signal } = new AbortController()
  await expect(traced(task, BATCH, trace).process([RECORD], 8n, signal)).rejects.toBe(failure)
  expect(trace.mock.calls[0]?.[0]).toEqual({ ...BATCH, records: [RECORD] })
  expect(task.process).toHaveBeenCalledWith([RECORD], 8n, signal)
})

test('a batch that only advances the offset has no span', async () => {
  const task = taskOf(async () => {})
  const trace = vi.fn()
  await traced(task, BATCH, trace).process([], 8n, new AbortController().signal)
  expect([task.process.mock.calls.length, trace.mock.calls.length]).toEqual([1, 0])
})

test('everything else is the task\u2019s', async () => {
  const task = taskOf(async () => {})
  const wrapped = traced(task, BATCH, vi.fn())
  const { signal } = new AbortController()
  const onProgress = () => {}
  expect(wrapped.committed).toBe(4n)
  expect(await wrapped.open(signal, onProgress)).toMatchObject({ offset: 4n })
  await wrapped.verify(9n, null)
  await wrapped.idle(signal)
  await wrapped.drained(signal)
  await wrapped.close()
  expect(task.open).toHaveBeenCalledWith(signal, onProgress)
  expect(task.verify).toHaveBeenCalledWith(9n, null)
  expect(task.idle).toHaveBeenCalledWith(signal)
  expect(task.drained).toHaveBeenCalledWith(signal)
  expect(task.close).toHaveBeenCalled()
})
