import { createRequire } from 'node:module'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import '../../src/kafka/kafkajs.ts'
import { noteSilent } from '../../src/kafka/kafkajs-brokers.ts'

/** How kafkajs with our fixes finds a broker that it is connected to and that recently did not answer. */

const require = createRequire(import.meta.url)
const BrokerPool = require('kafkajs/src/cluster/brokerPool.js') as { prototype: object }

interface Pool {
  readonly brokers: Readonly<Record<string, FakeBroker>>
  findBroker(node: { nodeId: string }): Promise<FakeBroker>
}

/** Connected; silent while it is frozen. */
class FakeBroker {
  readonly brokerAddress: string
  frozen: boolean
  asked = 0
  disconnected = 0
  #unanswered: ((error: Error) => void)[] = []

  constructor(brokerAddress: string, { frozen }: { frozen: boolean }) {
    this.brokerAddress = brokerAddress
    this.frozen = frozen
  }

  readonly connectionPool = {
    pool: [
      {
        rejectRequests: (error: Error) => {
          for (const reject of this.#unanswered) {
            reject(error)
          }
        },
      },
    ],
  }

  isConnected(): boolean {
    return true
  }

  async disconnect(): Promise<void> {
    this.disconnected += 1
  }

  apiVersions(): Promise<object> {
    this.asked += 1
    return this.frozen ? new Promise((_, reject) => this.#unanswered.push(reject)) : Promise.resolve({})
  }
}

function poolOf(broker: FakeBroker): Pool {
  const connectBroker = async () => {}
  return Object.assign(Object.create(BrokerPool.prototype) as Pool, { brokers: { 1: broker }, connectBroker })
}

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

test('a broker that is still silent soon counts as gone, so that the leaders of its partitions are looked up again', async () => {
  const broker = new FakeBroker('127.0.0.1:1', { frozen: true })
  noteSilent(broker.brokerAddress)
  const found = poolOf(broker).findBroker({ nodeId: '1' })
  // The error that makes kafkajs refresh the leaders.
  const refused = expect(found).rejects.toMatchObject({ name: 'KafkaJSConnectionError' })
  await vi.advanceTimersByTimeAsync(3_000)
  await refused
  expect(broker.disconnected).toBe(1)
})

test('a broker that answers again is used as before, and not checked a second time', async () => {
  const broker = new FakeBroker('127.0.0.1:2', { frozen: false })
  noteSilent(broker.brokerAddress)
  const pool = poolOf(broker)
  expect(await pool.findBroker({ nodeId: '1' })).toBe(broker)
  expect(await pool.findBroker({ nodeId: '1' })).toBe(broker)
  expect({ asked: broker.asked, disconnected: broker.disconnected }).toEqual({ asked: 1, disconnected: 0 })
})

test('a broker that was not reported silent is not checked', async () => {
  const broker = new FakeBroker('127.0.0.1:3', { frozen: true })
  expect(await poolOf(broker).findBroker({ nodeId: '1' })).toBe(broker)
  expect(broker.asked).toBe(0)
})
