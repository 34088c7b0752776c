import { setTimeout as delay } from 'node:timers/promises'
import { loadPaymentCodecs } from '../../avro/payment-codecs.ts'
import { createSchemaRegistry } from '../../avro/schema-registry.ts'
import type { Config } from '../../config.ts'
import { createBodyOpener } from '../../encryption/open-bodies.ts'
import { connectAdmin } from '../../kafka/brokers.ts'
import { createGroupOffsets } from '../../kafka/group-offsets.ts'
import { createKafka } from '../../kafka/kafka-client.ts'
import { createPartitionReader } from '../../kafka/partition-reader.ts'
import type { Logger } from '../../observability/log.ts'
import { RedisStateStore } from '../../processor/redis-state-store.ts'
import { RedisClient } from '../../redis/redis-client.ts'
import { topicNames } from '../../topics.ts'
import { heapGuard } from './heap-guard.ts'
import { Verification, type VerificationOptions } from './verification.ts'
import type { VerifyReport } from './verify-report.ts'

export interface VerifyOptions extends VerificationOptions {
  /** Whether the view in Redis is compared too; it is, if not said otherwise. */
  readonly view?: boolean
}

/**
 * Recomputes every payment from the raw callbacks and compares it with `changes`, `current` and the view in Redis.
 *
 * It runs beside the stages, reads only, and leaves no consumer group behind. While callbacks keep coming it judges what
 * both stages had behind them when it began.
 *
 * Rejects if Kafka, the registry or (with the view) Redis does not answer, and if a transaction stays open: it never
 * guesses.
 */
export async function verify(config: Config, logger: Logger, options: VerifyOptions = {}): Promise<VerifyReport> {
  const { topicPrefix } = config.kafka
  const kafka = createKafka({ connection: config.kafka, clientId: 'paystatus-verify', logger, retries: 5 })
  const admin = kafka.admin()
  const redis = new RedisClient(config.redis, logger)
  try {
    await connectAdmin(admin, config.kafka)
    const registry = createSchemaRegistry(config.registry)
    const codecs = await loadPaymentCodecs(registry, topicNames(topicPrefix), Date.now)
    const withView = options.view !== false
    if (withView) {
      await redis.connected()
    }
    const reader = createPartitionReader(kafka)
    const ports = {
      reader,
      bodies: createBodyOpener(config, topicNames(topicPrefix), reader),
      offsets: createGroupOffsets(admin),
      codecs,
      store: withView ? new RedisStateStore(redis, config.environment, config.processor.group) : null,
      now: Date.now,
      pause: async (ms: number) => {
        await delay(ms, undefined, options.signal === undefined ? {} : { signal: options.signal })
      },
    }
    return await new Verification(ports, config, { guardHeap: heapGuard(), ...options }).run()
  } finally {
    redis.close()
    await admin.disconnect()
  }
}
