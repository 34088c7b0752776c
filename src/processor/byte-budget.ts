/**
 * One bound of bytes for all lanes of a process (invariant I10). Whoever is about to read much says how much, and waits
 * until there is room.
 *
 * First come, first served, whatever the size: a large request is not passed by small ones, so nobody starves. What is
 * larger than everything is served alone. Nobody may ask for more while it holds something, so nobody waits for itself.
 */
export class ByteBudget {
  readonly #bytesMax: number
  #used = 0
  readonly #queue: Waiting[] = []

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Whether an owner stands in the queue: it does not move, and nothing is wrong with it. */
  isWaiting(owner: number): boolean {
    return this.#queue.some((waiting) => waiting.owner === owner)
  }

  /** Bytes that are held now, at most the bound. */
  get used(): number {
    return this.#used
  }

  /** Holds `bytes` while the work runs. Rejects without running it if the signal aborts while it waits. */
  async use<T>(owner: number, bytes: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const held = Math.min(bytes, this.#bytesMax)
    await this.#granted(owner, held, signal)
    try {
      return await work()
    } finally {
      this.#used -= held
      this.#serve()
    }
  }

  async #granted(owner: number, bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiting: Waiting = { owner, bytes, grant: resolve }
    const leave = () => {
      const at = this.#queue.indexOf(waiting)
      if (at >= 0) {
        this.#queue.splice(at, 1)
        reject(signal.reason as Error)
        // Who stood behind it may fit.
        this.#serve()
      }
    }
    this.#queue.push(waiting)
    signal.addEventListener('abort', leave)
    this.#serve()
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  #serve(): void {
    for (let first = this.#queue[0]; first !== undefined && this.#fits(first); first = this.#queue[0]) {
      this.#queue.shift()
      this.#used += first.bytes
      first.grant()
    }
  }

  #fits({ bytes }: Waiting): boolean {
    return this.#used + bytes <= this.#bytesMax
  }
}

interface Waiting {
  readonly owner: number
  readonly bytes: number
  readonly grant: () => void
}
