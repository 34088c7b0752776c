import { loadPaymentCodecs } from '../../avro/payment-codecs.ts'
import { createSchemaRegistry } from '../../avro/schema-registry.ts'
import type { Config } from '../../config.ts'
import { createKafka } from '../../kafka/kafka-client.ts'
import { createPartitionReader } from '../../kafka/partition-reader.ts'
import type { Logger } from '../../observability/log.ts'
import { topicNames } from '../../topics.ts'
import { currentStates } from '../current-states.ts'
import type { FoundPayment } from './await-statuses.ts'

/** Returns a function that reads every payment in `payments.status.current`, by payment key. */
export async function currentPayments(
  config: Config,
  logger: Logger,
): Promise<() => Promise<ReadonlyMap<string, FoundPayment>>> {
  const topics = topicNames(config.kafka.topicPrefix)
  const codecs = await loadPaymentCodecs(createSchemaRegistry(config.registry), topics, Date.now)
  const reader = createPartitionReader(
    createKafka({ connection: config.kafka, clientId: 'paystatus-simulate', logger, retries: 5 }),
  )
  return async () => {
    const states = await currentStates(reader, codecs, topics.current, config.kafka.partitions, () => true)
    return new Map(states.map((state) => [state.paymentKey, state]))
  }
}
