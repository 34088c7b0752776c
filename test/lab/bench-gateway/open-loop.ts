import { randomUUID } from 'node:crypto'
import { benchCallback } from '../bench/callbacks.ts'
import { atRate } from '../harness/at-rate.ts'
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
  await atRate(rate, total, (dueAt) => {
    caller.post(benchCallback(randomUUID(), 0), (status) => {
      answerMs.push(performance.now() - dueAt)
      refused += status === 204 ? 0 : 1
      if (answerMs.length === total) {
        settled.resolve()
      }
    })
  })
  await settled.promise
  const at = (share: number) => Number((percentile(answerMs, share) ?? 0).toFixed(1))
  return { p50: at(0.5), p99: at(0.99), p999: at(0.999), refused }
}
