import { sleep } from '../sleep.ts'
import { TOPICS, type TopicId, type TopicNames, toTopicConfig } from '../topics.ts'
import { assertNoError, UNKNOWN_TOPIC_OR_PARTITION } from './client/client-errors.ts'
import { CREATE_TOPICS, DELETE_TOPICS, DESCRIBE_CONFIGS, type RequestType } from './client/requests.ts'
import { NO_UUID } from './client/wire-types.ts'
import { isRetriable } from './errors.ts'
import { endsOf } from './group-offsets.ts'
import type { KafkaClient } from './kafka-client.ts'

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
export async function createMissingTopics(kafka: KafkaClient, plan: TopicPlan): Promise<readonly string[]> {
  const existing = await partitionsByTopic(
    kafka,
    topicIds().map((id) => plan.names[id]),
  )
  const missing = topicIds().filter((id) => !existing.has(plan.names[id]))
  return createTopics(
    kafka,
    missing.map((id) => ({
      name: plan.names[id],
      partitions: plan.partitions,
      replicationFactor: plan.replicationFactor,
      config: configOf(id, plan),
    })),
  )
}

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly replicationFactor: number
  readonly config: Readonly<Record<string, string>>
}

/** Creates topics, waits until they are known, and returns their names. Rejects if one existed before. */
export async function createTopics(kafka: KafkaClient, topics: readonly NewTopic[]): Promise<readonly string[]> {
  if (topics.length === 0) {
    return []
  }
  const body = {
    topics: topics.map(({ name, partitions, replicationFactor, config }) => ({
      name,
      partitions,
      replicationFactor,
      configs: Object.entries(config).map(([setting, value]) => ({ name: setting, value })),
    })),
    timeoutMs: ANSWER_MAX_MS,
  }
  let attempts = 0
  const { topics: answers } = await askController(kafka, CREATE_TOPICS, body, () => {
    attempts += 1
  })
  for (const { errorCode, errorMessage, name } of answers) {
    // The answer to an earlier attempt may have been lost.
    if (errorCode === TOPIC_ALREADY_EXISTS && attempts > 1) {
      continue
    }
    assertDone(`${name} cannot be created`, errorCode, errorMessage)
  }
  const created = topics.map(({ name }) => name)
  // A broker learns of a topic, and tells others who leads it, before the leader has opened the log and accepts records.
  await untilKnown(() => Promise.all(created.map((topic) => endsOf(kafka.queries, topic))))
  return created
}

/** Deletes topics with everything in them. Those that do not exist are left out. Rejects if we may not see one. */
export async function deleteTopics(kafka: KafkaClient, names: readonly string[]): Promise<void> {
  if (names.length === 0) {
    return
  }
  const body = { topics: names.map((name) => ({ name, id: NO_UUID })), timeoutMs: ANSWER_MAX_MS }
  const { topics } = await askController(kafka, DELETE_TOPICS, body)
  for (const { errorCode, errorMessage, name } of topics) {
    if (errorCode !== UNKNOWN_TOPIC_OR_PARTITION) {
      assertDone(`${name} cannot be deleted`, errorCode, errorMessage)
    }
  }
}

const ANSWER_MAX_MS = 30_000
const MARGIN_MS = 2_000

/** Asks any broker: each forwards the request to the controller. */
function askController<Q, A>(kafka: KafkaClient, type: RequestType<Q, A>, body: Q, onAttempt = () => {}): Promise<A> {
  return kafka.queries.retried(() =>
    kafka.queries.any((broker) => {
      onAttempt()
      return broker.send(type, body, { deadlineMs: ANSWER_MAX_MS + MARGIN_MS })
    }),
  )
}

/** Prefers the broker's message, which names the setting that it rejects. */
function assertDone(problem: string, errorCode: number, errorMessage: string | null): void {
  try {
    assertNoError(errorCode)
  } catch (error) {
    throw new Error(`${problem}: ${errorMessage ?? (error as Error).message}`, { cause: error })
  }
}

/** How long a broker may take to learn of a new topic, ms. */
const HEARSAY_MAX_MS = 10_000
const HEARSAY_PAUSE_MS = 100

/** Repeats a query about topics that were just created: the broker asked may not know of them yet. */
export async function untilKnown<T>(look: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + HEARSAY_MAX_MS
  for (;;) {
    try {
      return await look()
    } catch (error) {
      // The topic may be unknown, a partition without a leader, or a group without a coordinator: Kafka first creates the
      // topic of the group offsets.
      if (!isRetriable(error) || performance.now() > deadline) {
        throw error
      }
      await sleep(HEARSAY_PAUSE_MS)
    }
  }
}

/** Compares the topics of the cluster with the plan. Empty if everything matches. */
export async function findTopicProblems(kafka: KafkaClient, plan: TopicPlan): Promise<readonly TopicFinding[]> {
  const ids = plan.only ?? topicIds()
  const existing = await partitionsByTopic(
    kafka,
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
  const { resources } = await kafka.queries.retried(() =>
    kafka.queries.any((broker) =>
      broker.send(DESCRIBE_CONFIGS, {
        resources: present.map((id) => ({ name: plan.names[id] })),
      }),
    ),
  )
  for (const id of present) {
    const resource = resources.find(({ name }) => name === plan.names[id])
    assertNoError(resource?.errorCode ?? 0)
    for (const [name, wanted] of Object.entries(configOf(id, plan))) {
      const found = resource?.configs.find((entry) => entry.name === name)?.value
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

const TOPIC_ALREADY_EXISTS = 36
const TOPIC_AUTHORIZATION_FAILED = 29
/** The topic does not exist, or is not visible to our user. */
const NOT_THERE = new Set([UNKNOWN_TOPIC_OR_PARTITION, TOPIC_AUTHORIZATION_FAILED])

/**
 * Number of partitions of each of these topics, without those that do not exist. Each is requested by name, so problems
 * with other topics of the cluster have no effect.
 */
export async function partitionsByTopic(
  kafka: KafkaClient,
  names: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>()
  for (const { name, errorCode, partitions } of await kafka.queries.retried(() => kafka.queries.describe(names))) {
    if (name !== null && !NOT_THERE.has(errorCode)) {
      assertNoError(errorCode)
      found.set(name, partitions.length)
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
