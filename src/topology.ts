import { v7 as uuidv7 } from 'uuid'
import type { PaymentCodecs } from './avro/payment-codecs.ts'
import type { Config, ConfigPart } from './config.ts'
import { DataKeys } from './encryption/data-keys.ts'
import { ForgottenKeys } from './encryption/forgotten-keys.ts'
import { KeyEncryptionKeys } from './encryption/key-encryption-keys.ts'
import { createBodyOpener } from './encryption/open-bodies.ts'
import { SealingAppendLog } from './encryption/sealing-append-log.ts'
import { Access } from './gateway/access/access.ts'
import { Gateway } from './gateway/gateway.ts'
import { receiptIds } from './gateway/receipt-id.ts'
import { createKafkaAppendLog } from './kafka/kafka-append-log.ts'
import { createKafka } from './kafka/kafka-client.ts'
import { KafkaGroupConsumer } from './kafka/kafka-group-consumer.ts'
import { openKafkaTransactions } from './kafka/kafka-transactions.ts'
import { createPartitionReader } from './kafka/partition-reader.ts'
import { createTopicLogs } from './kafka/topic-logs.ts'
import { DriftWatch } from './normalizer/drift-watch.ts'
import { type NormalizerCounts, NormalizerTask } from './normalizer/normalizer-task.ts'
import type { Health } from './observability/health.ts'
import type { Logger } from './observability/log.ts'
import type { Metrics } from './observability/metrics.ts'
import type { TotalsDelta } from './payment/totals.ts'
import { ByteBudget } from './processor/byte-budget.ts'
import { RedisStateStore } from './processor/redis-state-store.ts'
import { REPLAY_BYTES } from './processor/restore-view.ts'
import { StatusTask } from './processor/status-task.ts'
import { providerById } from './providers/registry.ts'
import { type UnknownSource, unknownSourceNote } from './raw/from-raw-record.ts'
import { sourcesById } from './raw/sources-by-id.ts'
import { RedisClient } from './redis/redis-client.ts'
import type { AppendLog } from './stream/append-log.ts'
import type { GroupConsumer } from './stream/group-consumer.ts'
import type { GroupOffsets } from './stream/group-offsets.ts'
import { GrowingDistance } from './stream/growing-distance.ts'
import { KeysInPlace } from './stream/keys-in-place.ts'
import type { Lane, LaneLimits } from './stream/lane.ts'
import { isOwnPartition } from './stream/partition-of.ts'
import type { PartitionTask } from './stream/partition-task.ts'
import { StageRunner } from './stream/stage-runner.ts'
import type { TopicLogs } from './stream/topic-logs.ts'
import { formerTransactionalId, processorTransactionalId } from './stream/transactional-id.ts'
import { Watchdog } from './stream/watchdog.ts'
import { OUTPUT_REQUEST_BYTES_MAX, type TopicId, type TopicNames } from './topics.ts'

/**
 * The stages in the order of the data. Each reads one topic (the gateway: HTTP) and writes others; this file is the only
 * place that puts a stage together with its clients.
 *
 *     provider --HTTP--> gateway --> raw --> normalizer --> events --> processor --> changes, current
 *                                                 |                        |
 *                                                 +--> callbacks.dlq       +--> events.dlq, and the view in Redis
 */
export const TOPOLOGY = [
  {
    stage: 'gateway',
    reads: null,
    writes: ['raw', 'keys'],
    uses: ['kafka', 'gateway', 'encryption'],
    start: startGateway,
  },
  {
    stage: 'normalizer',
    reads: 'raw',
    writes: ['events', 'rawDeadLetters'],
    uses: ['kafka', 'registry', 'encryption'],
    start: startNormalizer,
  },
  {
    stage: 'processor',
    reads: 'events',
    writes: ['changes', 'current', 'eventDeadLetters'],
    uses: ['kafka', 'redis', 'registry'],
    start: startProcessor,
  },
] as const satisfies readonly {
  stage: string
  reads: TopicId | null
  writes: readonly TopicId[]
  /** Whose secrets and files it needs. */
  uses: readonly ConfigPart[]
  start: (context: StageContext) => Promise<RunningStage>
}[]

