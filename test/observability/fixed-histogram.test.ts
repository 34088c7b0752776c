import { Histogram, Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { FixedHistogram } from '../../src/observability/fixed-histogram.ts'

const OPTIONS = { name: 'x_seconds', help: 'How long.', labelNames: ['of' as const], buckets: [0.1, 1, 10] }

test('it prints what a histogram of prom-client prints', async () => {
  const [theirs, ours] = [new Registry(), new Registry()]
  const model = new Histogram({ ...OPTIONS, registers: [theirs] })
  const histogram = new FixedHistogram({ ...OPTIONS, registry: ours })
  for (const [of, values] of [
    ['a', [0, 0.1, 0.100001, 1, 5, 10, 11, 1e9, -3]],
    ['b', []],
  ] as const) {
    model.zero({ of })
    histogram.labels({ of })
    for (const value of values) {
      model.observe({ of }, value)
      histogram.labels({ of }).observe(value)
    }
  }
  const lines = (text: string) => text.trim().split('\n')
  expect(lines(await ours.metrics())).toEqual(lines(await theirs.metrics()))
})

test('a bucket shows the latest trace that fell into it, in OpenMetrics only', async () => {
  const registry = new Registry()
  const series = new FixedHistogram({ ...OPTIONS, registry }).labels({ of: 'a' })
  const trace = (digit: string) => digit.repeat(32)
  series.observe(0.5, trace('a'))
  series.observe(0.7, trace('b'))
  series.observe(0.9)
  series.observe(99, trace('c'))
  expect(await registry.metrics()).not.toContain('trace_id')
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
  const exemplars = [...(await registry.metrics()).matchAll(/le="([^"]+)".*# \{trace_id="(.)\w+"\} (\S+) \d/g)]
  expect(exemplars.map(([, ...found]) => found)).toEqual([
    ['1', 'b', '0.7'],
    ['+Inf', 'c', '99'],
  ])
})
