import { expect, test } from 'vitest'
import { RegistryUnreachableError, SchemaNotRegisteredError, withRetry } from '../../src/avro/schema-registry.ts'

const DOWN = new RegistryUnreachableError('http://registry', 'connection refused')

test('a registry that is down is retried until it is up, and every failure is reported', async () => {
  const told: unknown[] = []
  let calls = 0
  const answer = await withRetry(
    async () => {
      calls++
      if (calls < 5) {
        throw DOWN
      }
      return 'up'
    },
    {
      signal: new AbortController().signal,
      onRetry: (error, failures, delayMs) => told.push([error.message, failures, delayMs]),
      delayMs: 1,
      delayMsMax: 4,
    },
  )
  expect(answer).toBe('up')
  const message = 'schema registry http://registry cannot be reached: connection refused'
  expect(told).toEqual([
    [message, 1, 1],
    [message, 2, 2],
    [message, 3, 4],
    [message, 4, 4],
  ])
})

test('an error that is not retriable is passed on at once', async () => {
  let calls = 0
  const attempt = async () => {
    calls++
    throw new SchemaNotRegisteredError('payments.events-value')
  }
  const options = { signal: new AbortController().signal, onRetry: () => expect.unreachable() }
  await expect(withRetry(attempt, options)).rejects.toThrow(SchemaNotRegisteredError)
  expect(calls).toBe(1)
})

test('waiting ends when the process is stopped', async () => {
  const stop = new AbortController()
  const waiting = withRetry(() => Promise.reject(DOWN), {
    signal: stop.signal,
    onRetry: () => stop.abort(new Error('stopping')),
    delayMs: 60_000,
    delayMsMax: 60_000,
  })
  await expect(waiting).rejects.toThrow('stopping')
})
