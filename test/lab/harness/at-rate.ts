import { setTimeout as delay } from 'node:timers/promises'

/**
 * Calls `send` `rate` times per second, `total` times, whatever becomes of the calls. `dueAt` is when a call should have been
 * made, by `performance.now()`: a late sender counts as latency.
 */
export async function atRate(rate: number, total: number, send: (dueAt: number, index: number) => void): Promise<void> {
  const startedAt = performance.now()
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * rate))
    for (; sent < due; sent += 1) {
      send(startedAt + ((sent + 1) * 1_000) / rate, sent)
    }
    await delay(1)
  }
}
