import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { ReadLimit, ReadLimitError } from '../../src/console/read-limit.ts'

const NEVER = new AbortController().signal

/** Readings that end when they are told to. */
function readings(limit: ReadLimit) {
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<void>>()
  const start = (name: string, signal = NEVER) => {
    const end = Promise.withResolvers<void>()
    ends.set(name, end)
    return limit.run(signal, async () => {
      begun.push(name)
      await end.promise
      return name
    })
  }
  const end = async (name: string) => {
    ends.get(name)?.resolve()
    await nextTurn()
  }
  return { begun, start, end, fail: (name: string) => ends.get(name)?.reject(new Error(name)) }
}

test('runs a few readings at once, the others in order of arrival, and refuses more', async () => {
  const { begun, start, end } = readings(new ReadLimit(2, 2))
  const started = ['a', 'b', 'c', 'd'].map((name) => start(name))
  await expect(start('e')).rejects.toThrow(ReadLimitError)
  expect(begun).toEqual(['a', 'b'])
  await end('b')
  expect(begun).toEqual(['a', 'b', 'c'])
  started.push(start('f'))
  for (const name of ['a', 'c', 'd', 'f']) {
    await end(name)
  }
  expect(await Promise.all(started)).toEqual(['a', 'b', 'c', 'd', 'f'])
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'f'])
})

test('a reading that fails makes room', async () => {
  const { begun, start, end, fail } = readings(new ReadLimit(1, 1))
  const failing = start('a')
  const next = start('b')
  fail('a')
  await expect(failing).rejects.toThrow('a')
  await nextTurn()
  await end('b')
  expect([await next, begun]).toEqual(['b', ['a', 'b']])
})

test('whoever is gone does not wait, and never begins', async () => {
  const { begun, start, end } = readings(new ReadLimit(1, 1))
  const first = start('a')
  const gone = new AbortController()
  const left = start('b', gone.signal)
  gone.abort()
  await expect(left).rejects.toThrow('aborted')
  await expect(start('c', gone.signal)).rejects.toThrow('aborted')
  const next = start('d')
  await end('a')
  await end('d')
  expect([await first, await next, begun]).toEqual(['a', 'd', ['a', 'd']])
})
