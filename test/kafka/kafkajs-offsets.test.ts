import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import '../../src/kafka/kafkajs.ts'

/** Only we commit: kafkajs must not commit for an offset that the log does not have. */

const require = createRequire(import.meta.url)

interface ConsumerGroup {
  recoverFromFetch(error: Error): Promise<void>
}

interface OffsetManager {
  setDefaultOffset(of: { topic: string; partition: number }): Promise<void>
}

const { KafkaJSOffsetOutOfRange } = require('kafkajs/src/errors.js') as {
  KafkaJSOffsetOutOfRange: new (error: Error, of: { topic: string; partition: number }) => Error
}

/** Parts of kafkajs with a coordinator that records every commit. */
function withCoordinator() {
  const commits: object[] = []
  const coordinator = { isConnected: () => true, offsetCommit: async (commit: object) => void commits.push(commit) }
  const Manager = require('kafkajs/src/consumer/offsetManager/index.js') as new (of: object) => OffsetManager
  const manager = new Manager({
    cluster: { committedOffsets: () => ({ raw: { 1: '7' } }), defaultOffset: () => -2 },
    coordinator,
    memberAssignment: { raw: [1] },
    autoCommit: false,
    topicConfigurations: { raw: { fromBeginning: true } },
    groupId: 'g',
  })
  const { prototype } = require('kafkajs/src/consumer/consumerGroup.js') as { prototype: ConsumerGroup }
  const group: ConsumerGroup = Object.assign(Object.create(prototype), {
    offsetManager: manager,
    preferredReadReplicasPerTopicPartition: {},
    logger: { error: () => {}, info: () => {} },
  })
  return { group, manager, commits }
}

const OUT_OF_RANGE = { code: 'OFFSET_OUT_OF_RANGE', topic: 'raw', partition: 1, retriable: false }

test('an offset out of range is reported, and nothing is committed', async () => {
  const { group, commits } = withCoordinator()
  const error = new KafkaJSOffsetOutOfRange(new Error('not here'), { topic: 'raw', partition: 1 })
  await expect(group.recoverFromFetch(error)).rejects.toMatchObject(OUT_OF_RANGE)
  expect(commits).toEqual([])
})

test('the default offset is never committed, whoever requests it', async () => {
  const { manager, commits } = withCoordinator()
  await expect(manager.setDefaultOffset({ topic: 'raw', partition: 1 })).rejects.toMatchObject(OUT_OF_RANGE)
  expect(commits).toEqual([])
})
