import { describe, expect, test } from 'vitest'
import { searchPayments } from '../../src/console/search-payments.ts'
import type { ConsoleWorld } from '../../src/console/world.ts'
import { fakeWorld, paymentOf } from './fake-world.ts'

/** While the index is being built, it proposes some payments, and the view others. */

const NEVER = new AbortController().signal
const IDS = { endToEndId: 'E2E', references: [] }

function loadingWorld(indexed: readonly string[], inView: readonly string[]) {
  const world = fakeWorld()
  const states = new Map(
    [...indexed, ...inView].map((key, index) => [
      key,
      paymentOf([{ ...IDS, paymentKey: key, eventId: `${index}` }]).state,
    ]),
  )
  for (const key of indexed) {
    world.board.addState(states.get(key) as NonNullable<ReturnType<typeof states.get>>)
  }
  let asked = 0
  const loading: ConsoleWorld = {
    ...world,
    feed: { ...world.feed, progress: { phase: 'loading', read: 0.5, trouble: null } },
    load: async (keys) =>
      new Map(
        keys.flatMap((key) => {
          const state = states.get(key)
          return state === undefined ? [] : [[key, { state, from: 'view' as const }]]
        }),
      ),
    findWithoutIndex: async () => {
      asked += 1
      return inView.flatMap((key) => states.get(key) ?? [])
    },
  }
  return { world: loading, asked: () => asked }
}

async function keysOf(world: ConsoleWorld, offset = 0, limit = 20) {
  const { payments, next } = await searchPayments(world, 'E2E', offset, limit, NEVER)
  return { keys: payments.map(({ state }) => state.paymentKey), next }
}

describe('while the index is being built', () => {
  test('payments that it does not have yet are found, too, each once', async () => {
    const { world } = loadingWorld(['jpm:a'], ['jpm:a', 'jpm:b'])
    expect(await keysOf(world)).toEqual({ keys: ['jpm:a', 'jpm:b'], next: null })
  })

  test('an entry of the index that leads to another payment hides nothing', async () => {
    const { world } = loadingWorld([], ['jpm:b'])
    const { state } = paymentOf([{ paymentKey: 'jpm:collides', endToEndId: 'E2E', references: [], eventId: 'x' }])
    // It is on the board, and does not exist any more.
    world.board.addState(state)
    expect(await keysOf(world)).toEqual({ keys: ['jpm:b'], next: null })
  })

  test('they come page by page', async () => {
    const { world } = loadingWorld(['jpm:a'], ['jpm:a', 'jpm:b', 'jpm:c'])
    expect(await keysOf(world, 0, 2)).toEqual({ keys: ['jpm:a', 'jpm:b'], next: 2 })
    expect(await keysOf(world, 2, 2)).toEqual({ keys: ['jpm:c'], next: null })
  })
})

test('the index alone answers once it is built', async () => {
  const { world, asked } = loadingWorld(['jpm:a'], ['jpm:a', 'jpm:b'])
  const built = { ...world, feed: fakeWorld().feed }
  expect(await keysOf(built)).toEqual({ keys: ['jpm:a'], next: null })
  expect(asked()).toBe(0)
})
