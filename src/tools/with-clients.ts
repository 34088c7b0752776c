import { loadPaymentCodecs, type PaymentCodecs } from '../avro/payment-codecs.ts'
import { createSchemaRegistry } from '../avro/schema-registry.ts'
import type { Config } from '../config.ts'
import { assertBrokersAnswer } from '../kafka/brokers.ts'
import { createKafka, type KafkaClient } from '../kafka/kafka-client.ts'
import { createPartitionReader } from '../kafka/partition-reader.ts'
import type { Logger } from '../observability/log.ts'
import { RedisStateStore } from '../processor/redis-state-store.ts'
import { RedisClient } from '../redis/redis-client.ts'
import type { TimedPartitionReader } from '../stream/partition-reader.ts'
import { compactedAmong, type TopicNames, topicNames } from '../topics.ts'

export interface ToolContext {
  readonly config: Config
  readonly logger: Logger
  /** Names the tool to the brokers. */
  readonly tool: string
}

/** What every tool gets; connects when used. */
interface KafkaClients {
  readonly topics: TopicNames
  readonly kafka: KafkaClient
  readonly reader: TimedPartitionReader
}

/** What a tool gets only if it asks for it. */
interface OpenedClients {
  /** The brokers answer. */
  readonly brokers: true
  /** With the schema ids of the registry. */
  readonly codecs: PaymentCodecs
}

/** A tool gives up after this time, ms; a person waits for it. */
const RETRY_FOR_MS = 2_000

/**
 * Runs the work of a tool with its clients. Rejects if the brokers (`brokers`) or the registry (`codecs`) do not answer.
 */
export async function withClients<Use extends keyof OpenedClients, T>(
  { config, logger, tool }: ToolContext,
  uses: readonly Use[],
  work: (clients: KafkaClients & Pick<OpenedClients, Use>) => Promise<T>,
): Promise<T> {
  const topics = topicNames(config.kafka.topicPrefix)
  const kafka = createKafka({
    connection: config.kafka,
    clientId: `paystatus-${tool}`,
    logger,
    retryForMs: RETRY_FOR_MS,
  })
  const isUsed = (name: keyof OpenedClients) => (uses as readonly string[]).includes(name)
  try {
    if (isUsed('brokers')) {
      await assertBrokersAnswer(kafka, config.kafka)
    }
    const codecs = isUsed('codecs')
      ? await loadPaymentCodecs(createSchemaRegistry(config.registry), topics, Date.now)
      : undefined
    const clients = {
      topics,
      kafka,
      reader: createPartitionReader(kafka, compactedAmong(topics)),
      brokers: true,
      codecs,
    }
    // The clients that `uses` names have been created.
    return await work(clients as unknown as KafkaClients & OpenedClients)
  } finally {
    await kafka.queries.close()
  }
}

/** Runs the work with the view in Redis. Rejects if Redis does not answer. */
export async function withView<T>(
  config: Config,
  logger: Logger,
  work: (store: RedisStateStore) => Promise<T>,
): Promise<T> {
  const redis = new RedisClient(config.redis, logger)
  try {
    await redis.connected()
    return await work(new RedisStateStore(redis, config.environment, config.processor.group))
  } finally {
    redis.close()
  }
}
