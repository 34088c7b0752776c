import { expect, test } from 'vitest'
import { EventTimes } from '../../src/observability/event-times.ts'
import { Metrics } from '../../src/observability/metrics.ts'

test('observes receipt to commit and lateness by provider; unknown ones share a series (I9, I10)', async () => {
  const metrics = new Metrics({ sources: [], processMetrics: false })
  const times = new EventTimes(metrics.processor, ['instamed'])
  times.recorded(
    [
      { provider: 'instamed', receivedAt: 9_800, occurredAt: 2_800, traceId: null },
      { provider: 'instamed', receivedAt: 8_000, occurredAt: null, traceId: null },
      { provider: '4111-1111', receivedAt: 9_000, occurredAt: 9_500, traceId: null },
    ],
    10_000,
  )
  const text = await metrics.registry.metrics()
  expect(text).toContain('paystatus_status_seconds_bucket{le="0.25",provider="instamed"} 1')
  expect(text).toContain('paystatus_status_seconds_count{provider="instamed"} 2')
  expect(text).toContain('paystatus_callback_lateness_seconds_sum{provider="instamed"} 7')
  expect(text).toContain('paystatus_callback_lateness_seconds_bucket{le="0",provider="other"} 1')
  expect(text).not.toContain('4111')
})
