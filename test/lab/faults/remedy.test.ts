import { expect, test } from 'vitest'
import { openInputLog } from '../../../src/stream/input-log.ts'
import { assertSameTopics } from '../../../src/stream/origin.ts'
import { remedyIn } from './remedy.ts'

const GROUP = 'env.normalizer'
const TOPIC = 'p.payments.callbacks.raw'

test('I2 the reset in the message of a truncated log is the offset at which the log was cut', async () => {
  const range = { start: 0n, end: 40n, highWatermark: 40n }
  const input = {
    group: GROUP,
    topic: TOPIC,
    partition: 2,
    reader: { range: async () => range },
    logs: { endOfEpoch: async () => ({ leaderEpoch: 3, offset: 31n }), facts: async () => new Map() },
    facts: new Map(),
  }
  const metadata = JSON.stringify({ origin: { environment: 'env', topics: {}, read: ['50', 3] } })
  const stop = await openInputLog(input, { offset: 50n, metadata }).catch((error: Error) => error)
  expect(remedyIn((stop as Error).message)).toEqual({ group: GROUP, topic: TOPIC, partition: 2, to: 31n })
  const unread = await openInputLog(input, { offset: 20n, metadata }).catch((error: Error) => error)
  expect(remedyIn((unread as Error).message)).toBeUndefined()
})

test('the reset in the message of a recreated topic covers all partitions', () => {
  const facts = new Map([[TOPIC, { id: 'new', partitions: 4 }]])
  const before = new Map([[TOPIC, { id: 'old', partitions: 4 }]])
  const stopOf = (topic: string) => {
    try {
      assertSameTopics({ group: GROUP, topic, facts }, before)
    } catch (error) {
      return (error as Error).message
    }
    throw new Error('no stop')
  }
  expect(remedyIn(stopOf(TOPIC))).toEqual({ group: GROUP, topic: TOPIC, partition: undefined, to: 'earliest' })
  expect(remedyIn(stopOf('events'))).toEqual({ group: GROUP, topic: 'events', partition: undefined, to: 'current' })
})