export type StageName = (typeof TOPOLOGY)[number]['stage']

/** What a stage gets from the process it runs in. */
export interface StageContext {
  readonly config: Config
  readonly topics: TopicNames
  readonly logger: Logger
  readonly health: Health
  readonly metrics: Metrics
  readonly offsets: GroupOffsets
  readonly clusterId: () => Promise<string>
  readonly codecs: () => Promise<PaymentCodecs>
  /** Ends the process, non-zero, with this reason. */
  readonly onFatal: (error: Error) => void
}

export interface RunningStage {
  /** Finishes what was begun, commits, leaves the group, closes. */
  stop(): Promise<void>
  /** Where the gateway listens. */
  readonly url?: string
}

async function startGateway(context: StageContext): Promise<RunningStage> {
  const { config, topics, logger, health, metrics } = context
  // A hang costs more than a 503: the client gives up early, the provider calls again.
  const kafka = createKafka({
    connection: config.kafka,
    clientId: 'paystatus-gateway',
    logger,
    requestTimeoutMs: 3_000,
    retries: 1,
    initialRetryTimeMs: 50,
  })
  const raw = createKafkaAppendLog(kafka, {
    topic: topics.raw,
    partitions: config.kafka.partitions,
    waitingRecordsMax: config.gateway.waitingRecordsMax,
    waitingBytesMax: config.gateway.waitingBytesMax,
    // Longer than one answer waits would only send what its caller repeats anyway.
    retryForMs: config.gateway.answerDeadlineMs,
    replicasTimeoutMs: replicasTimeoutOf(config.gateway.answerDeadlineMs),
  })
  const sealed = sealedLog(context, kafka, raw.log)
  const access = new Access({
    ...config.gateway,
    sources: config.sources,
    logger,
    metrics: metrics.gateway,
    now: Date.now,
  })
  const gateway = new Gateway({
    ...config.gateway,
    sources: config.sources,
    access,
    providers: providerById,
    appendLog: sealed?.log ?? raw.log,
    digestOf: sealed?.digestOf,
    now: Date.now,
    newReceiptId: receiptIds(),
    logger,
    metrics: metrics.gateway,
    health,
  })
  const { host, port } = await gateway.start()
  // The first callback should not pay for the connection; while Kafka is away every append tries again.
  raw.connect().catch(() => {})
  return {
    url: `${access.tls === null ? 'http' : 'https'}://${host}:${port}`,
    stop: async () => {
      await gateway.stop()
      await Promise.all([raw.close(), sealed?.close()])
    },
  }
}

/**
 * A leader answers for all partitions of a request when the slowest is done: soon enough that a partition whose replicas are
 * late does not cost the callbacks of the others their answer.
 */
function replicasTimeoutOf(answerDeadlineMs: number): number {
  return Math.max(1, Math.floor((answerDeadlineMs * 2) / 3))
}

/** Encrypts bodies before they go into raw; null if that is not configured, and then it costs nothing. */
function sealedLog(
  { config, topics }: StageContext,
  kafka: ReturnType<typeof createKafka>,
  raw: ReturnType<typeof createKafkaAppendLog>['log'],
) {
  const { encryption, gateway } = config
  if (encryption === null || encryption.activeKey === null) {
    return null
  }
  const { waitingRecordsMax, waitingBytesMax } = gateway
  const keks = new KeyEncryptionKeys(encryption.keys, encryption.activeKey)
  const keys = createKafkaAppendLog(kafka, {
    topic: topics.keys,
    partitions: config.kafka.partitions,
    waitingRecordsMax,
    waitingBytesMax,
    retryForMs: gateway.answerDeadlineMs,
    replicasTimeoutMs: replicasTimeoutOf(gateway.answerDeadlineMs),
  })
  const dataKeys = new DataKeys({
    keks,
    log: keys.log,
    notes: new ForgottenKeys(createPartitionReader(kafka), topics.forgottenKeys, () => performance.now()),
    now: Date.now,
    newUuid: receiptIds(),
  })
  return {
    log: new SealingAppendLog({
      raw,
      dataKeys,
      dataKeyPer: encryption.dataKeyPer,
      waitingRecordsMax,
      waitingBytesMax,
      now: Date.now,
    }),
    digestOf: keks.digestOf(),
    close: () => keys.close(),
  }
}

