import { type CurrentRecord, type Forgotten, PaymentTable } from './payment-table.ts'

/** Forgotten payments that nobody has asked for yet; they are few, and after 7 days the topic has no trace of them either. */
const FORGOTTEN_MAX = 100_000

interface Waiter {
  readonly offset: bigint
  readonly resolve: () => void
  readonly reject: (reason: unknown) => void
}

/** The table of one partition of `current`, and how far it has been read. Does no I/O. */
export class FollowedPartition {
  readonly partition: number
  readonly table = new PaymentTable()
  #position = 0n
  #waiters: Waiter[] = []
  #forgotten: Forgotten[] = []
  #onForgotten: (() => void) | undefined
  #stopped: unknown
  /** Whether the table was complete once. */
  isReady = false

  constructor(partition: number) {
    this.partition = partition
  }

  /** The next offset to read. */
  get position(): bigint {
    return this.#position
  }

  /** Takes what was read from `position` on, up to `next`. */
  take(records: readonly CurrentRecord[], next: bigint): void {
    for (const record of records) {
      const forgotten = this.table.apply(record)
      if (forgotten !== null) {
        this.#forgotten.push(forgotten)
      }
    }
    if (this.#forgotten.length > FORGOTTEN_MAX) {
      this.#forgotten = this.#forgotten.slice(-FORGOTTEN_MAX)
    }
    this.#position = next
    const reached = this.#waiters.filter(({ offset }) => offset <= next)
    this.#waiters = this.#waiters.filter(({ offset }) => offset > next)
    for (const { resolve } of reached) {
      resolve()
    }
    if (this.#forgotten.length > 0) {
      this.#onForgotten?.()
    }
  }

  /** The log is another one: everything is read again from `start`. */
  beginAgain(start: bigint): void {
    this.table.clear()
    this.#position = start
  }

  /** Resolves once everything before `offset` is in the table. Rejects if the partition is no longer followed. */
  reached(offset: bigint): Promise<void> {
    if (this.#stopped !== undefined) {
      return Promise.reject(this.#stopped)
    }
    if (this.#position >= offset) {
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => this.#waiters.push({ offset, resolve, reject }))
  }

  /** The payments that were forgotten since this was called last, in order. */
  takeForgotten(): readonly Forgotten[] {
    const forgotten = this.#forgotten
    this.#forgotten = []
    return forgotten
  }

  /** Returns what was taken and not handled. */
  giveBack(forgotten: readonly Forgotten[]): void {
    this.#forgotten = [...forgotten, ...this.#forgotten]
  }

  /** `look` is called whenever there is something to take; undefined to be called no more. */
  onForgotten(look: (() => void) | undefined): void {
    this.#onForgotten = look
  }

  stop(reason: unknown): void {
    this.#stopped = reason
    for (const { reject } of this.#waiters) {
      reject(reason)
    }
    this.#waiters = []
  }
}
