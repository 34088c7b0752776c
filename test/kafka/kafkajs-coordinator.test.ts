import { createRequire } from 'node:module'
import { afterEach, expect, test, vi } from 'vitest'
import '../../src/kafka/kafkajs.ts'

/** The parts of kafkajs that talk to a group's coordinator, with our fixes, and brokers that answer as a test needs. */

const require = createRequire(import.meta.url)

interface OffsetManager {
  commitOffsets(offsets: object): Promise<void>
}

interface ConsumerGroup {
  coordinator: FakeBroker
  memberId: string
  lastRequest: number
  heartbeat(options: { interval: number }): Promise<void>
}

class FakeBroker {
  readonly commits: object[] = []
  readonly heartbeats: object[] = []
  readonly #refusal: object | null

  constructor(refusal: object | null) {
    this.#refusal = refusal
  }

  isConnected(): boolean {
    return true
  }

  async offsetCommit(request: object): Promise<void> {
    this.#answer(this.commits, request)
  }

  async heartbeat(request: object): Promise<void> {
    this.#answer(this.heartbeats, request)
  }

  #answer(taken: object[], request: object): void {
    if (this.#refusal !== null) {
      throw this.#refusal
    }
    taken.push(request)
  }
}

const TOPICS = [{ topic: 'raw', partitions: [{ partition: 1, offset: '7' }] }]

afterEach(() => vi.restoreAllMocks())

function managerAt(
  coordinator: FakeBroker,
  find: () => Promise<FakeBroker>,
  refreshMetadata = async () => {},
): OffsetManager {
  const KafkaOffsetManager = require('kafkajs/src/consumer/offsetManager/index.js') as new (of: object) => OffsetManager
  const committed = { raw: {} }
  return new KafkaOffsetManager({
    coordinator,
    cluster: { findGroupCoordinator: find, refreshMetadata, committedOffsets: () => committed },
    memberAssignment: { raw: [1] },
    instrumentationEmitter: { emit: () => {} },
    topicConfigurations: {},
    autoCommit: false,
    groupId: 'normalizer',
    generationId: 3,
    memberId: 'member',
  })
}

function memberAt(coordinator: FakeBroker, find: () => Promise<FakeBroker>): ConsumerGroup {
  const KafkaConsumerGroup = require('kafkajs/src/consumer/consumerGroup.js') as new (of: object) => ConsumerGroup
  const member = new KafkaConsumerGroup({
    cluster: { findGroupCoordinator: find },
    groupId: 'normalizer',
    topics: ['raw'],
    logger: { namespace: () => ({}) },
    instrumentationEmitter: { emit: () => {} },
  })
  return Object.assign(member, { coordinator, memberId: 'member', generationId: 3, lastRequest: 0 })
}

const REFUSALS: readonly (readonly [what: string, refusal: object])[] = [
  ['no longer coordinates the group', Object.assign(new Error('moved'), { type: 'NOT_COORDINATOR_FOR_GROUP' })],
  ['is no longer in the metadata', Object.assign(new Error('gone'), { name: 'KafkaJSBrokerNotFound' })],
  ['has closed its connection', Object.assign(new Error('closed'), { name: 'KafkaJSConnectionClosedError' })],
]

test.each(REFUSALS)(
  'a commit that fails because the broker %s goes to the current coordinator next time',
  async (_what, refusal) => {
    const now = new FakeBroker(null)
    const manager = managerAt(new FakeBroker(refusal), async () => now)
    await expect(manager.commitOffsets({ topics: TOPICS })).rejects.toBe(refusal)
    await manager.commitOffsets({ topics: TOPICS })
    expect(now.commits).toEqual([{ groupId: 'normalizer', memberId: 'member', groupGenerationId: 3, topics: TOPICS }])
  },
)

test.each(REFUSALS)(
  'a heartbeat that fails because the broker %s goes to the current coordinator next time',
  async (_what, refusal) => {
    const now = new FakeBroker(null)
    const member = memberAt(new FakeBroker(refusal), async () => now)
    await expect(member.heartbeat({ interval: 0 })).rejects.toBe(refusal)
    await member.heartbeat({ interval: 0 })
    expect(now.heartbeats).toEqual([{ groupId: 'normalizer', memberId: 'member', groupGenerationId: 3 }])
  },
)

test('a failed commit after which the metadata is unavailable goes to the current coordinator next time', async () => {
  const now = new FakeBroker(null)
  const refusal = Object.assign(new Error('moved'), { type: 'NOT_COORDINATOR_FOR_GROUP' })
  const manager = managerAt(
    new FakeBroker(refusal),
    async () => now,
    () => Promise.reject(Object.assign(new Error('no leader'), { name: 'KafkaJSNumberOfRetriesExceeded' })),
  )
  await expect(manager.commitOffsets({ topics: TOPICS })).rejects.toThrow('no leader')
  await manager.commitOffsets({ topics: TOPICS })
  expect(now.commits).toHaveLength(1)
})

test('a commit that its caller has given up is not retried: it could overwrite a later one', async () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000)
  const now = new FakeBroker(null)
  const manager = managerAt(new FakeBroker(REFUSALS[0]?.[1] as object), async () => now)
  const offsets = { topics: TOPICS }
  await expect(manager.commitOffsets(offsets)).rejects.toThrow('moved')
  clock.mockReturnValue(6_001)
  await expect(manager.commitOffsets(offsets)).rejects.toMatchObject({ code: 'COMMIT_GIVEN_UP', retriable: false })
  expect(now.commits).toEqual([])
  await manager.commitOffsets({ topics: TOPICS })
  expect(now.commits).toHaveLength(1)
})

test('a failed coordinator lookup does not hide the original error', async () => {
  const refusal = Object.assign(new Error('moved'), { type: 'NOT_COORDINATOR_FOR_GROUP' })
  const manager = managerAt(new FakeBroker(refusal), () => Promise.reject(new Error('nobody knows')))
  await expect(manager.commitOffsets({ topics: TOPICS })).rejects.toBe(refusal)
})

test('other refusals do not trigger a coordinator lookup', async () => {
  const refusal = Object.assign(new Error('rebalancing'), { type: 'REBALANCE_IN_PROGRESS' })
  const find = vi.fn(async () => new FakeBroker(null))
  await expect(managerAt(new FakeBroker(refusal), find).commitOffsets({ topics: TOPICS })).rejects.toBe(refusal)
  await expect(memberAt(new FakeBroker(refusal), find).heartbeat({ interval: 0 })).rejects.toBe(refusal)
  expect(find).not.toHaveBeenCalled()
})