async function startNormalizer(context: StageContext): Promise<RunningStage> {
  const { config, topics, logger, metrics, offsets } = context
  const kafka = stageKafka(context, 'paystatus-normalizer')
  const codecs = await context.codecs()
  const output = (topic: string) =>
    createKafkaAppendLog(kafka, {
      topic,
      partitions: config.kafka.partitions,
      // All lanes together: each appends the events of one chunk at a time.
      waitingRecordsMax: 500_000,
      waitingBytesMax: 256 * 1024 * 1024,
      retryForMs: 10_000,
    })
  const events = output(topics.events)
  const deadLetters = output(topics.rawDeadLetters)
  const sources = sourcesById(config.sources)
  const drift = new DriftWatch({
    warn: (provider, { kind, name }) =>
      logger.warn({ provider, kind, name }, 'the provider says something that the mapping does not know'),
    warnFull: (namesMax) => logger.warn({ namesMax }, 'more unknown names than are told apart; they are still counted'),
    count: (provider, kind) => metrics.normalizer.drift.inc({ provider, kind }),
  })
  const unknown = new GrowingDistance()
  const reader = createPartitionReader(kafka)
  const bodies = createBodyOpener(config, topics, reader, (dataKeyId, waitedMs) =>
    logger.warn({ dataKeyId, waitedMs: Math.round(waitedMs) }, 'a data key is not there yet: waits for it'),
  )
  const logs = createTopicLogs(kafka)
  const consumer = groupConsumer(context, kafka, config.normalizer.group, topics.raw)
  const stage = await startStage(context, 'normalizer', topics.raw, consumer, logs, (partition) => {
    return new NormalizerTask({
      partition,
      group: config.normalizer.group,
      rawTopic: topics.raw,
      sources,
      events: events.log as AppendLog,
      deadLetters: deadLetters.log as AppendLog,
      codec: codecs.event,
      bodies,
      reader,
      offsets,
      logs,
      environment: config.environment,
      namespaces: new Map(config.sources.map(({ id, namespace }) => [id, namespace])),
      commit: (of, next, metadata) => consumer.commit(of, next, metadata),
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
    })
  })
  return {
    stop: async () => {
      await stage.stop()
      await Promise.all([events.close(), deadLetters.close()])
    },
  }
}

const DEAD_LETTERS_KEPT =
  'nothing is lost, the callbacks are kept byte for byte as dead letters in payments.callbacks.dlq'
const UNKNOWN_SOURCE_TEXTS: Record<UnknownSource, string> = {
  'unknown-source': `callbacks cannot be read: their records do not say what their source is, and it is not configured here; ${DEAD_LETTERS_KEPT}; configure the source`,
  'unknown-provider': `callbacks cannot be read: this release does not know their provider; ${DEAD_LETTERS_KEPT}; upgrade this role, the normalizer first`,
}

/**
 * The processor's memory, whatever the number of its partitions: the bytes of events and states, as they are encoded, that
 * all of them work at together, and those of one transaction. Decoded they take up to three times as much, and once more
 * on their way out. A state is mostly 1 to 2 KiB, but can have almost 2 MiB. Measured with `make bench-memory`.
 */
const WORKED_AT_BYTES_MAX = 48 * 1024 * 1024
const PORTION_BYTES_MAX = 24 * 1024 * 1024
/** How many partitions are replayed into their views at the same time. */
const RESTORES_MAX = 3

