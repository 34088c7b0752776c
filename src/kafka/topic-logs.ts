import type { LogPlace, TopicFacts, TopicLogs } from '../stream/topic-logs.ts'
import type { Broker } from './client/broker.ts'
import { assertNoError, onlyPartition } from './client/client-errors.ts'
import { OFFSET_FOR_LEADER_EPOCH } from './client/requests.ts'
import { orStop } from './errors.ts'
import type { KafkaClient } from './kafka-client.ts'

export function createTopicLogs({ queries }: KafkaClient): TopicLogs {
  return {
    facts: (topics, log) =>
      orStop(`describing ${topics.join(', ')}`, async () => {
        const found = await (log === undefined
          ? queries.retried(() => queries.describe(topics))
          : queries.onCurrentLeader(log.topic, log.partition, (leader) => queries.describe(topics, leader)))
        return new Map(
          topics.map((name): [string, TopicFacts] => {
            const topic = found.find((one) => one.name === name)
            if (topic === undefined) {
              throw new Error(`the broker's response does not include ${name}`)
            }
            // Errors of single partitions, such as a missing leader, do not matter here.
            assertNoError(topic.errorCode)
            return [name, { id: topic.id, partitions: topic.partitions.length }]
          }),
        )
      }),
    endOfEpoch: (topic, partition, leaderEpoch) =>
      orStop(`describing ${topic}`, () =>
        queries.onCurrentLeader(topic, partition, (leader) => endOfEpoch(leader, topic, partition, leaderEpoch)),
      ),
  }
}

async function endOfEpoch(
  leader: Broker,
  topic: string,
  partition: number,
  leaderEpoch: number,
): Promise<LogPlace | null> {
  const { topics } = await leader.send(OFFSET_FOR_LEADER_EPOCH, {
    topics: [{ name: topic, partitions: [{ partition, leaderEpoch }] }],
  })
  const found = onlyPartition(topics)
  assertNoError(found.errorCode)
  return found.leaderEpoch < 0 || found.endOffset < 0n
    ? null
    : { offset: found.endOffset, leaderEpoch: found.leaderEpoch }
}
