import { expect, test } from 'vitest'
import { type Comparison, describe } from './comparison.ts'
import { PARTS, type Pass } from './part.ts'

const pass = (callbacksPerSecond: number, own: number[], redis: number | null): Pass => ({
  callbacksPerSecond,
  cpuMicros: { own, broker: 5, redis },
  peakMiB: { own: own.map((micros) => micros * 10), broker: 400, redis: redis === null ? null : 30 },
})
const part = (name: string) => PARTS.find((one) => one.name === name) as (typeof PARTS)[number]
const COMPARISON: Comparison = {
  at: '2026-01-02T03:04:05Z',
  commit: 'abc1234',
  cpus: 2,
  node: 'v24.1.0',
  java: '17.0.1',
  payments: 100_000,
  callbacks: 305_251,
  partitions: 6,
  parts: [
    {
      part: part('ours-two'),
      passes: [pass(30_000.4, [11, 14], 3.04), pass(20_000, [31, 34], 9), pass(40_000, [1, 4], 1)],
    },
    { part: part('streams-2-cold'), passes: [pass(53_500, [27.25], null), pass(53_499, [29], null)] },
  ],
}

test('a row shows one whole pass, the one with the median speed, and the range', () => {
  expect(describe(COMPARISON)).toContain(
    '\n| paystatus, two processes | 30,000 (20,000 to 40,000) | 11.0 + 14.0 | 5.0 | 3.0 | 33.0 | 110 + 140 | 400 | 30 |\n',
  )
})

test('of two passes it is the slower; a part without Redis leaves these cells empty', () => {
  expect(describe(COMPARISON)).toContain(
    '\n| Kafka Streams, two hops, cold JVM | 53,499 (53,499 to 53,500) | 29.0 | 5.0 |  | 34.0 | 290 | 400 |  |\n',
  )
})

test('says how much was processed, how often, and on which commit', () => {
  const text = describe(COMPARISON).replaceAll('\n', ' ')
  expect(text).toContain('2026-01-02, commit abc1234, 2 cores')
  expect(text).toContain('305,251 callbacks of 100,000 payments')
  expect(text).toContain('Counted rounds: 3;')
})

test('describes Redpanda Connect only if it was measured', () => {
  expect(describe(COMPARISON)).toContain('was not measured')
  const measured = { part: part('connect'), passes: [pass(12_000, [103], 4)] }
  expect(describe({ ...COMPARISON, parts: [...COMPARISON.parts, measured] })).not.toContain('was not measured')
})
