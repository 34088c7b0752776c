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
