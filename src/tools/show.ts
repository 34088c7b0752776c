import { loadPaymentCodecs } from '../avro/payment-codecs.ts'
import { createSchemaRegistry } from '../avro/schema-registry.ts'
import type { Config } from '../config.ts'
import { createKafka } from '../kafka/kafka-client.ts'
import { createPartitionReader } from '../kafka/partition-reader.ts'
import type { Logger } from '../observability/log.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import { decodePrepared } from '../processor/decode-prepared.ts'
import { RedisStateStore } from '../processor/redis-state-store.ts'
import { RedisClient } from '../redis/redis-client.ts'
import { partitionOf } from '../stream/partition-of.ts'
import { topicNames } from '../topics.ts'
import { currentStates } from './current-states.ts'

export interface FoundPayments {
  readonly states: readonly PaymentState[]
  /** Where they were read: the view in Redis, or the topic itself, which is the truth and slower. */
  readonly from: 'view' | 'topic'
}

/**
 * Finds payments by payment key, by the provider's own id, or by endToEndId (several payments can share one).
 *
 * Asks the view in Redis; reads `payments.status.current` if Redis does not answer, or if `fromTopic` asks for it.
 */
export async function findPayments(
  config: Config,
  logger: Logger,
  wanted: string,
  { fromTopic = false }: { fromTopic?: boolean } = {},
): Promise<FoundPayments> {
  const topics = topicNames(config.kafka.topicPrefix)
  const codecs = await loadPaymentCodecs(createSchemaRegistry(config.registry), topics, Date.now)
  const keys = candidateKeys(config, wanted)
  if (!fromTopic) {
    const found = await fromView(config, logger, wanted, keys)
    if (found !== undefined) {
      const states = found.map(({ partition, bytes }) =>
        decodePrepared(codecs.state, bytes, { topic: topics.current, partition, offset: null, inView: true }),
      )
      return { from: 'view', states: await Promise.all(states) }
    }
  }
  const reader = createPartitionReader(
    createKafka({ connection: config.kafka, clientId: 'paystatus-show', logger, retries: 5 }),
  )
  const isWanted = ({ paymentKey, details }: PaymentState) => keys.includes(paymentKey) || details.endToEndId === wanted
  const states = await currentStates(reader, codecs, topics.current, config.kafka.partitions, isWanted)
  return { from: 'topic', states }
}

interface FoundBytes {
  readonly partition: number
  readonly bytes: Buffer
}

/** Undefined if Redis does not answer. */
async function fromView(
  config: Config,
  logger: Logger,
  wanted: string,
  keys: readonly string[],
): Promise<readonly FoundBytes[] | undefined> {
  const redis = new RedisClient(config.redis, logger)
  const store = new RedisStateStore(redis, config.environment, config.processor.group)
  try {
    await redis.connected()
    const all = new Set(keys)
    for (let partition = 0; partition < config.kafka.partitions; partition += 1) {
      for (const key of await store.findByEndToEndId(partition, wanted)) {
        all.add(key)
      }
    }
    const found: FoundBytes[] = []
    for (const key of all) {
      const partition = partitionOf(Buffer.from(key), config.kafka.partitions)
      const [state] = (await store.read(partition, [key])).states
      if (state != null) {
        found.push({ partition, bytes: state })
      }
    }
    return found
  } catch {
    return undefined
  } finally {
    redis.close()
  }
}

/** What a person may mean by an id: a payment key, or a provider's id in any configured namespace. */
function candidateKeys(config: Config, wanted: string): readonly string[] {
  const namespaces = new Set(config.sources.map((source) => source.namespace))
  const keys = [wanted]
  for (const namespace of namespaces) {
    keys.push(`${namespace}:${wanted}`, `${namespace}:${wanted.toLowerCase()}`, `${namespace}:e2e:${wanted}`)
  }
  return [...new Set(keys)]
}
