/** The longest timer of Node.js, ms: a longer one ends after 1 ms. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** Resolves after `ms`, however long that is. Rejects with the signal's reason as soon as the signal is aborted. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return ms > TIMER_MAX_MS
    ? timer(TIMER_MAX_MS, signal).then(() => sleep(ms - TIMER_MAX_MS, signal))
    : timer(ms, signal)
}

function timer(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(waiting)
      reject(signal?.reason as Error)
    }
    const waiting = setTimeout(() => {
      signal?.removeEventListener('abort', abort)
      resolve()
    }, ms)
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted) {
      abort()
    }
  })
}
