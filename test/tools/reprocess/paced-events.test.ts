import { expect, test } from 'vitest'
import { PacedEvents } from '../../../src/tools/reprocess/paced-events.ts'
import { sampleEvent } from '../../avro/samples.ts'
import { CODECS } from '../../processor/status-world.ts'

/** A log whose clock moves only by sleeping. */
function paced(ratePerSecond: number, fail: (append: number) => boolean = () => false) {
  const appends: { at: number; records: number }[] = []
  const reached: string[] = []
  let now = 0
  const events = new PacedEvents(
    {
      log: {
        partitions: 1,
        append: async (_, records) => {
          if (fail(appends.length)) {
            throw new Error('not acknowledged')
          }
          appends.push({ at: now, records: records.length })
        },
      },
      codec: CODECS.event,
      clock: () => now,
      sleep: async (ms) => {
        now += ms
      },
      crashPoint: (point) => reached.push(point),
    },
    ratePerSecond,
  )
  return { events, appends, reached, now: () => now }
}

const some = (count: number) => Array.from({ length: count }, () => sampleEvent())

test.each([
  [10, 25, 1],
  [200, 500, 20],
  [100_000, 1_700, 500],
])('at %i events a second, %i events take their time, in portions of at most %i', async (rate, count, portion) => {
  const { events, appends, now } = paced(rate)
  await events.add(some(count))
  await events.flush()
  expect(events.published).toBe(count)
  expect(Math.max(...appends.map(({ records }) => records))).toBe(portion)
  // The last portion is not waited for.
  expect(now()).toBeCloseTo((1_000 * (count - (appends.at(-1)?.records ?? 0))) / rate)
  for (const [index, { at }] of appends.entries()) {
    const before = appends.slice(0, index).reduce((sum, { records }) => sum + records, 0)
    expect(before).toBeLessThanOrEqual((at * rate) / 1_000 + 0.001)
  }
})

test('counts only what was acknowledged, and passes its crash points around each append', async () => {
  const { events, reached } = paced(10, (append) => append === 2)
  await expect(events.add(some(5))).rejects.toThrow('not acknowledged')
  expect(events.published).toBe(2)
  const [before, after] = ['reprocess:before-append', 'reprocess:after-append']
  expect(reached).toEqual([before, after, before, after, before])
  expect([...events.partitions]).toEqual([0])
})

test('flushing nothing appends nothing', async () => {
  const { events, appends } = paced(10)
  await events.flush()
  expect([appends, [...events.partitions]]).toEqual([[], []])
})
