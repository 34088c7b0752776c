import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { PartitionTransactions } from '../../src/stream/transactions.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { Kcat } from '../lab/harness/kcat.ts'
import { TopicBench } from '../lab/harness/topic-bench.ts'

let bench: TopicBench

beforeAll(async () => {
  bench = await TopicBench.create(inject('stack'))
})

afterAll(() => bench?.close())

describe('a compacted topic with holes, aborted transactions and control records', () => {
  const KEYS = ['a', 'b', 'c', 'd', 'e']
  let topic: string
  let transactions: PartitionTransactions
  const expected = new Map<string, string>()

  beforeAll(async () => {
    topic = await bench.createTopic('compacted', {
      'cleanup.policy': 'compact',
      'min.cleanable.dirty.ratio': '0.01',
      'delete.retention.ms': '0',
      'segment.ms': '100',
    })
    transactions = await bench.transactions('compacted', { inputTopic: topic })
    for (let round = 0; round < 8; round += 1) {
      await commit(round % 4 === 3 ? 'gone' : (KEYS[round % KEYS.length] as string), `round ${round}`)
      for (const key of KEYS) {
        await commit(key, `${key} of round ${round}`)
      }
      await abort('aborted', `round ${round}`)
    }
    await commit('gone', null)
    // The active segment is never cleaned: write more records to roll it, until the cleaner has run.
    await eventually(
      async () => {
        await commit('rolls', String(performance.now()))
        const { records } = await bench.read(topic)
        expect(records.filter(({ key }) => KEYS.includes(String(key))).length).toBe(KEYS.length)
        expect(records.filter(({ key }) => String(key) === 'gone')).toEqual([])
      },
      { everyMs: 150 },
    )
  })

  async function commit(key: string, value: string | null): Promise<void> {
    await transactions.run(async (scope) => {
      await scope.append(topic, 0, [{ key, value: value === null ? null : Buffer.from(value) }])
    })
    if (value === null) {
      expected.delete(key)
    } else {
      expected.set(key, value)
    }
  }

  async function abort(key: string, value: string): Promise<void> {
    const failed = transactions.run(async (scope) => {
      await scope.append(topic, 0, [{ key, value: Buffer.from(value) }])
      throw new Error('on purpose')
    })
    await expect(failed).rejects.toThrow('on purpose')
    await transactions.close()
    // Opening again ends the open transaction.
    transactions = await bench.transactions('compacted', { inputTopic: topic })
  }

  test('is read to its end: the last value of every key, in order, and nothing aborted', async () => {
    // The broker answers a commit before it has marked the partitions.
    await eventually(async () => {
      const { records, start, end } = await bench.read(topic)
      const last = new Map(records.map(({ key, value }) => [String(key), String(value)]))
      expect(last).toEqual(expected)
      const offsets = records.map(({ offset }) => offset)
      expect(offsets).toEqual(offsets.toSorted((a, b) => Number(a - b)))
      expect(Number(end - start)).toBeGreaterThan(records.length + 50)
      expect(end).toBe((await bench.reader.range(topic, 0)).end)
    })
  })

  test('reads the same as kcat', async () => {
    const kcat = await Kcat.create(inject('stack').kafkaBrokers)
    // The cleaner may still run between the two reads.
    await eventually(async () => {
      const theirs = await kcat.consume(topic)
      const { records } = await bench.read(topic)
      expect(records.map(({ key, value, offset }) => [String(key), String(value), Number(offset)])).toEqual(
        theirs.map(({ key, value, offset }) => [key.toString(), value.toString(), offset]),
      )
    })
  })

  test('can be read from every offset, whether it has a record or is a hole', async () => {
    await eventually(async () => {
      const { records, end } = await bench.read(topic)
      const offsets = records.map(({ offset }) => offset)
      for (let from = 0n; from <= end; from += 7n) {
        const part = await bench.read(topic, from)
        expect(part.records.map(({ offset }) => offset)).toEqual(offsets.filter((at) => at >= from))
      }
    })
  })
})

test('reading an empty partition, or from the end or beyond, returns at once', async () => {
  const topic = await bench.createTopic('empty', {}, 2)
  expect(await bench.read(topic)).toEqual({ records: [], start: 0n, end: 0n, highWatermark: 0n })
  expect(await bench.read(topic, 5n)).toMatchObject({ records: [] })
})

test('a partition with only aborted transactions and control records is read to its end', async () => {
  const topic = await bench.createTopic('aborted-only')
  for (let round = 0; round < 3; round += 1) {
    const transactions = await bench.transactions('aborted-only', { inputTopic: topic })
    const failed = transactions.run(async (scope) => {
      await scope.append(topic, 0, [{ key: 'k', value: Buffer.from('v') }])
      throw new Error('on purpose')
    })
    await expect(failed).rejects.toThrow('on purpose')
  }
  await bench.transactions('aborted-only', { inputTopic: topic })
  expect(await bench.read(topic)).toEqual({ records: [], start: 0n, end: 6n, highWatermark: 6n })
})

test('the end is the start of the oldest open transaction', async () => {
  const topic = await bench.createTopic('open')
  const first = await bench.transactions('first', { inputTopic: topic })
  await first.run(async (scope) => {
    await scope.append(topic, 0, [{ key: 'k', value: Buffer.from('committed') }])
  })
  const { promise: looked, resolve } = Promise.withResolvers<void>()
  const { promise: appended, resolve: isOpen } = Promise.withResolvers<void>()
  const open = first.run(async (scope) => {
    await scope.append(topic, 0, [{ key: 'k', value: Buffer.from('still open') }])
    isOpen()
    await looked
  })
  await appended
  const meanwhile = await bench.read(topic)
  expect([meanwhile.records.map(({ value }) => String(value)), meanwhile.end]).toEqual([['committed'], 2n])
  resolve()
  await open
  // The broker answers a commit before it has written the markers.
  await eventually(async () => {
    const after = await bench.read(topic)
    expect([after.records.map(({ value }) => String(value)), after.end]).toEqual([['committed', 'still open'], 4n])
  })
})

test('reading begins at the log start after older records were deleted', async () => {
  const topic = await bench.createTopic('deleted')
  const transactions = await bench.transactions('deleted', { inputTopic: topic })
  await transactions.run(async (scope) => {
    await scope.append(
      topic,
      0,
      ['0', '1', '2', '3'].map((value) => ({ key: 'k', value: Buffer.from(value) })),
    )
  })
  await eventually(() => bench.admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] }))
  const { records, start } = await bench.read(topic)
  expect([records.map(({ value }) => String(value)), start]).toEqual([['2', '3'], 2n])
})

test('an aborted read ends', async () => {
  const topic = await bench.createTopic('unwanted')
  const transactions = await bench.transactions('unwanted', { inputTopic: topic })
  await transactions.run(async (scope) => {
    await scope.append(topic, 0, [{ key: 'k', value: Buffer.from('v') }])
  })
  const reading = bench.reader.read(topic, 0, 0n, () => {}, AbortSignal.abort(new Error('no longer')))
  await expect(reading).rejects.toThrow('no longer')
})
