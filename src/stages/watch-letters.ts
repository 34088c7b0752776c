import { createKafka } from '../kafka/kafka-client.ts'
import { createPartitionReader } from '../kafka/partition-reader.ts'
import { createTopicLogs } from '../kafka/topic-logs.ts'
import { sleep } from '../sleep.ts'
import { GrowingDistance } from '../stream/growing-distance.ts'
import { LetterWatch } from '../stream/letter-watch.ts'
import { shortReason } from '../stream/short-reason.ts'
import { compactedAmong } from '../topics.ts'
import { OPEN_LETTER_REASONS } from './open-letter-reasons.ts'
import type { StageContext } from './stage-context.ts'

/** Counts the open dead letters of one topic in the partitions that the stage owns, while the stage runs. */
export function watchLetters(
  { config, topics, logger, deadLetters }: StageContext,
  topic: 'rawDeadLetters' | 'eventDeadLetters',
  partitions: () => readonly number[],
): LetterWatch {
  // Gives up soon: the watch tries again anyway, and a missing topic or permission must be reported soon.
  const kafka = createKafka({ connection: config.kafka, clientId: 'paystatus-dead-letters', logger, retryForMs: 300 })
  const letters = topics[topic]
  const distance = new GrowingDistance()
  const watch = new LetterWatch({
    reader: createPartitionReader(kafka, compactedAmong(topics)),
    logs: createTopicLogs(kafka),
    letters,
    resolved: topics.resolvedDeadLetters,
    reasons: OPEN_LETTER_REASONS,
    partitions,
    onCounted: (counts) => {
      deadLetters.set(letters, counts)
      distance.over()
    },
    onTrouble: (error) => {
      const reason = shortReason(error)
      deadLetters.fail(letters, reason)
      if (distance.met(reason, performance.now()) !== null) {
        logger.warn({ topic: letters, reason }, 'cannot count the open dead letters; processing is not affected')
      }
    },
    sleep,
  })
  watch.start()
  return watch
}
