import type { Admin, Kafka } from 'kafkajs'
import { loadPaymentCodecs, type PaymentCodecs } from '../avro/payment-codecs.ts'
import { createSchemaRegistry } from '../avro/schema-registry.ts'
import type { Config } from '../config.ts'
import { connectAdmin } from '../kafka/brokers.ts'
import { createKafka } from '../kafka/kafka-client.ts'
import { createPartitionReader } from '../kafka/partition-reader.ts'
import type { Logger } from '../observability/log.ts'
import { RedisStateStore } from '../processor/redis-state-store.ts'
import { RedisClient } from '../redis/redis-client.ts'
import type { TimedPartitionReader } from '../stream/partition-reader.ts'
import { type TopicNames, topicNames } from '../topics.ts'

export interface ToolContext {
  readonly config: Config
  readonly logger: Logger
  /** Names the tool to the brokers. */
  readonly tool: string
  /** How often a failed request is retried. */
  readonly retries?: number
}

/** What every tool gets; connects when used. */
interface KafkaClients {
  readonly topics: TopicNames
  readonly kafka: Kafka
  readonly reader: TimedPartitionReader
}

/** What a tool gets only if it asks for it. */
interface OpenedClients {
  /** Connected. */
  readonly admin: Admin
  /** With the schema ids of the registry. */
  readonly codecs: PaymentCodecs
}

/**
 * Runs the work of a tool with its clients and closes them, however the work ends. Rejects if the brokers (`admin`) or the
 * registry (`codecs`) do not answer.
 */
export async function withClients<Use extends keyof OpenedClients, T>(
  { config, logger, tool, retries = 5 }: ToolContext,
  uses: readonly Use[],
  work: (clients: KafkaClients & Pick<OpenedClients, Use>) => Promise<T>,
): Promise<T> {
  const topics = topicNames(config.kafka.topicPrefix)
  const kafka = createKafka({ connection: config.kafka, clientId: `paystatus-${tool}`, logger, retries })
  const isUsed = (name: keyof OpenedClients) => (uses as readonly string[]).includes(name)
  const admin = isUsed('admin') ? kafka.admin() : undefined
  try {
    if (admin !== undefined) {
      await connectAdmin(admin, config.kafka)
    }
    const codecs = isUsed('codecs')
      ? await loadPaymentCodecs(createSchemaRegistry(config.registry), topics, Date.now)
      : undefined
    const clients = { topics, kafka, reader: createPartitionReader(kafka), admin, codecs }
    // The clients that `uses` names have been created.
    return await work(clients as unknown as KafkaClients & OpenedClients)
  } finally {
    await admin?.disconnect()
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
