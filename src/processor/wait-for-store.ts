/** Tells the health check why a lane stands still, and that it goes on. */
export interface WaitReport {
  waiting(reason: string): void
  going(): void
}

const PAUSE_MS = 100

/**
 * Runs a call on the state store until the store answers. The store being away is a state, not an error: nothing is
 * guessed and nothing is committed meanwhile. Rejects only with what is not retriable, or when `signal` is aborted.
 */
export async function waitForStore<T>(call: () => Promise<T>, report: WaitReport, signal: AbortSignal): Promise<T> {
  for (let waited = false; ; waited = true) {
    try {
      const result = await call()
      if (waited) {
        report.going()
      }
      return result
    } catch (error) {
      if (!isRetriable(error) || signal.aborted) {
        // Whoever gives up waits no more: a partition that moved away must not keep the process from being ready.
        if (waited) {
          report.going()
        }
        throw error
      }
      report.waiting((error as Error).message)
      await pause(signal)
    }
  }
}

function isRetriable(error: unknown): boolean {
  return error instanceof Error && 'retriable' in error && error.retriable === true
}

function pause(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, PAUSE_MS)
    signal.addEventListener('abort', done)
  })
}