async function startProcessor(context: StageContext): Promise<RunningStage> {
  const { config, topics, logger, health, metrics, offsets } = context
  const kafka = stageKafka(context, 'paystatus-processor')
  const [codecs, clusterId] = await Promise.all([context.codecs(), context.clusterId()])
  const { group } = config.processor
  const redis = new RedisClient(config.redis, logger)
  redis.connect()
  const store = new RedisStateStore(redis, config.environment, group)
  const reader = createPartitionReader(kafka)
  const logs = createTopicLogs(kafka)
  const keys = new KeysInPlace(topics.current, reader, isOwnPartition)
  const waits = new WaitingLanes(health, metrics, logger)
  const budget = new ByteBudget(WORKED_AT_BYTES_MAX)
  const restoreBudget = new ByteBudget(RESTORES_MAX * REPLAY_BYTES)
  const consumer = groupConsumer(context, kafka, group, topics.events)
  const stage = await startStage(
    context,
    'processor',
    topics.events,
    consumer,
    logs,
    (partition) =>
      new StatusTask({
        partition,
        group,
        topics,
        clusterId,
        codecs,
        store,
        reader,
        offsets,
        logs,
        keys,
        environment: config.environment,
        transactionalId: processorTransactionalId(topics.events, partition),
        formerTransactionalIds: [formerTransactionalId(config.environment, group, topics.events, partition)],
        openTransactions: () =>
          openKafkaTransactions(kafka, {
            transactionalId: processorTransactionalId(topics.events, partition),
            transactionTimeoutMs: config.kafka.transactionTimeoutMs,
            group,
            inputTopic: topics.events,
            inputPartition: partition,
            requestBytesMax: OUTPUT_REQUEST_BYTES_MAX,
            onFailed: () => metrics.processor.transactions.inc({ outcome: 'failed' }),
          }),
        duePolicy: config.payments,
        portionBytesMax: PORTION_BYTES_MAX,
        budget,
        restoreBudget,
        now: Date.now,
        newToken: () => uuidv7(),
        report: waits.reportOf(partition),
        onCommitted: (delta) => countCommitted(metrics, delta),
        onRestored: (kind, records, durationMs) => {
          metrics.processor.restoreSeconds.observe({ kind }, durationMs / 1_000)
          logger.debug({ partition, kind, records, durationMs }, 'partition open')
        },
        logger,
      }),
    (partition) => waits.has(partition) || budget.isWaiting(partition) || restoreBudget.isWaiting(partition),
  )
  return {
    stop: async () => {
      await stage.stop()
      redis.close()
    },
  }
}

const LANE_LIMITS: Record<'normalizer' | 'processor', LaneLimits> = {
  normalizer: {
    queuedRecordsMax: 10_000,
    queuedBytesMax: 64 * 1024 * 1024,
    chunkRecordsMax: 1_000,
    // A chunk is a request for each output leader and a share of a commit.
    chunkIntervalMs: 20,
    idleIntervalMs: 1_000,
  },
  processor: {
    queuedRecordsMax: 10_000,
    queuedBytesMax: 64 * 1024 * 1024,
    chunkRecordsMax: 1_000,
    // A transaction is five requests to the brokers, however few events it holds.
    chunkIntervalMs: 30,
    idleIntervalMs: 1_000,
  },
}

const WATCH_INTERVAL_MS = 5_000
/** Several times as long as a rebalance; a lane that is being opened or waits for Redis does not count. */
const STALL_MS = 60_000

async function startStage(
  context: StageContext,
  stage: 'normalizer' | 'processor',
  topic: string,
  consumer: GroupConsumer,
  logs: TopicLogs,
  createTask: (partition: number) => PartitionTask,
  waiting: (partition: number) => boolean = () => false,
): Promise<RunningStage> {
  const { health, logger, metrics, offsets, onFatal } = context
  const runner = new StageRunner({ consumer, createTask, limits: LANE_LIMITS[stage], logger, onFatal })
  const watchdog = new Watchdog({
    topic,
    offsets,
    logs,
    lanes: () => runner.lanes,
    waiting,
    intervalMs: WATCH_INTERVAL_MS,
    stallMs: STALL_MS,
    now: Date.now,
    logger,
    onLag: (partition, lag) => metrics.runtime.setLag(stage, partition, lag),
    onBroker: (reachable, reason) => health.set('kafka', reachable, reason),
    onStalled: onFatal,
  })
  let reported = new Set<number>()
  const observe = () => {
    const states = runner.lanes.map((lane) => lane.state)
    metrics.runtime.setLanes(stage, states)
    const ours = new Set(runner.lanes.map((lane) => lane.partition))
    for (const partition of reported) {
      if (!ours.has(partition)) {
        metrics.runtime.setLag(stage, partition, null)
      }
    }
    reported = ours
    const reason = runner.joined ? notWorking(runner.lanes) : 'not in the group yet'
    health.set(stage, reason === null, reason ?? undefined)
  }
  observe()
  const observer = setInterval(observe, 200)
  observer.unref()
  await runner.start()
  watchdog.start()
  return {
    stop: async () => {
      clearInterval(observer)
      watchdog.stop()
      await runner.stop()
    },
  }
}

