import { setTimeout as delay } from 'node:timers/promises'

/** Repeats an attempt until it does not throw and returns its result. After the deadline, throws the last error. */
export async function eventually<T>(
  attempt: () => Promise<T> | T,
  { timeoutMs = 60_000, everyMs = 50 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > deadline) {
        throw error
      }
      await delay(everyMs)
    }
  }
}
