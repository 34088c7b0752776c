import { afterEach, beforeEach, expect, test } from 'vitest'
import { CREATE_TOPICS, DELETE_TOPICS, LIST_OFFSETS } from '../../src/kafka/client/requests.ts'
import { createKafka, type KafkaClient } from '../../src/kafka/kafka-client.ts'
import { createTopics, deleteTopics } from '../../src/kafka/topic-admin.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { ScriptedBroker } from './client/scripted-broker.ts'

const TOPIC_ALREADY_EXISTS = 36
const NEW_TOPIC = { name: 'raw', partitions: 1, replicationFactor: 1, config: {} }

let scripted: ScriptedBroker
let kafka: KafkaClient

beforeEach(async () => {
  scripted = await ScriptedBroker.start()
  scripted.on(LIST_OFFSETS, ({ topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partition }) => ({
        partition,
        errorCode: 0,
        timestamp: -1n,
        offset: 0n,
        leaderEpoch: 0,
      })),
    })),
  }))
  kafka = createKafka({ connection: { brokers: [scripted.address] }, clientId: 'test', logger: SILENT })
})

afterEach(async () => {
  await kafka.queries.close()
  scripted.close()
})

function answerThatItExists(lostAnswers: number): void {
  scripted.on(CREATE_TOPICS, ({ topics }, socket) => {
    lostAnswers -= 1
    if (lostAnswers >= 0) {
      socket.destroy()
      return undefined
    }
    return {
      throttleTimeMs: 0,
      topics: topics.map(({ name }) => ({
        name,
        id: scripted.topicId,
        errorCode: TOPIC_ALREADY_EXISTS,
        errorMessage: 'it exists',
        partitions: 1,
        replicationFactor: 1,
        configs: [],
      })),
    }
  })
}

test('a topic that an unanswered request has created is no error, but one that existed before is', async () => {
  answerThatItExists(1)
  await expect(createTopics(kafka, [NEW_TOPIC])).resolves.toEqual(['raw'])
  answerThatItExists(0)
  await expect(createTopics(kafka, [NEW_TOPIC])).rejects.toThrow('raw cannot be created: it exists')
})

test.each([
  ['does not exist is left out', 3, true],
  ['we may not delete is an error', 29, false],
])('deleting a topic that %s', async (_, errorCode, fulfils) => {
  scripted.on(DELETE_TOPICS, ({ topics }) => ({
    throttleTimeMs: 0,
    topics: topics.map(({ name, id }) => ({ name, id, errorCode, errorMessage: null })),
  }))
  const deleted = deleteTopics(kafka, ['raw']).then(
    () => true,
    () => false,
  )
  expect(await deleted).toBe(fulfils)
})
