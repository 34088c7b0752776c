import { beforeEach, expect, test, vi } from 'vitest'
import { Health } from '../../src/observability/health.ts'
import type { Logger } from '../../src/observability/log.ts'
import { Metrics } from '../../src/observability/metrics.ts'
import { RedisWaits } from '../../src/stages/redis-waits.ts'

let health: Health
let metrics: Metrics
let logged: string[]
let waits: RedisWaits

beforeEach(() => {
  health = new Health()
  metrics = new Metrics({ sources: [] })
  logged = []
  const logger = {
    warn: ({ reason, times }: { reason: string; times: number }) => logged.push(`warn ${reason} ${times}`),
    info: (text: string) => logged.push(`info ${text}`),
  } as unknown as Logger
  waits = new RedisWaits(health, metrics, logger)
})

const redis = () => health.readiness().components['redis']

async function waitsCounted(): Promise<number | undefined> {
  const text = await metrics.registry.metrics()
  return Number(/^paystatus_processor_redis_waits_total (\d+)$/m.exec(text)?.[1])
}

test('Redis counts as ready before the first wait', () => {
  expect(redis()).toMatchObject({ ok: true })
  expect(waits.has(0)).toBe(false)
})

test('Redis is not ready, with the reason, until the last waiting partition continues', () => {
  waits.reportOf(0).waiting('Redis does not answer')
  waits.reportOf(1).waiting('Redis does not answer')
  expect(redis()).toMatchObject({ ok: false, reason: 'Redis does not answer' })
  expect([waits.has(0), waits.has(1), waits.has(2)]).toEqual([true, true, false])
  waits.reportOf(0).going()
  expect(redis()).toMatchObject({ ok: false })
  expect([waits.has(0), waits.has(1)]).toEqual([false, true])
  waits.reportOf(1).going()
  expect(redis()).toMatchObject({ ok: true })
})

test('a wait is counted once per partition, however often it is reported', async () => {
  const report = waits.reportOf(0)
  report.waiting('x')
  report.waiting('x')
  waits.reportOf(1).waiting('x')
  expect(await waitsCounted()).toBe(2)
  report.going()
  report.waiting('x')
  expect(await waitsCounted()).toBe(3)
})

test('a long wait is logged at growing intervals, and its end once', () => {
  vi.useFakeTimers({ toFake: ['performance'] })
  try {
    const report = waits.reportOf(0)
    for (let second = 0; second < 60; second += 1) {
      report.waiting('full')
      vi.advanceTimersByTime(1_000)
    }
    expect(logged).toEqual(['warn full 1', 'warn full 10', 'warn full 20'])
    report.going()
    report.going()
    expect(logged.slice(3)).toEqual(['info Redis answers again'])
  } finally {
    vi.useRealTimers()
  }
})

test('the end of a wait that was not logged is not logged either', () => {
  const report = waits.reportOf(0)
  report.waiting('x')
  report.going()
  report.waiting('x')
  report.going()
  expect(logged).toEqual(['warn x 1', 'info Redis answers again'])
})
