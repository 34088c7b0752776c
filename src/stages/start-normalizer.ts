import { createBodyOpener } from '../encryption/open-bodies.ts'
import { createKafkaAppendLog } from '../kafka/kafka-append-log.ts'
import { createKafka } from '../kafka/kafka-client.ts'
import { createPartitionReader } from '../kafka/partition-reader.ts'
import { createTopicLogs } from '../kafka/topic-logs.ts'
import { DriftWatch, driftText } from '../normalizer/drift-watch.ts'
import { type NormalizerCounts, NormalizerTask } from '../normalizer/normalizer-task.ts'
import type { Metrics } from '../observability/metrics.ts'
import { type UnknownSource, unknownSourceNote } from '../raw/from-raw-record.ts'
import { sourcesById } from '../raw/sources-by-id.ts'
import type { AppendLog } from '../stream/append-log.ts'
import { GrowingDistance } from '../stream/growing-distance.ts'
import { SeenTopics } from '../stream/seen-topics.ts'
import { compactedAmong } from '../topics.ts'
import type { RunningStage, StageContext } from './stage-context.ts'
import { type LanesOptions, startLanes } from './start-lanes.ts'

export async function startNormalizer(context: StageContext): Promise<RunningStage> {
  const { config, topics, logger, metrics, offsets } = context
  // Queries are retried for a few seconds; then the lanes decide.
  const kafka = createKafka({ connection: config.kafka, clientId: 'paystatus-normalizer', logger })
  const [codecs] = await Promise.all([context.codecs(), context.topicsReady()])
  const output = (topic: string) =>
    createKafkaAppendLog(kafka, {
      topic,
      partitions: config.kafka.partitions,
      // Shared by all lanes; each appends the events of one chunk at a time.
      waitingRecordsMax: 500_000,
      waitingBytesMax: 256 * 1024 * 1024,
      retryForMs: 10_000,
    })
  const events = output(topics.events)
  const deadLetters = output(topics.rawDeadLetters)
  const sources = sourcesById(config.sources)
  const drift = new DriftWatch({
    warn: (provider, { kind, name }) => logger.warn({ provider, kind, name }, driftText(kind)),
    warnFull: (namesMax) =>
      logger.warn({ namesMax }, 'too many unknown names to log each; further ones are only counted'),
    count: (provider, kind) => metrics.normalizer.drift.inc({ provider, kind }),
  })
  const unknown = new GrowingDistance()
  const reader = createPartitionReader(kafka, compactedAmong(topics))
  const bodies = createBodyOpener(config, topics, reader, (dataKeyId, waitedMs) =>
    logger.warn({ dataKeyId, waitedMs: Math.round(waitedMs) }, 'waiting for a data key that is not yet in the topic'),
  )
  const logs = createTopicLogs(kafka)
  const seenTopics = new SeenTopics()
  const { group } = config.normalizer
  const createTask: LanesOptions['createTask'] = (partition, commit) =>
    new NormalizerTask({
      partition,
      group,
      rawTopic: topics.raw,
      sources,
      events: events.log as AppendLog,
      deadLetters: deadLetters.log as AppendLog,
      codec: codecs.event,
      bodies,
      reader,
      offsets,
      logs,
      seenTopics,
      environment: config.environment,
      namespaces: new Map(config.sources.map(({ id, namespace }) => [id, namespace])),
      commit,
      now: Date.now,
      onTranslated: (counts) => countTranslated(metrics, counts),
      onDrift: (provider, notes) => drift.saw(provider, notes),
      onUnknownSource: (record, reason) => {
        const note = unknownSourceNote(record, reason)
        const times = unknown.met(`${reason} ${note.source}`, performance.now())
        if (times !== null) {
          logger.error({ ...note, partition, times }, UNKNOWN_SOURCE_TEXTS[reason])
        }
      },
      crashPoint: context.crashPoint,
    })
  const lanes = await startLanes(context, {
    stage: 'normalizer',
    group,
    topic: topics.raw,
    letters: 'rawDeadLetters',
    kafka,
    reader,
    logs,
    createTask,
  })
  return {
    stop: async () => {
      await lanes.stop()
      await Promise.all([events.close(), deadLetters.close()])
    },
  }
}

const DEAD_LETTERS_KEPT = 'nothing is lost: payments.callbacks.dlq keeps the callbacks byte for byte'
const UNKNOWN_SOURCE_TEXTS: Record<UnknownSource, string> = {
  'unknown-source': `callbacks cannot be read: their records do not describe their source, and it is not configured here; ${DEAD_LETTERS_KEPT}; configure the source`,
  'unknown-provider': `callbacks cannot be read: this release does not know their provider; ${DEAD_LETTERS_KEPT}; upgrade the normalizer (always before the gateway)`,
}

function countTranslated(metrics: Metrics, counts: NormalizerCounts): void {
  metrics.normalizer.callbacks.inc(counts.callbacks)
  metrics.normalizer.events.inc(counts.events)
  metrics.normalizer.setAside.inc(counts.setAside)
  metrics.normalizer.forgotten.inc(counts.forgotten)
  for (const [reason, count] of counts.deadLetters) {
    metrics.normalizer.deadLetters.inc({ reason }, count)
  }
  metrics.runtime.unaccounted('normalizer', counts.unaccounted)
}
