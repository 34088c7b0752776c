import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { benchCallback } from '../bench/callbacks.ts'
import { percentile } from '../harness/percentile.ts'
import type { RawCaller } from './raw-caller.ts'

/**
 * Sends a callback every 1/`rate` s, whether or not answers arrive. Answer times are in ms, from the moment when a callback was
 * due.
 */
export async function openLoop(caller: RawCaller, rate: number, seconds: number) {
  const total = rate * seconds
  const answerMs: number[] = []
  let refused = 0
  const settled = Promise.withResolvers<void>()
  const startedAt = performance.now()
  for (let sent = 0; sent < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * rate))
    for (; sent < due; sent += 1) {
      const at = startedAt + (sent * 1_000) / rate
      caller.post(benchCallback(randomUUID(), 0), (status) => {
        answerMs.push(performance.now() - at)
        refused += status === 204 ? 0 : 1
        if (answerMs.length === total) {
          settled.resolve()
        }
      })
    }
    await delay(1)
  }
  await settled.promise
  const at = (share: number) => Number((percentile(answerMs, share) ?? 0).toFixed(1))
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), refused }
}
