import { rm } from 'node:fs/promises'
import { loadPaymentCodecs } from '../../avro/payment-codecs.ts'
import { createSchemaRegistry } from '../../avro/schema-registry.ts'
import type { Config } from '../../config.ts'
import type { KafkaClient } from '../../kafka/kafka-client.ts'
import { createTopics, deleteTopics, partitionsByTopic } from '../../kafka/topic-admin.ts'
import type { Logger } from '../../observability/log.ts'
import { TOPICS, type TopicNames, topicNames, toTopicConfig } from '../../topics.ts'
import { UsageError } from '../../usage-error.ts'
import { applySchemas } from '../schemas.ts'
import { withClients } from '../with-clients.ts'
import { newerCodecs } from './newer-codecs.ts'
import type { Phase } from './phases.ts'
import { playPhases } from './play-phases.ts'
import { type Judgement, judge } from './rules.ts'
import type { ScenarioName } from './scenarios.ts'
import type { Subscriber } from './subscriber-process.ts'
import type { TableRow } from './table-row.ts'
import { comparePairs, pairOf } from './table-row.ts'
import { type TablePlace, tableReader } from './table-source.ts'
import { type Story, tellStory } from './tell-story.ts'
import { type Offsets, writeStory } from './write-story.ts'

export interface ConformanceOptions {
  /** Of topics that no installation uses. */
  readonly topicPrefix: string
  readonly scenarios: readonly ScenarioName[]
  readonly manyPayments: number
  readonly signal: AbortSignal
}

export interface SubscriberOptions {
  readonly table: TablePlace
  /** The subscriber, given the environment that it needs. */
  readonly subscriber: (environment: Readonly<Record<string, string>>) => Subscriber
  readonly timeoutMs: number
  /** Leaves the topics for inspection. */
  readonly keepTopics: boolean
  readonly onPhase: (phase: Phase) => void
}

/** Wrong prefix or topics: nothing was written. */
export class ConformanceOptionsError extends UsageError {
  readonly code = 'CONFORMANCE_OPTIONS'

  constructor(message: string) {
    super(message)
    this.name = 'ConformanceOptionsError'
  }
}

/** One partition stays empty, so there must be two; four spread the payments. */
const PARTITIONS = 4

/** Plays the scenarios for a subscriber and judges its table. Rejects with ConformanceOptionsError. */
export async function judgeSubscriber(
  config: Config,
  logger: Logger,
  options: ConformanceOptions,
  subscriberOptions: SubscriberOptions,
): Promise<readonly Judgement[]> {
  return onOwnTopics(config, logger, options, async ({ kafka, topics, story }) => {
    const { table, timeoutMs, keepTopics, onPhase } = subscriberOptions
    const created = [topics.changes, topics.current, ...(await createTableTopic(kafka, config, table))]
    const subscriber = subscriberOptions.subscriber(environmentOf(config, options, topics, table))
    const offsets: Offsets = new Map()
    try {
      if (table.kind === 'file') {
        // One of a former run would be judged.
        await rm(table.path, { force: true })
      }
      const played = await playPhases({
        story,
        write: (writes) => writeStory(kafka, topics, writes, offsets),
        subscriber,
        readTable: tableReader(table, kafka),
        timeoutMs,
        onPhase,
        signal: options.signal,
      })
      const judgements = judge({ story, scenarios: options.scenarios, ...played })
      return judgements.map((judgement) => withRecords(judgement, story, topics, offsets))
    } finally {
      await subscriber.stop()
      if (!keepTopics) {
        await deleteTopics(kafka, created)
      }
    }
  })
}

/** Writes the scenarios, without a subscriber, and returns the rows that a table must then have. The topics stay. */
export async function playScenarios(
  config: Config,
  logger: Logger,
  options: ConformanceOptions,
): Promise<readonly TableRow[]> {
  return onOwnTopics(config, logger, options, async ({ kafka, topics, story }) => {
    await writeStory(kafka, topics, story.writes, new Map())
    return [...story.expectedAfter.closing.values()].filter(({ presence }) => presence === 'row').map(({ row }) => row)
  })
}

interface OwnTopics {
  readonly kafka: KafkaClient
  readonly topics: TopicNames
  readonly story: Story
}

