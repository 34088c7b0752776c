import { v7 as uuidv7 } from 'uuid'
import { createKafka } from '../kafka/kafka-client.ts'
import { openKafkaTransactions } from '../kafka/kafka-transactions.ts'
import { createPartitionReader } from '../kafka/partition-reader.ts'
import { createTopicLogs } from '../kafka/topic-logs.ts'
import { EventTimes } from '../observability/event-times.ts'
import type { Metrics } from '../observability/metrics.ts'
import { totalsDifference } from '../payment/totals.ts'
import { ByteBudget } from '../processor/byte-budget.ts'
import { RedisStateStore } from '../processor/redis-state-store.ts'
import { REPLAY_BYTES } from '../processor/restore-view.ts'
import { StatusTask } from '../processor/status-task.ts'
import type { Committed } from '../processor/status-task-options.ts'
import { OUTPUTS } from '../processor/view-marker.ts'
import { PROVIDER_IDS } from '../providers/registry.ts'
import { RedisClient, type RedisMemory } from '../redis/redis-client.ts'
import { KeysInPlace } from '../stream/keys-in-place.ts'
import { OpenTransactions } from '../stream/open-transactions.ts'
import { SeenTopics } from '../stream/seen-topics.ts'
import { compactedAmong } from '../topics.ts'
import { processorProducer } from './processor-producer.ts'
import { RedisWaits } from './redis-waits.ts'
import type { RunningStage, StageContext } from './stage-context.ts'
import { startLanes } from './start-lanes.ts'

/**
 * Memory limits, independent of the number of partitions: encoded bytes of the events and states being processed, in all
 * partitions together and in one transaction. Decoded they take up to three times as much, and the same again for the output.
 * A state usually has 1 to 2 KiB but can reach almost 2 MiB. Measured with `make bench-memory`.
 */
const WORKED_AT_BYTES_MAX = 48 * 1024 * 1024
const PORTION_BYTES_MAX = 24 * 1024 * 1024
/** Maximum number of views restored at the same time. */
const RESTORES_MAX = 3

export async function startProcessor(context: StageContext): Promise<RunningStage> {
  const { config, topics, logger, health, metrics, offsets } = context
  // Queries are retried for a few seconds; then the lanes decide.
  const kafka = createKafka({ connection: config.kafka, clientId: 'paystatus-processor', logger })
  const [codecs, clusterId] = await Promise.all([context.codecs(), context.topicsReady().then(context.clusterId)])
  const { group } = config.processor
  const redis = new RedisClient(config.redis, logger, (nodes) => showMemory(metrics, nodes))
  redis.connect()
  const store = new RedisStateStore(redis, config.environment, group)
  const reader = createPartitionReader(kafka, compactedAmong(topics))
  const logs = createTopicLogs(kafka)
  const seenTopics = new SeenTopics()
  const keys = new KeysInPlace(topics.current, reader)
  const waits = new RedisWaits(health, metrics, logger)
  const budget = new ByteBudget(WORKED_AT_BYTES_MAX)
  const restoreBudget = new ByteBudget(RESTORES_MAX * REPLAY_BYTES)
  const times = new EventTimes(metrics.processor, PROVIDER_IDS)
  const createTask = (partition: number) => {
    const producer = processorProducer(config, topics, partition)
    return new StatusTask({
      partition,
      group,
      topics,
      clusterId,
      codecs,
      store,
      reader,
      offsets,
      logs,
      seenTopics,
      keys,
      environment: config.environment,
      transactionalId: producer.transactionalId,
      formerTransactionalIds: producer.formerTransactionalIds,
      openTransactions: (signal) =>
        openKafkaTransactions(kafka, {
          ...producer,
          signal,
          onFailed: () => metrics.processor.transactions.inc({ outcome: 'failed' }),
        }),
      duePolicy: config.payments,
      portionBytesMax: PORTION_BYTES_MAX,
      budget,
      restoreBudget,
      now: Date.now,
      newToken: () => uuidv7(),
      report: waits.reportOf(partition),
      onCommitted: (committed) => countCommitted(metrics, times, committed),
      onRestored: (kind, records, durationMs) => {
        metrics.processor.restoreSeconds.labels({ kind }).observe(durationMs / 1_000)
        logger.debug({ partition, kind, records, durationMs }, 'partition open')
      },
      logger,
      crashPoint: context.crashPoint,
    })
  }
  const lanes = await startLanes(context, {
    stage: 'processor',
    group,
    topic: topics.events,
    letters: 'eventDeadLetters',
    kafka,
    reader,
    logs,
    createTask,
    waiting: (partition) => waits.has(partition) || budget.isWaiting(partition) || restoreBudget.isWaiting(partition),
  })
  const transactions = new OpenTransactions({
    topics: OUTPUTS.map((output) => topics[output]),
    partitions: lanes.partitions,
    reader,
    now: Date.now,
  })
  transactions.start()
  metrics.processor.openTransactionSeconds.read = () =>
    transactions.open().map(({ topic, partition, forMs }) => [{ topic, partition }, forMs / 1_000])
  return {
    stop: async () => {
      transactions.stop()
      await lanes.stop()
      redis.close()
    },
  }
}

function countCommitted(metrics: Metrics, times: EventTimes, { totals, seen, advanced }: Committed): void {
  metrics.processor.transactions.inc({ outcome: 'committed' })
  const { events, ...verdicts } = totals
  metrics.processor.events.inc(events)
  for (const [verdict, count] of Object.entries(verdicts)) {
    if (count > 0) {
      metrics.processor.verdicts.inc({ verdict }, count)
    }
  }
  metrics.runtime.unaccounted('processor', Number(advanced) - events)
  metrics.runtime.unaccounted('processor', totalsDifference(totals))
  times.recorded(seen, Date.now())
}

function showMemory(metrics: Metrics, nodes: readonly RedisMemory[]): void {
  metrics.processor.redisUsedBytes.read = () => nodes.map(({ node, usedBytes }) => [{ node }, usedBytes])
  metrics.processor.redisMaxBytes.read = () => nodes.map(({ node, maxBytes }) => [{ node }, maxBytes])
}
