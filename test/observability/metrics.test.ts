import { describe, expect, test } from 'vitest'
import type { AnswerCode } from '../../src/observability/answer-codes.ts'
import { Metrics } from '../../src/observability/metrics.ts'
import { DEAD_LETTER_REASONS } from '../../src/providers/provider.ts'

function metricsOf(): Metrics {
  return new Metrics({ sources: ['jpm', 'instamed'], processMetrics: false })
}

describe('Metrics', () => {
  test('counts answers by source and code, and how long they took', async () => {
    const metrics = metricsOf()
    metrics.gateway.answered('jpm', 200, 0.02)
    metrics.gateway.answered('jpm', 200, 0.2)
    metrics.gateway.answered('none', 404, 0.001)
    metrics.gateway.disconnected('instamed')
    const text = await metrics.registry.metrics()
    expect(text).toContain('paystatus_gateway_requests_total{source="jpm",code="200"} 2')
    expect(text).toContain('paystatus_gateway_requests_total{source="none",code="404"} 1')
    expect(text).toContain('paystatus_gateway_requests_total{source="instamed",code="disconnected"} 1')
    expect(text).toContain('paystatus_gateway_answer_seconds_count{source="jpm"} 2')
    expect(text).toContain('paystatus_gateway_answer_seconds_bucket{le="0.025",source="jpm"} 1')
  })

  test('restricts labels to closed lists, whatever it is given (I9, I10)', async () => {
    const metrics = metricsOf()
    const before = (await metrics.registry.metrics()).split('\n').length
    for (let n = 0; n < 100; n += 1) {
      metrics.gateway.answered(`4111-${n}`, (600 + n) as AnswerCode, 0.1)
      metrics.gateway.disconnected(`4111-${n}`)
    }
    const text = await metrics.registry.metrics()
    expect(text).not.toContain('4111')
    expect(text).toContain('paystatus_gateway_requests_total{source="none",code="other"} 100')
    expect(text.split('\n').length - before).toBeLessThanOrEqual(1)
  })

  test('has every series of a closed list from the start, so that a rate sees the first increment', async () => {
    const text = await metricsOf().registry.metrics()
    for (const reason of Object.keys(DEAD_LETTER_REASONS)) {
      expect(text).toContain(`paystatus_normalizer_dead_letters_total{reason="${reason}"} 0`)
    }
    for (const verdict of ['applied', 'late', 'revision', 'conflict', 'unknown', 'duplicate', 'deadLetter']) {
      expect(text).toContain(`paystatus_processor_verdicts_total{verdict="${verdict}"} 0`)
    }
    expect(text).toContain('paystatus_normalizer_drift_total{provider="instamed",kind="field"} 0')
    expect(text).toContain('paystatus_gateway_requests_total{source="instamed",code="503"} 0')
    expect(text).toContain('paystatus_processor_transactions_total{outcome="committed"} 0')
    expect(text).toContain('paystatus_processor_restore_seconds_count{kind="rebuild"} 0')
  })

  test('says when a source last had a callback accepted; before the first one, when the process started', async () => {
    let now = 1_000_000
    const metrics = new Metrics({ sources: ['jpm', 'instamed'], processMetrics: false, now: () => now })
    expect(await metrics.registry.metrics()).not.toContain('last_accepted_timestamp_seconds{')
    metrics.gateway.watchSources([{ id: 'jpm' }, { id: 'instamed' }])
    now = 2_000_000
    metrics.gateway.answered('jpm', 204, 0.01)
    now = 3_000_000
    metrics.gateway.answered('jpm', 503, 0.01)
    metrics.gateway.answered('none', 404, 0.01)
    const text = await metrics.registry.metrics()
    expect(text).toContain('paystatus_gateway_last_accepted_timestamp_seconds{source="jpm"} 2000\n')
    expect(text).toContain('paystatus_gateway_last_accepted_timestamp_seconds{source="instamed"} 1000\n')
  })

  test('shows the ages of the oldest records left, as they are at the scrape', async () => {
    const metrics = metricsOf()
    let ages: [number, number][] = [[3, 1_500]]
    metrics.runtime.watchAges('processor', () => ages)
    expect(await metrics.registry.metrics()).toContain('paystatus_lag_seconds{stage="processor",partition="3"} 1.5')
    ages = []
    expect(await metrics.registry.metrics()).not.toContain('paystatus_lag_seconds{')
  })

  test('counts unaccounted records whichever way they do not add up (I2, I8)', async () => {
    const metrics = metricsOf()
    expect(await metrics.registry.metrics()).toContain('paystatus_unaccounted_records_total{stage="normalizer"} 0')
    metrics.runtime.unaccounted('normalizer', 2)
    metrics.runtime.unaccounted('normalizer', -1)
    metrics.runtime.unaccounted('processor', 0)
    const text = await metrics.registry.metrics()
    expect(text).toContain('paystatus_unaccounted_records_total{stage="normalizer"} 3')
    expect(text).toContain('paystatus_unaccounted_records_total{stage="processor"} 0')
  })

  test('reads the waiting records only on a scrape', async () => {
    const metrics = metricsOf()
    expect(await metrics.registry.metrics()).toContain('paystatus_gateway_waiting_records 0')
    metrics.gateway.watchWaiting({ waitingRecords: 7, waitingBytes: 700 })
    const text = await metrics.registry.metrics()
    expect(text).toContain('paystatus_gateway_waiting_records 7')
    expect(text).toContain('paystatus_gateway_waiting_bytes 700')
  })

  test('counts lanes by state and removes the lag of a partition that moved away', async () => {
    const metrics = metricsOf()
    metrics.runtime.setLanes('processor', ['open', 'open', 'opening'])
    metrics.runtime.setLag('processor', 3, 12n)
    let text = await metrics.registry.metrics()
    expect(text).toContain('paystatus_lanes{stage="processor",state="open"} 2')
    expect(text).toContain('paystatus_lanes{stage="processor",state="doubt"} 0')
    expect(text).toContain('paystatus_lag_records{stage="processor",partition="3"} 12')
    metrics.runtime.setLanes('processor', [])
    metrics.runtime.setLag('processor', 3, null)
    text = await metrics.registry.metrics()
    expect(text).toContain('paystatus_lanes{stage="processor",state="open"} 0')
    expect(text).not.toContain('paystatus_lag_records{')
  })

  test('reads on each scrape how many dead letters are open', async () => {
    const metrics = metricsOf()
    let count = 2
    metrics.runtime.watchDeadLetters({ series: () => [[{ topic: 'dlq', reason: 'empty-body' }, count]] })
    expect(await metrics.registry.metrics()).toContain('paystatus_dead_letters_open{topic="dlq",reason="empty-body"} 2')
    count = 1
    expect(await metrics.registry.metrics()).toContain('paystatus_dead_letters_open{topic="dlq",reason="empty-body"} 1')
  })

  test('includes process metrics by default', async () => {
    const metrics = new Metrics({ sources: [] })
    expect(await metrics.registry.metrics()).toContain('process_resident_memory_bytes')
  })
})
