import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createTopicLogs } from '../../src/kafka/topic-logs.ts'
import type { TopicLogs } from '../../src/stream/topic-logs.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { TopicBench } from '../lab/harness/topic-bench.ts'

/** Facts about topics, ends of epochs, and what an offset holds, on a real broker. */

let bench: TopicBench
let logs: TopicLogs

beforeAll(async () => {
  bench = await TopicBench.create(inject('stack'))
  logs = createTopicLogs(bench.kafka)
})

afterAll(() => bench?.close())

describe('the facts of topics', () => {
  test('are an id, which differs for a recreated topic of the same name, and the number of partitions', async () => {
    const first = await bench.createTopic('facts', {}, 3)
    const second = await bench.createTopic('facts-of-another')
    const facts = await logs.facts([first, second])
    expect([facts.get(first)?.partitions, facts.get(second)?.partitions]).toEqual([3, 1])
    expect(facts.get(first)?.id).toMatch(/^[\w-]{22}$/)
    expect(facts.get(first)?.id).not.toBe(facts.get(second)?.id)
    expect(await logs.facts([first])).toEqual(new Map([[first, facts.get(first)]]))

    await bench.admin.createPartitions({ topicPartitions: [{ topic: first, count: 5 }] })
    await eventually(async () =>
      expect((await logs.facts([first])).get(first)).toEqual({ id: facts.get(first)?.id, partitions: 5 }),
    )
    await bench.admin.deleteTopics({ topics: [first] })
    await eventually(() => bench.createTopic('facts', {}, 3))
    await eventually(async () => {
      const now = (await logs.facts([first])).get(first)
      expect(now?.partitions).toBe(3)
      expect(now?.id).not.toBe(facts.get(first)?.id)
    })
  })

  test('of a topic that does not exist are an error', async () => {
    await expect(logs.facts([bench.name('nowhere')])).rejects.toMatchObject({ type: 'UNKNOWN_TOPIC_OR_PARTITION' })
  })
})

test('records carry the leader epoch they were written in, and the log knows where each epoch ends', async () => {
  const topic = await bench.createTopic('epochs')
  const transactions = await bench.transactions('epochs', { inputTopic: topic })
  await transactions.run(async (scope) => {
    await scope.append(topic, 0, [{ key: 'k', value: Buffer.from('v') }])
  })
  const { records, end } = await eventually(async () => {
    const read = await bench.read(topic)
    expect(read.records).toHaveLength(1)
    return read
  })
  const leaderEpoch = records[0]?.leaderEpoch as number
  expect(leaderEpoch).toBeGreaterThanOrEqual(0)
  expect(await logs.endOfEpoch(topic, 0, leaderEpoch)).toEqual({ leaderEpoch, offset: end })
  expect(await logs.endOfEpoch(topic, 0, leaderEpoch + 1)).toBeNull()
})

test('a record at an offset is visible, or hidden: aborted or a control record', async () => {
  const topic = await bench.createTopic('standing')
  const transactions = await bench.transactions('standing', { inputTopic: topic })
  const append = (of: typeof transactions, value: string) =>
    of.run(async (scope) => {
      const records = ['a', 'b'].map((key) => ({ key, value: Buffer.from(value) }))
      await scope.append(topic, 0, records)
      if (value === 'aborted') {
        throw new Error('dies')
      }
    })
  // Records 0 and 1, marker 2; 3 and 4, ended by the next open with marker 5; 6 and 7, marker 8.
  await append(transactions, 'committed')
  await expect(append(transactions, 'aborted')).rejects.toThrow('dies')
  await append(await bench.transactions('standing', { inputTopic: topic }), 'committed')
  await eventually(async () => {
    const { end } = await bench.reader.range(topic, 0)
    expect(end).toBe(9n)
  })
  const standing = []
  for (let offset = 0n; offset < 9n; offset += 1n) {
    standing.push(await bench.reader.at(topic, 0, offset))
  }
  expect(standing).toEqual([
    ...['visible', 'visible', 'hidden'],
    ...['hidden', 'hidden', 'hidden'],
    ...['visible', 'visible', 'hidden'],
  ])
})
