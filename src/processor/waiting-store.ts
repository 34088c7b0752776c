import { sleep } from '../sleep.ts'
import type { StateStore } from './state-store.ts'

/** Tells the health check why a lane is blocked, and that it continues. */
export interface WaitReport {
  waiting(reason: string): void
  going(): void
}

/** The part of the state store that a lane uses; the rest is for tools. */
export type LaneStore = Pick<StateStore, 'read' | 'sizes' | 'write' | 'reset' | 'due' | 'isWhole'>

const PAUSE_MS = 100

/**
 * A state store that waits until the underlying store is available. Unavailability is not an error: the caller waits, and
 * meanwhile nothing is guessed and nothing is committed.
 *
 * Every call is repeated every 100 ms, which is safe (see StateStore). It rejects only with an error that is not
 * retriable, or once `signal` is aborted.
 */
export class WaitingStore implements LaneStore {
  readonly #store: LaneStore
  readonly #report: WaitReport
  readonly #signal: AbortSignal

  constructor(store: LaneStore, report: WaitReport, signal: AbortSignal) {
    this.#store = store
    this.#report = report
    this.#signal = signal
  }

  read(...args: Parameters<LaneStore['read']>) {
    return this.#answer(() => this.#store.read(...args))
  }

  sizes(...args: Parameters<LaneStore['sizes']>) {
    return this.#answer(() => this.#store.sizes(...args))
  }

  write(...args: Parameters<LaneStore['write']>) {
    return this.#answer(() => this.#store.write(...args))
  }

  reset(...args: Parameters<LaneStore['reset']>) {
    return this.#answer(() => this.#store.reset(...args))
  }

  due(...args: Parameters<LaneStore['due']>) {
    return this.#answer(() => this.#store.due(...args))
  }

  isWhole(...args: Parameters<LaneStore['isWhole']>) {
    return this.#answer(() => this.#store.isWhole(...args))
  }

  async #answer<T>(call: () => Promise<T>): Promise<T> {
    for (let waited = false; ; waited = true) {
      try {
        const result = await call()
        if (waited) {
          this.#report.going()
        }
        return result
      } catch (error) {
        if (!isRetriable(error) || this.#signal.aborted) {
          // The wait is over: a partition that moved away must not keep the process from becoming ready.
          if (waited) {
            this.#report.going()
          }
          throw error
        }
        this.#report.waiting((error as Error).message)
        await sleep(PAUSE_MS, this.#signal).catch(() => {})
      }
    }
  }
}

function isRetriable(error: unknown): boolean {
  return error instanceof Error && 'retriable' in error && error.retriable === true
}
