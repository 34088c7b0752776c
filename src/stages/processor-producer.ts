import type { Config } from '../config.ts'
import { OUTPUT_REQUEST_BYTES_MAX, type TopicNames } from '../topics.ts'
import { formerTransactionalId, processorTransactionalId } from '../transactional-id.ts'

/**
 * Options of the transactional producer of one processor partition. `repair` uses the same ones, so that it fences the
 * processor and is fenced by it (I7).
 */
export function processorProducer(config: Config, topics: TopicNames, partition: number) {
  const { group } = config.processor
  return {
    transactionalId: processorTransactionalId(topics.events, partition),
    /** Ids of earlier releases that may still be processing this partition. */
    formerTransactionalIds: [formerTransactionalId(config.environment, group, topics.events, partition)],
    transactionTimeoutMs: config.kafka.transactionTimeoutMs,
    group,
    inputTopic: topics.events,
    inputPartition: partition,
    // Subscribers read the others, and some clients cannot read zstd.
    compresses: (topic: string) => topic === topics.eventDeadLetters || config.kafka.compressStatusTopics,
    requestBytesMax: OUTPUT_REQUEST_BYTES_MAX,
  }
}
