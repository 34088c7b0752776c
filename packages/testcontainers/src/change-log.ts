/** One record of `payments.status.changes` as `paystatus tail --json` prints it: the fields of its Avro schema. */
export interface StatusChange {
  readonly paymentKey: string
  readonly incarnation: number
  readonly statusVersion: number
  readonly verdict: string
  readonly statusBefore: string | null
  readonly statusAfter: string
  readonly statusChanged: boolean
  readonly finality: string
  readonly endToEndId: string | null
  readonly attention: readonly string[]
  readonly recordedAt: number
  readonly [field: string]: unknown
}

/**
 * All published changes, in the order in which they were read from the output of `paystatus tail --json`.
 */
export class ChangeLog {
  readonly #changes: StatusChange[] = []
  readonly #waiting = new Set<() => void>()
  #partialLine = ''

  /** Adds a piece of output; lines may be split between pieces. Ignores lines that are not changes, such as warnings. */
  write(piece: string): void {
    const lines = (this.#partialLine + piece).split('\n')
    this.#partialLine = lines.pop() ?? ''
    for (const line of lines) {
      const change = parseChange(line)
      if (change !== undefined) {
        this.#changes.push(change)
      }
    }
    for (const look of this.#waiting) {
      look()
    }
  }

  all(): readonly StatusChange[] {
    return [...this.#changes]
  }

  of(paymentKey: string): readonly StatusChange[] {
    return this.#changes.filter((change) => change.paymentKey === paymentKey)
  }

  /**
   * Resolves with the first change that gave a payment a status, even if it was published before the call. Rejects after
   * `timeoutMs` with the statuses published instead.
   */
  awaitStatus(paymentKey: string, status: string, timeoutMs: number): Promise<StatusChange> {
    return this.#await(paymentKey, ({ statusAfter }) => statusAfter === status, status, timeoutMs)
  }

  /** Like `awaitStatus`, for the first change of a payment that `fits`. */
  awaitChange(paymentKey: string, fits: (change: StatusChange) => boolean, timeoutMs: number): Promise<StatusChange> {
    return this.#await(paymentKey, fits, 'as awaited', timeoutMs)
  }

  #await(
    paymentKey: string,
    fits: (change: StatusChange) => boolean,
    what: string,
    timeoutMs: number,
  ): Promise<StatusChange> {
    const { promise, resolve, reject } = Promise.withResolvers<StatusChange>()
    const look = () => {
      const change = this.of(paymentKey).find(fits)
      if (change !== undefined) {
        resolve(change)
      }
    }
    const timer = setTimeout(() => {
      const steps = this.of(paymentKey).map(({ statusAfter }) => statusAfter)
      const found = steps.length === 0 ? 'nothing was published about it' : `its statuses were ${steps.join(', ')}`
      reject(new Error(`${paymentKey} was not ${what} within ${timeoutMs} ms: ${found}`))
    }, timeoutMs)
    this.#waiting.add(look)
    look()
    return promise.finally(() => {
      clearTimeout(timer)
      this.#waiting.delete(look)
    })
  }
}

function parseChange(line: string): StatusChange | undefined {
  if (!line.startsWith('{')) {
    return undefined
  }
  try {
    const value = JSON.parse(line) as StatusChange
    return typeof value.paymentKey === 'string' && typeof value.statusAfter === 'string' ? value : undefined
  } catch {
    return undefined
  }
}
