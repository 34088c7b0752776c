import type { Config } from '../config.ts'
import { onBrokers } from '../kafka/brokers.ts'
import { findDataProblems } from '../kafka/data-problems.ts'
import type { KafkaClient } from '../kafka/kafka-client.ts'
import {
  createMissingTopics,
  findTopicProblems,
  type TopicFinding,
  type TopicPlan,
  untilKnown,
} from '../kafka/topic-admin.ts'
import type { Logger } from '../observability/log.ts'
import { withClients } from './with-clients.ts'

/** Creates the missing topics, then compares all of them. Rejects with BrokersUnreachableError. */
export async function applyTopics(
  config: Config,
  logger: Logger,
): Promise<{ readonly created: readonly string[]; readonly findings: readonly TopicFinding[] }> {
  return onTopics(config, logger, async (kafka, plan, problemsOfData) => {
    const created = await createMissingTopics(kafka, plan)
    const findings = await untilKnown(() => findTopicProblems(kafka, plan))
    // If all topics are new, there is no data to compare.
    const isNew = created.length === Object.keys(plan.names).length
    return { created, findings: isNew ? findings : [...findings, ...(await untilKnown(problemsOfData))] }
  })
}

/** Compares the topics with the configuration and the data; changes nothing. Rejects with BrokersUnreachableError. */
export async function checkTopics(config: Config, logger: Logger): Promise<readonly TopicFinding[]> {
  return onTopics(config, logger, async (kafka, plan, problemsOfData) => {
    const findings = await findTopicProblems(kafka, plan)
    // A missing topic has no data to compare.
    return findings.some(({ severity, problem }) => severity === 'fatal' && problem.startsWith('does not exist'))
      ? findings
      : [...findings, ...(await untilKnown(problemsOfData))]
  })
}

async function onTopics<T>(
  config: Config,
  logger: Logger,
  work: (kafka: KafkaClient, plan: TopicPlan, problemsOfData: () => Promise<readonly TopicFinding[]>) => Promise<T>,
): Promise<T> {
  return withClients({ config, logger, tool: 'topics' }, ['brokers'], ({ topics: names, kafka }) => {
    const { partitions, replicationFactor, minInsyncReplicas } = config.kafka
    const plan = { names, partitions, replicationFactor, minInsyncReplicas }
    const installation = {
      names,
      environment: config.environment,
      normalizerGroup: config.normalizer.group,
      processorGroup: config.processor.group,
    }
    return onBrokers(config.kafka, () => work(kafka, plan, () => findDataProblems(kafka, installation)))
  })
}