/** Which partitions do not work, and why as far as that is known; null if all do. */
function notWorking(lanes: readonly Pick<Lane, 'partition' | 'state' | 'trouble'>[]): string | null {
  const not = lanes.filter(({ state, trouble }) => state !== 'open' || trouble !== null)
  if (not.length === 0) {
    return null
  }
  const reasons = new Set(not.flatMap(({ trouble }) => trouble ?? []))
  const count = `${not.length} of ${lanes.length} partitions are not open yet`
  return reasons.size === 0 ? count : `${count}: ${[...reasons].slice(0, REASONS_MAX).join('; ')}`
}

const REASONS_MAX = 3

/** A stage waits for the broker as long as it takes; its own error handling says when to doubt. */
function stageKafka(context: StageContext, clientId: string) {
  return createKafka({ connection: context.config.kafka, clientId, logger: context.logger })
}

function groupConsumer(
  context: StageContext,
  kafka: ReturnType<typeof createKafka>,
  group: string,
  topic: string,
): GroupConsumer {
  return new KafkaGroupConsumer(kafka, { group, topic, sessionTimeoutMs: context.config.kafka.sessionTimeoutMs })
}

/** Which lanes wait for Redis, for the health check. */
class WaitingLanes {
  readonly #waiting = new Set<number>()
  readonly #health: Health
  readonly #metrics: Metrics
  readonly #logger: Logger
  readonly #distance = new GrowingDistance()
  #warned = false

  constructor(health: Health, metrics: Metrics, logger: Logger) {
    this.#health = health
    this.#metrics = metrics
    this.#logger = logger
    health.set('redis', true)
  }

  has(partition: number): boolean {
    return this.#waiting.has(partition)
  }

  reportOf(partition: number) {
    return {
      waiting: (reason: string) => {
        if (!this.#waiting.has(partition)) {
          this.#metrics.processor.redisWaits.inc()
        }
        this.#waiting.add(partition)
        this.#health.set('redis', false, reason)
        const times = this.#distance.met(reason, performance.now())
        if (times !== null) {
          this.#warned = true
          this.#logger.warn(
            { reason, times, partitions: this.#waiting.size },
            'waits for Redis; commits nothing meanwhile',
          )
        }
      },
      going: () => {
        this.#waiting.delete(partition)
        if (this.#waiting.size === 0) {
          this.#health.set('redis', true)
          this.#distance.over()
          if (this.#warned) {
            this.#warned = false
            this.#logger.info('Redis answers again')
          }
        }
      },
    }
  }
}

function countTranslated(metrics: Metrics, counts: NormalizerCounts): void {
  metrics.normalizer.callbacks.inc(counts.callbacks)
  metrics.normalizer.events.inc(counts.events)
  metrics.normalizer.setAside.inc(counts.setAside)
  metrics.normalizer.forgotten.inc(counts.forgotten)
  for (const [reason, count] of counts.deadLetters) {
    metrics.normalizer.deadLetters.inc({ reason }, count)
  }
}

function countCommitted(metrics: Metrics, delta: TotalsDelta): void {
  metrics.processor.transactions.inc({ outcome: 'committed' })
  const { events, ...verdicts } = delta
  metrics.processor.events.inc(events)
  for (const [verdict, count] of Object.entries(verdicts)) {
    if (count > 0) {
      metrics.processor.verdicts.inc({ verdict }, count)
    }
  }
}
