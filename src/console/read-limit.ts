/** So many readings are running and waiting that another one is refused. */
export class ReadLimitError extends Error {
  override readonly name = 'ReadLimitError'
  readonly code = 'READS_BUSY'
  /** When to try again, s. */
  readonly retryAfter = 5
}

/**
 * Lets a few readings of topics run at once and a few more wait, in order of arrival: each costs the brokers and this process, and
 * whoever may look at pages can ask for any number.
 */
export class ReadLimit {
  readonly #runningMax: number
  readonly #waitingMax: number
  readonly #waiting = new Set<() => void>()
  #running = 0

  constructor(runningMax: number, waitingMax: number) {
    this.#runningMax = runningMax
    this.#waitingMax = waitingMax
  }

  /** Rejects with ReadLimitError if too many wait, and with the signal's reason if it aborts before the reading begins. */
  async run<T>(signal: AbortSignal, read: () => Promise<T>): Promise<T> {
    await this.#enter(signal)
    try {
      return await read()
    } finally {
      this.#leave()
    }
  }

  async #enter(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (this.#running < this.#runningMax) {
      this.#running += 1
      return
    }
    if (this.#waiting.size >= this.#waitingMax) {
      throw new ReadLimitError('too many readings of topics are running and waiting')
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = () => {
      this.#waiting.delete(resolve)
      reject(signal.reason)
    }
    this.#waiting.add(resolve)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }

  /** Hands the place to the one that has waited longest. */
  #leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#running -= 1
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
