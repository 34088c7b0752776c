import { beforeAll, expect, test } from 'vitest'
import { partitionOf } from '../../../src/stream/partition-of.ts'
import { SCENARIO_NAMES } from '../../../src/tools/conformance/scenarios.ts'
import { comparePairs, pairOf } from '../../../src/tools/conformance/table-row.ts'
import { type Story, tellStory } from '../../../src/tools/conformance/tell-story.ts'
import { topicNames } from '../../../src/topics.ts'
import { codecsOf } from '../../processor/status-world.ts'

const PARTITIONS = 4
let story: Story

beforeAll(() => {
  const codecs = codecsOf()
  story = tellStory({
    scenarios: SCENARIO_NAMES,
    topics: topicNames('kit.'),
    codecs,
    newer: codecs,
    partitions: PARTITIONS,
    manyPayments: 5,
  })
})

test('every record is in the partition of its key, and the last partition stays empty', () => {
  for (const { partition, record } of story.writes) {
    expect(partition).toBe(partitionOf(Buffer.from(record.key), PARTITIONS))
  }
  expect(new Set(story.writes.map(({ partition }) => partition))).toEqual(new Set([0, 1, 2]))
})

test('what a payment must be at the end is its greatest committed pair in current; only the forgotten have none', () => {
  const committed = story.writes.filter(({ topic, committed: isCommitted }) => topic === 'current' && isCommitted)
  for (const [paymentKey, { presence, row }] of story.expectedAfter.closing) {
    const of = committed.filter(({ about }) => about.paymentKey === paymentKey)
    const pairs = of.flatMap(({ about }) => (about.pair === null ? [] : [about.pair]))
    expect([paymentKey, pairs.toSorted(comparePairs).at(-1)]).toEqual([
      paymentKey,
      pairs.length === 0 ? undefined : pairOf(row),
    ])
    const isForgotten = of.length === 0 || of.at(-1)?.about.pair === null
    expect([paymentKey, presence === 'row']).toEqual([paymentKey, !isForgotten])
  }
})

test('each phase ends with the payments by which the kit knows that everything was handled', () => {
  for (const phase of ['start', 'live', 'newer', 'away', 'closing'] as const) {
    const keys = story.writes.filter((write) => write.phase === phase).map(({ about }) => about.paymentKey)
    expect(new Set(keys.slice(-2 * story.lastWritten.size))).toEqual(story.lastWritten)
  }
})

test('the same options give the same story', () => {
  const codecs = codecsOf()
  const options = { topics: topicNames('kit.'), codecs, newer: codecs, partitions: PARTITIONS, manyPayments: 5 }
  expect(tellStory({ ...options, scenarios: SCENARIO_NAMES })).toEqual(story)
})
