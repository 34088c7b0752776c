/**
 * One limit in bytes for all lanes of a process (invariant I10). A lane reserves bytes before it reads, and waits until they
 * are available.
 *
 * Requests are served in order of arrival, whatever their size, so small ones cannot starve a large one. A request larger
 * than the limit is served alone. A lane must not request more while it holds bytes, so no lane can wait for itself.
 */
export class ByteBudget {
  readonly #bytesMax: number
  #used = 0
  readonly #queue: Waiting[] = []

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Whether an owner is in the queue. It makes no progress then, but it is healthy. */
  isWaiting(owner: number): boolean {
    return this.#queue.some((waiting) => waiting.owner === owner)
  }

  /** Bytes held now; never more than the limit. */
  get used(): number {
    return this.#used
  }

  /** Holds `bytes` while `work` runs. Rejects without running it if the signal is aborted while it waits. */
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
        // The next request in the queue may fit now.
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
