import type { Config } from '../config.ts'
import { formerTransactionalId, processorTransactionalId } from '../stream/transactional-id.ts'
import { OUTPUT_REQUEST_BYTES_MAX, type TopicNames } from '../topics.ts'

/**
 * The transactional producer of one partition of the processor. `repair` uses the same one, so that it fences the processor
 * and is fenced by it (I7).
 */
export function processorProducer(config: Config, topics: TopicNames, partition: number) {
  const { group } = config.processor
  return {
    transactionalId: processorTransactionalId(topics.events, partition),
    /** Ids under which earlier releases may still work for this partition. */
    formerTransactionalIds: [formerTransactionalId(config.environment, group, topics.events, partition)],
    transactionTimeoutMs: config.kafka.transactionTimeoutMs,
    group,
    inputTopic: topics.events,
    inputPartition: partition,
    requestBytesMax: OUTPUT_REQUEST_BYTES_MAX,
  }
}
