import type { Config } from '../config.ts'
import { connectAdmin, onBrokers } from '../kafka/brokers.ts'
import { createKafka } from '../kafka/kafka-client.ts'
import {
  createMissingTopics,
  findTopicProblems,
  type TopicFinding,
  type TopicPlan,
  untilKnown,
} from '../kafka/topic-admin.ts'
import type { Logger } from '../observability/log.ts'
import { topicNames } from '../topics.ts'

/** Creates the missing topics, then compares all of them. Rejects with BrokersUnreachableError. */
export async function applyTopics(
  config: Config,
  logger: Logger,
): Promise<{ readonly created: readonly string[]; readonly findings: readonly TopicFinding[] }> {
  return withAdmin(config, logger, async (admin, plan) => ({
    created: await createMissingTopics(admin, plan),
    findings: await untilKnown(() => findTopicProblems(admin, plan)),
  }))
}

/** Compares the topics with the configuration and changes nothing. Rejects with BrokersUnreachableError. */
export async function checkTopics(config: Config, logger: Logger): Promise<readonly TopicFinding[]> {
  return withAdmin(config, logger, findTopicProblems)
}

async function withAdmin<T>(
  config: Config,
  logger: Logger,
  work: (admin: ReturnType<ReturnType<typeof createKafka>['admin']>, plan: TopicPlan) => Promise<T>,
): Promise<T> {
  const { topicPrefix, partitions, replicationFactor, minInsyncReplicas } = config.kafka
  const admin = createKafka({ connection: config.kafka, clientId: 'paystatus-topics', logger, retries: 5 }).admin()
  await connectAdmin(admin, config.kafka)
  try {
    const plan = { names: topicNames(topicPrefix), partitions, replicationFactor, minInsyncReplicas }
    return await onBrokers(config.kafka, () => work(admin, plan))
  } finally {
    await admin.disconnect()
  }
}
