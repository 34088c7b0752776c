import { beforeEach, describe, expect, test } from 'vitest'
import { ConsoleFeed } from '../../src/console/console-feed.ts'
import { PaymentBoard } from '../../src/console/payment-board.ts'
import { topicNames } from '../../src/topics.ts'
import { MemoryKafka } from '../lab/harness/memory-kafka.ts'
import { CODECS } from '../processor/status-world.ts'
import { paymentOf } from './fake-world.ts'

/** What the board has after each round, while payments change and are forgotten. */

const KEY = 'jpm:one'
const topics = topicNames('')

/** A life of the payment: its states and changes by statusVersion. */
function life(incarnation: number) {
  const events = (['ACCEPTED', 'PROCESSING', 'COMPLETED'] as const).map((status, index) => ({
    paymentKey: KEY,
    status,
    eventId: `${incarnation}${index}`.padEnd(32, '0'),
    receivedAt: incarnation + index,
    occurredAt: incarnation + index,
    recordedAt: incarnation + index,
  }))
  const { changes } = paymentOf(events)
  const states = events.map((_, index) => paymentOf(events.slice(0, index + 1)).state)
  return { states, changes }
}
const FIRST = life(1_000)
const SECOND = life(2_000)

let kafka: MemoryKafka
let board: PaymentBoard
let feed: ConsoleFeed
/** Runs once before the feed reads this topic the next time. */
let beforeReading: Partial<Record<string, () => void>>

beforeEach(() => {
  kafka = new MemoryKafka('cluster', 1)
  board = new PaymentBoard()
  beforeReading = {}
  feed = new ConsoleFeed({
    reader: {
      ...kafka.reader,
      read: (topic, ...rest) => {
        const happens = beforeReading[topic]
        delete beforeReading[topic]
        happens?.()
        return kafka.reader.read(topic, ...rest)
      },
    },
    topics,
    partitions: 1,
    decodeState: async (value) => CODECS.state.decode(value),
    decodeChange: async (value) => CODECS.change.decode(value),
    board,
    sleep: async () => {},
  })
})

function publish({ states, changes }: ReturnType<typeof life>, ...versions: readonly number[]): void {
  for (const version of versions) {
    const [state, change] = [states[version - 1], changes[version - 1]]
    if (state === undefined || change === undefined) {
      throw new TypeError(`there is no version ${version}`)
    }
    kafka.produce(topics.current, 0, { key: KEY, value: CODECS.state.encode(state) })
    kafka.produce(topics.changes, 0, { key: KEY, value: CODECS.change.encode(change) })
  }
}

const forget = () => void kafka.produce(topics.current, 0, { key: KEY, value: null })

const standing = () => {
  const row = board.row(KEY)
  return row === null ? null : [row.incarnation, row.statusVersion, row.status]
}

const lifeOf = ({ states }: ReturnType<typeof life>) => states[0]?.incarnation

describe('a payment that was forgotten', () => {
  test('before the start is not on the board', async () => {
    publish(FIRST, 1, 2)
    forget()
    await feed.round()
    expect([standing(), board.payments]).toEqual([null, 0])
  })

  test('later leaves the board', async () => {
    publish(FIRST, 1, 2)
    await feed.round()
    expect(standing()).toEqual([lifeOf(FIRST), 2, 'PROCESSING'])
    forget()
    await feed.round()
    expect(standing()).toBeNull()
  })

  test('and returned is there in its new life', async () => {
    publish(FIRST, 1, 2, 3)
    await feed.round()
    forget()
    publish(SECOND, 1)
    await feed.round()
    expect(standing()).toEqual([lifeOf(SECOND), 1, 'ACCEPTED'])
    publish(SECOND, 2)
    await feed.round()
    expect(standing()).toEqual([lifeOf(SECOND), 2, 'PROCESSING'])
  })

  test.each(['while it starts', 'while it follows'])(
    'does not come back with a step that is read later, %s',
    async (when) => {
      if (when === 'while it follows') {
        publish(FIRST, 1)
        await feed.round()
      }
      beforeReading[topics.current] = () => {
        publish(FIRST, 2)
        forget()
      }
      await feed.round()
      await feed.round()
      expect(standing()).toBeNull()
      publish(SECOND, 1, 2)
      await feed.round()
      expect(standing()).toEqual([lifeOf(SECOND), 2, 'PROCESSING'])
    },
  )

  test('and returned at once, between two readings, is there in its new life', async () => {
    publish(FIRST, 1)
    await feed.round()
    beforeReading[topics.current] = () => {
      publish(FIRST, 2)
      forget()
      publish(SECOND, 1)
    }
    await feed.round()
    publish(SECOND, 2)
    await feed.round()
    await feed.round()
    expect(standing()).toEqual([lifeOf(SECOND), 2, 'PROCESSING'])
    expect(board.payments).toBe(1)
  })
})

test('steps are told also of payments that are gone', async () => {
  await feed.round()
  publish(FIRST, 1)
  forget()
  await feed.round()
  expect(feed.recent.map(({ change }) => change.statusVersion)).toEqual([1])
  expect(standing()).toBeNull()
})
