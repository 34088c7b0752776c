import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as macrotask } from 'node:timers/promises'

export interface Actor<A> {
  readonly actor: A
  readonly work: () => Promise<void>
}

/**
 * Runs several processes concurrently, one step at a time, in an order chosen by the caller: the same choices give the same
 * order.
 *
 * A step starts with a call of `turn`, which waits until it is chosen. Concurrent requests of one process (three appends) are
 * separate steps, so their answers can come before, between or after those of another process.
 */
export class Interleaver<A> {
  readonly #who = new AsyncLocalStorage<A>()
  #waiting: (() => void)[] = []

  /** The actor whose code is running; undefined outside of `run`. */
  get actor(): A | undefined {
    return this.#who.getStore()
  }

  /** Resolves when it is this step's turn. */
  turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    return promise
  }

  /** Resolves when all actors have ended, with the error of each or undefined. `choose` returns an integer from 0 to `of` - 1. */
  async run(actors: readonly Actor<A>[], choose: (of: number) => number): Promise<readonly unknown[]> {
    let working = actors.length
    const ends = actors.map(({ actor, work }) =>
      this.#who.run(actor, async () => {
        try {
          await this.turn()
          await work()
          return undefined
        } catch (error) {
          return error ?? new Error('rejected with nothing')
        } finally {
          working -= 1
        }
      }),
    )
    while (working > 0 || this.#waiting.length > 0) {
      // The chosen process reaches its next step, or its end, before the next choice.
      await macrotask()
      const [go] = this.#waiting.length === 0 ? [] : this.#waiting.splice(choose(this.#waiting.length), 1)
      go?.()
    }
    return Promise.all(ends)
  }
}
