import type { Admin } from 'kafkajs'
import { sleep } from '../sleep.ts'
import { TOPICS, type TopicId, type TopicNames, toTopicConfig } from '../topics.ts'
import { isRetriable, kafkaErrorType } from './errors.ts'
import { ConfigResourceTypes } from './kafkajs.ts'

export interface TopicPlan {
  readonly names: TopicNames
  /** Defaults to all topics. */
  readonly only?: readonly TopicId[]
  readonly partitions: number
  readonly replicationFactor: number
  readonly minInsyncReplicas: number
}

export interface TopicFinding {
  readonly topic: string
  /** What is wrong, and what to do about it. */
  readonly problem: string
  /** A wrong partition count splits payments across partitions; other settings can be changed at any time. */
  readonly severity: 'fatal' | 'setting'
}

/**
 * Creates missing topics and returns their names. Existing topics are left unchanged; `findTopicProblems` checks them.
 */
export async function createMissingTopics(admin: Admin, plan: TopicPlan): Promise<readonly string[]> {
  const existing = await partitionsByTopic(
    admin,
    topicIds().map((id) => plan.names[id]),
  )
  const missing = topicIds().filter((id) => !existing.has(plan.names[id]))
  if (missing.length > 0) {
    await admin.createTopics({
      // kafkajs would ask one broker once, which may not know of them yet.
      waitForLeaders: false,
      timeout: 30_000,
      topics: missing.map((id) => ({
        topic: plan.names[id],
        numPartitions: plan.partitions,
        replicationFactor: plan.replicationFactor,
        configEntries: Object.entries(configOf(id, plan)).map(([name, value]) => ({ name, value })),
      })),
    })
  }
  const created = missing.map((id) => plan.names[id])
  if (created.length > 0) {
    await untilKnown(() => admin.fetchTopicMetadata({ topics: created }))
  }
  return created
}

const PASSING = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'KafkaJSGroupCoordinatorNotFound'])

/** How long a broker may take to learn of a topic that another one has created, ms. */
const HEARSAY_MAX_MS = 10_000
const HEARSAY_PAUSE_MS = 100

/** Repeats a query about topics that were just created: the broker asked may not know of them yet. */
export async function untilKnown<T>(look: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + HEARSAY_MAX_MS
  for (;;) {
    try {
      return await look()
    } catch (error) {
      // A partition may not have its leader yet, and a group may have no coordinator, for which Kafka first creates a
      // topic.
      const passes = PASSING.has(kafkaErrorType(error)) || isRetriable(error)
      if (!passes || performance.now() > deadline) {
        throw error
      }
      await sleep(HEARSAY_PAUSE_MS)
    }
  }
}

/** Compares the topics of the cluster with the plan. Empty if everything matches. */
export async function findTopicProblems(admin: Admin, plan: TopicPlan): Promise<readonly TopicFinding[]> {
  const ids = plan.only ?? topicIds()
  const existing = await partitionsByTopic(
    admin,
    ids.map((id) => plan.names[id]),
  )
  const findings: TopicFinding[] = []
  const present: TopicId[] = []
  for (const id of ids) {
    if (existing.has(plan.names[id])) {
      present.push(id)
    } else {
      findings.push({
        topic: plan.names[id],
        severity: 'fatal',
        problem:
          'does not exist or is not visible to our user: run `paystatus topics apply`, or see `paystatus topics acls`',
      })
    }
  }
  if (present.length === 0) {
    return findings
  }
  for (const [name, partitions] of existing) {
    if (partitions !== plan.partitions) {
      findings.push({
        topic: name,
        severity: 'fatal',
        problem: `has ${partitions} partitions, the configuration says ${plan.partitions}; the count is fixed at creation, because a payment's state lives in the partition that its key determines. If the configuration is wrong, correct kafka.partitions. If partitions were added to the topic, do not change kafka.partitions to match, which would split payments across partitions: see "Growing" in docs/operations.md`,
      })
    }
  }
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: present.map((id) => ({ type: ConfigResourceTypes.TOPIC, name: plan.names[id] })),
  })
  for (const id of present) {
    const entries = resources.find((resource) => resource.resourceName === plan.names[id])?.configEntries ?? []
    for (const [name, wanted] of Object.entries(configOf(id, plan))) {
      const found = entries.find((entry) => entry.configName === name)?.configValue
      if (found !== wanted) {
        findings.push({
          topic: plan.names[id],
          severity: 'setting',
          problem: `${name} is ${found ?? 'not set'}, expected ${wanted}; change it with kafka-configs.sh --alter`,
        })
      }
    }
  }
  return findings
}

/** Errors for a topic that does not exist or is not visible to our user. */
const NOT_THERE = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'TOPIC_AUTHORIZATION_FAILED'])

/**
 * Number of partitions of each of these topics, without those that do not exist. Each is requested by name, so problems
 * with other topics of the cluster have no effect.
 */
async function partitionsByTopic(admin: Admin, names: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  for (const name of names) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [name] })
      found.set(name, topics[0]?.partitions.length ?? 0)
    } catch (error) {
      if (!NOT_THERE.has(kafkaErrorType(error))) {
        throw error
      }
    }
  }
  return found
}

function configOf(id: TopicId, plan: TopicPlan): Record<string, string> {
  return { ...toTopicConfig(TOPICS[id].settings), 'min.insync.replicas': String(plan.minInsyncReplicas) }
}

function topicIds(): TopicId[] {
  return Object.keys(TOPICS) as TopicId[]
}
