import { shortReason } from '../stream/short-reason.ts'
import type { Reading } from './world.ts'

export interface ReadRegularlyOptions {
  readonly intervalMs: number
  /** ms since the epoch. */
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>
}

/** Reads a value again and again, so that a page never waits for it. Keeps the last one if reading fails. */
export class RegularReading<T> {
  readonly #read: (signal: AbortSignal) => Promise<T>
  readonly #options: ReadRegularlyOptions
  readonly #stopped = new AbortController()
  #reading: Reading<T> = { value: null, at: null, trouble: null }
  #running: Promise<void> = Promise.resolve()

  constructor(read: (signal: AbortSignal) => Promise<T>, options: ReadRegularlyOptions) {
    this.#read = read
    this.#options = options
  }

  get latest(): Reading<T> {
    return this.#reading
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopped
    const { intervalMs, now, sleep } = this.#options
    while (!signal.aborted) {
      try {
        this.#reading = { value: await this.#read(signal), at: now(), trouble: null }
      } catch (error) {
        this.#reading = { ...this.#reading, trouble: shortReason(error) }
      }
      await sleep(intervalMs, signal).catch(() => {})
    }
  }
}
