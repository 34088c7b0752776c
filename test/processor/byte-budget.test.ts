import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ByteBudget } from '../../src/processor/byte-budget.ts'

const { signal } = new AbortController()

/** Work that ends on request. */
function held(budget: ByteBudget, owner: number, bytes: number, of: AbortSignal = signal) {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const state = { begun: false, ended: false, failed: undefined as unknown, release: resolve, fail: reject }
  const done = budget
    .use(owner, bytes, of, async () => {
      state.begun = true
      await promise
    })
    .then(
      () => {
        state.ended = true
      },
      (error: unknown) => {
        state.failed = error
      },
    )
  return Object.assign(state, { done })
}

/** Lets all pending promises settle. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) {
    await Promise.resolve()
  }
}

describe('a budget of bytes (I10)', () => {
  test('admits requests that fit, and the rest once bytes are released', async () => {
    const budget = new ByteBudget(100)
    const [a, b, c] = [held(budget, 1, 60), held(budget, 2, 40), held(budget, 3, 1)]
    await settle()
    expect([a.begun, b.begun, c.begun, budget.used]).toEqual([true, true, false, 100])
    expect([budget.isWaiting(1), budget.isWaiting(3)]).toEqual([false, true])
    b.release()
    await settle()
    expect([c.begun, budget.used, budget.isWaiting(3)]).toEqual([true, 61, false])
  })

  test('does not let small requests overtake a large one, so that it cannot starve', async () => {
    const budget = new ByteBudget(100)
    const first = held(budget, 1, 60)
    const large = held(budget, 2, 90)
    const small = held(budget, 3, 10)
    await settle()
    expect([large.begun, small.begun]).toEqual([false, false])
    first.release()
    await settle()
    expect([large.begun, small.begun]).toEqual([true, true])
  })

  test('serves a request larger than the limit alone', async () => {
    const budget = new ByteBudget(100)
    const [small, huge] = [held(budget, 1, 1), held(budget, 2, 1_000)]
    await settle()
    expect(huge.begun).toBe(false)
    small.release()
    await settle()
    expect([huge.begun, budget.used]).toEqual([true, 100])
    huge.release()
    await huge.done
    expect(budget.used).toBe(0)
  })

  test('releases the bytes when the work fails, and rejects with its error', async () => {
    const budget = new ByteBudget(100)
    const [failing, next] = [held(budget, 1, 100), held(budget, 2, 100)]
    await settle()
    failing.fail(new Error('broker'))
    await failing.done
    await settle()
    expect([failing.failed, next.begun]).toEqual([new Error('broker'), true])
  })

  test('drops a waiting request that is aborted, and serves those behind it', async () => {
    const budget = new ByteBudget(100)
    const gone = new AbortController()
    const first = held(budget, 1, 60)
    const large = held(budget, 2, 90, gone.signal)
    const small = held(budget, 3, 40)
    await settle()
    gone.abort(new Error('the partition is gone'))
    await large.done
    expect([large.begun, large.failed, small.begun]).toEqual([false, new Error('the partition is gone'), true])
    await expect(budget.use(4, 1, gone.signal, async () => 'never')).rejects.toThrow('the partition is gone')
    first.release()
    small.release()
    await Promise.all([first.done, small.done])
    expect(budget.used).toBe(0)
  })

  test('never exceeds its limit, and serves requests in order of arrival, even if some are aborted', async () => {
    const request = fc.record({ bytes: fc.nat({ max: 150 }), givesUp: fc.boolean(), turns: fc.nat({ max: 4 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(request, { maxLength: 30 }), async (requests) => {
        const budget = new ByteBudget(100)
        const begun: number[] = []
        let inside = 0
        await Promise.all(
          requests.map(async ({ bytes, givesUp, turns }, index) => {
            const owner = new AbortController()
            const running = budget.use(index, bytes, owner.signal, async () => {
              begun.push(index)
              inside += Math.min(bytes, 100)
              expect(inside).toBeLessThanOrEqual(100)
              for (let turn = 0; turn < turns; turn += 1) {
                await Promise.resolve()
              }
              inside -= Math.min(bytes, 100)
            })
            if (givesUp) {
              await Promise.resolve()
              owner.abort(new Error('gives up'))
            }
            await running.catch(() => {})
          }),
        )
        expect(begun).toEqual(begun.toSorted((a, b) => a - b))
        const stayed = requests.flatMap(({ givesUp }, index) => (givesUp ? [] : [index]))
        expect(begun.filter((index) => stayed.includes(index))).toEqual(stayed)
        expect(budget.used).toBe(0)
      }),
    )
  })
})
