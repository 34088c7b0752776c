import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate as macrotask } from 'node:timers/promises'

export interface Actor<A> {
  readonly actor: A
  readonly work: () => Promise<void>
}

/**
 * Lets several processes work at the same time, one step of one of them after the other, in an order that is chosen from
 * outside: the same choices give the same order.
 *
 * A step is whatever calls `turn`: it waits there until it is chosen. What one process asks for at once (three appends)
 * are steps of their own, so an answer can come before, between or after those of another process.
 */
export class Interleaver<A> {
  readonly #who = new AsyncLocalStorage<A>()
  #waiting: (() => void)[] = []

  /** Whose code is running; undefined outside of `run`. */
  get actor(): A | undefined {
    return this.#who.getStore()
  }

  /** Resolves when it is this step's turn. */
  turn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push(resolve)
    return promise
  }

  /** Resolves when all have ended, with what each failed with, or undefined. `choose` gives one of the first `of` numbers. */
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
      // Whoever was chosen comes to his next step, or to his end, before the next choice.
      await macrotask()
      const [go] = this.#waiting.length === 0 ? [] : this.#waiting.splice(choose(this.#waiting.length), 1)
      go?.()
    }
    return Promise.all(ends)
  }
}
