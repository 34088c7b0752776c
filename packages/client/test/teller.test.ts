import { DatabaseSync } from 'node:sqlite'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Change } from '../src/change.ts'
import type { Observation } from '../src/observation.ts'
import { sqliteStore } from '../src/sqlite-store.ts'
import { Teller } from '../src/teller.ts'

const NEVER = new AbortController().signal
const change = (statusVersion: number, kind: 'state' | 'forgotten' = 'state', incarnation = 1): Change =>
  ({ kind, paymentKey: 'a', version: { incarnation, statusVersion }, payment: {} }) as Change

afterEach(() => {
  vi.useRealTimers()
})

test('a handler that throws is told the same change again, with growing pauses, and nothing else meanwhile', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const told: number[] = []
  const observed: Observation[] = []
  const handler = (one: Change) => {
    told.push(one.version.statusVersion)
    if (told.length < 4) {
      throw new Error('database is down')
    }
  }
  const teller = Teller.atLeastOnce(handler, 1, (observation) => observed.push(observation))
  const done = teller.tell(change(7), 0, NEVER)
  await vi.advanceTimersByTimeAsync(60_000)
  await done
  expect(told).toEqual([7, 7, 7, 7])
  expect(observed.map((one) => (one.type === 'handler-failed' ? one.retryInMs : one.type))).toEqual([
    100,
    200,
    400,
    'handled',
  ])
})

test('a failing handler is no longer called after the client was stopped', async () => {
  const stop = new AbortController()
  const handler = vi.fn(() => {
    stop.abort(new Error('stopped'))
    throw new Error('fails')
  })
  const teller = Teller.atLeastOnce(handler, 1, () => {})
  await expect(teller.tell(change(1), 0, stop.signal)).rejects.toThrow('stopped')
  expect(handler).toHaveBeenCalledTimes(1)
})

test.each([
  [1, 1],
  [2, 2],
])('with concurrency %i, no more than %i calls overlap', async (concurrency, most) => {
  let running = 0
  let seen = 0
  const handler = async () => {
    running += 1
    seen = Math.max(seen, running)
    await new Promise((resolve) => setImmediate(resolve))
    running -= 1
  }
  const teller = Teller.atLeastOnce(handler, concurrency, () => {})
  await Promise.all([1, 2, 3, 4].map((version) => teller.tell(change(version), version, NEVER)))
  expect(seen).toBe(most)
})

describe('with a store', () => {
  function inSqlite() {
    const database = new DatabaseSync(':memory:')
    database.exec('CREATE TABLE effects (version INTEGER) STRICT')
    let fails = false
    const teller = Teller.exactlyOnce(
      async (one, tx) => {
        tx.prepare('INSERT INTO effects VALUES (?)').run(one.version.statusVersion)
        await new Promise((resolve) => setImmediate(resolve))
        if (fails) {
          throw new Error('after its work')
        }
      },
      sqliteStore(database),
      4,
      () => {},
    )
    return {
      tell: (one: Change, signal = NEVER) => teller.tell(one, 0, signal),
      effects: () =>
        database
          .prepare('SELECT version FROM effects ORDER BY rowid')
          .all()
          .map(({ version }) => version),
      fail: (value: boolean) => {
        fails = value
      },
    }
  }

  test('a change that is told again has no second effect', async () => {
    const { tell, effects } = inSqlite()
    await tell(change(1))
    await tell(change(2))
    await tell(change(1))
    await tell(change(2))
    expect(effects()).toEqual([1, 2])
  })

  test('a handler that fails after its work leaves nothing behind, and the change is told again', async () => {
    const { tell, effects, fail } = inSqlite()
    fail(true)
    const stop = new AbortController()
    const told = tell(change(1), stop.signal)
    await vi.waitFor(() => expect(effects()).toEqual([]))
    stop.abort(new Error('crashed'))
    await expect(told).rejects.toThrow('crashed')
    expect(effects()).toEqual([])
    fail(false)
    await tell(change(1))
    expect(effects()).toEqual([1])
  })

  test('transactions of several partitions do not mix', async () => {
    const { tell, effects } = inSqlite()
    await Promise.all([1, 2, 3].map((version) => tell(change(version))))
    expect(effects()).toEqual([1, 2, 3])
  })

  test('a payment that was forgotten goes on with its next life, and a late end of the former is ignored', async () => {
    const { tell, effects } = inSqlite()
    await tell(change(5))
    await tell(change(5, 'forgotten'))
    await tell(change(4))
    await tell(change(1, 'state', 2))
    await tell(change(5, 'forgotten'))
    expect(effects()).toEqual([5, 5, 1])
  })

  test('the name of the table must be a plain identifier', () => {
    expect(() => sqliteStore(new DatabaseSync(':memory:'), 'a; DROP TABLE b')).toThrow(TypeError)
  })
})