/** Creates the topics, registers the schemas, and tells the story. */
async function onOwnTopics<T>(
  config: Config,
  logger: Logger,
  { topicPrefix, scenarios, manyPayments }: ConformanceOptions,
  work: (own: OwnTopics) => Promise<T>,
): Promise<T> {
  const topics = topicNames(topicPrefix)
  assertNotProduct(topics, topicNames(config.kafka.topicPrefix))
  const kitConfig = { ...config, kafka: { ...config.kafka, topicPrefix } }
  return withClients({ config: kitConfig, logger, tool: 'conformance' }, ['brokers'], async ({ kafka }) => {
    const existing = await partitionsByTopic(kafka, Object.values(topics))
    if (existing.size > 0) {
      throw new ConformanceOptionsError(
        `${[...existing.keys()].join(', ')} exists: choose a prefix of which no topic exists, or delete what a former run has left`,
      )
    }
    const { replicationFactor, minInsyncReplicas } = config.kafka
    await createTopics(
      kafka,
      (['changes', 'current'] as const).map((id) => ({
        name: topics[id],
        partitions: PARTITIONS,
        replicationFactor,
        config: { ...toTopicConfig(TOPICS[id].settings), 'min.insync.replicas': String(minInsyncReplicas) },
      })),
    )
    await applySchemas(config.registry, topics, () => {})
    const registry = createSchemaRegistry(config.registry)
    const codecs = await loadPaymentCodecs(registry, topics, Date.now)
    const newer = await newerCodecs(registry, topics, codecs, Date.now)
    const story = tellStory({ scenarios, topics, codecs, newer, partitions: PARTITIONS, manyPayments })
    return work({ kafka, topics, story })
  })
}

/** The product's own topics are never touched. */
function assertNotProduct(topics: TopicNames, product: TopicNames): void {
  const names = new Set<string>(Object.values(product))
  const shared = Object.values(topics).find((name) => names.has(name))
  if (shared !== undefined) {
    throw new ConformanceOptionsError(
      `${shared} is a topic of the installation in the configuration: choose another --topic-prefix, such as conformance.`,
    )
  }
}

async function createTableTopic(kafka: KafkaClient, config: Config, table: TablePlace): Promise<readonly string[]> {
  if (table.kind !== 'topic') {
    return []
  }
  const { replicationFactor } = config.kafka
  return createTopics(kafka, [
    { name: table.topic, partitions: 1, replicationFactor, config: { 'cleanup.policy': 'compact' } },
  ])
}

function environmentOf(
  config: Config,
  { topicPrefix }: ConformanceOptions,
  topics: TopicNames,
  table: TablePlace,
): Readonly<Record<string, string>> {
  return {
    KAFKA_BROKERS: config.kafka.brokers.join(','),
    SCHEMA_REGISTRY_URL: config.registry.url,
    CHANGES_TOPIC: topics.changes,
    CURRENT_TOPIC: topics.current,
    GROUP_ID: `${topicPrefix}conformance-subscriber`,
    ...(table.kind === 'file' && { TABLE_FILE: table.path }),
    ...(table.kind === 'topic' && { TABLE_TOPIC: table.topic }),
  }
}

/** Adds to each finding which record the row comes from. */
function withRecords(judgement: Judgement, story: Story, topics: TopicNames, offsets: Offsets): Judgement {
  const { verdict } = judgement
  if (verdict.outcome !== 'broken') {
    return judgement
  }
  const findings = verdict.findings.map((finding) => {
    const record = finding.row && recordOf(finding.row, story, topics, offsets)
    return record === undefined ? finding : { ...finding, text: `${finding.text}. The row comes from ${record}` }
  })
  return { ...judgement, verdict: { ...verdict, findings } }
}

function recordOf(row: TableRow, { writes }: Story, topics: TopicNames, offsets: Offsets): string | undefined {
  const write = writes.findLast(
    ({ about }) =>
      about.paymentKey === row.paymentKey &&
      about.pair !== null &&
      comparePairs(about.pair, pairOf(row)) === 0 &&
      about.status === row.status,
  )
  const offset = write && offsets.get(write)
  if (write === undefined || offset === undefined) {
    return
  }
  const what = write.committed ? (write.about.repeated ? ', a repeat' : '') : ', which was rolled back'
  return `${topics[write.topic]}[${write.partition}]@${offset}${what}`
}
