import { createRequire } from 'node:module'
import { afterEach, expect, test, vi } from 'vitest'
import '../../src/kafka/kafkajs.ts'

/** The part of kafkajs that joins a group, with our fix, and a broker that answers as a test needs. */

const require = createRequire(import.meta.url)

interface ConsumerGroup {
  memberId: string | null
  joinAndSync(): Promise<void>
}

const LOADING = Object.assign(new Error('loading'), { type: 'COORDINATOR_LOAD_IN_PROGRESS', retriable: true })
const CLOSED = Object.assign(new Error('closed'), { name: 'KafkaJSConnectionClosedError', retriable: true })
const FORGOTTEN = Object.assign(new Error('who?'), { type: 'UNKNOWN_MEMBER_ID', retriable: false })
const FORBIDDEN = Object.assign(new Error('not for you'), { type: 'GROUP_AUTHORIZATION_FAILED', retriable: false })

afterEach(() => vi.restoreAllMocks())

/**
 * A group whose coordinator answers joins with these errors and then with a membership, and the member ids of the
 * requests.
 */
function group(memberId: string | null, answers: Error[]): { group: ConsumerGroup; askedWith: string[] } {
  const askedWith: string[] = []
  const coordinator = {
    joinGroup: async (request: { memberId: string }) => {
      askedWith.push(request.memberId)
      const answer = answers.shift()
      if (answer !== undefined) {
        throw answer
      }
      const groupData = { generationId: 7, leaderId: 'leader', members: [], groupProtocol: 'RoundRobinAssigner' }
      return { ...groupData, memberId: request.memberId || 'member-2' }
    },
    syncGroup: async () => ({ memberAssignment: Buffer.alloc(0) }),
  }
  const KafkaConsumerGroup = require('kafkajs/src/consumer/consumerGroup.js') as new (of: object) => ConsumerGroup
  const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const made = new KafkaConsumerGroup({
    cluster: {
      findGroupCoordinator: async () => coordinator,
      findTopicPartitionMetadata: () => [],
      committedOffsets: () => ({}),
    },
    groupId: 'normalizer',
    topics: ['raw'],
    topicConfigurations: {},
    logger: { namespace: () => log },
    instrumentationEmitter: { emit: () => {} },
    assigners: [],
    retry: { initialRetryTime: 1, maxRetryTime: 1, retries: 3 },
  })
  made.memberId = memberId
  return { group: made, askedWith }
}

test('a failed join is retried with the same member id', async () => {
  const { group: member, askedWith } = group('member-1', [LOADING, CLOSED])
  await member.joinAndSync()
  expect(askedWith).toEqual(['member-1', 'member-1', 'member-1'])
})

test('a forgotten member joins again, even if that fails at first', async () => {
  const { group: member, askedWith } = group('member-1', [FORGOTTEN, LOADING])
  await member.joinAndSync()
  expect(askedWith).toEqual(['member-1', '', ''])
  expect(member.memberId).toBe('member-2')
})

test('a refusal by Kafka is not retried', async () => {
  const { group: member, askedWith } = group('member-1', [FORBIDDEN])
  await expect(member.joinAndSync()).rejects.toMatchObject({ code: 'JOIN_FAILED', retriable: false, cause: FORBIDDEN })
  expect(askedWith).toHaveLength(1)
})

test('retries are bounded, and the consumer must not continue afterwards', async () => {
  const clock = vi.spyOn(performance, 'now').mockReturnValueOnce(1_000).mockReturnValue(6_001)
  const { group: member, askedWith } = group('member-1', [LOADING, LOADING])
  await expect(member.joinAndSync()).rejects.toMatchObject({ code: 'JOIN_FAILED', retriable: false, cause: LOADING })
  expect(askedWith).toHaveLength(1)
  expect(clock).toHaveBeenCalledTimes(2)
})
