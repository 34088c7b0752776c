import { loadPaymentCodecs, type PaymentCodecs } from './avro/payment-codecs.ts'
import { createSchemaRegistry, withRetry } from './avro/schema-registry.ts'
import { SchemaWatch } from './avro/schema-watch.ts'
import type { Config } from './config.ts'
import { crashPointsOf } from './crash-point.ts'
import { type OpenApi, openApiOf } from './gateway/openapi.ts'
import { assertBrokersAnswer, onBrokers } from './kafka/brokers.ts'
import { createGroupOffsets } from './kafka/group-offsets.ts'
import { createKafka, type KafkaClient } from './kafka/kafka-client.ts'
import { findTopicProblems } from './kafka/topic-admin.ts'
import { DeadLetterBoard } from './observability/dead-letter-board.ts'
import { remindOfDeadLetters } from './observability/dead-letter-reminder.ts'
import { AdminServer, Health } from './observability/health.ts'
import { createLogger } from './observability/log.ts'
import { Metrics } from './observability/metrics.ts'
import type { Tracing } from './observability/tracing.ts'
import { providerById } from './providers/registry.ts'
import { sharedPromise } from './shared-promise.ts'
import type { RunningStage, StageContext } from './stages/stage-context.ts'
import { GrowingDistance } from './stream/growing-distance.ts'
import { topicNames } from './topics.ts'
import { ROLES, type RoleName, TOPOLOGY } from './topology.ts'
import { VERSION } from './version.ts'

/** How a process that runs stages ended. */
export type ExitReason = { readonly kind: 'signal' } | { readonly kind: 'fatal'; readonly error: Error }

/**
 * Runs some stages in this process until `stopSignal` or a fatal error, then drains them one by one in the order in which
 * they started: the gateway first, so that what it has accepted can still flow through.
 *
 * Waits for Kafka, the registry and Redis while they are unavailable, and reports this in the log and the health check.
 */
export async function runStages(
  config: Config,
  stages: readonly RoleName[],
  stopSignal: AbortSignal,
  onListening: (urls: { gateway?: string; console?: string; admin: string }) => void,
): Promise<ExitReason> {
  const logger = createLogger({ level: config.log.level, role: stages.join('+') })
  const health = new Health()
  const metrics = new Metrics({
    sources: config.sources.map((source) => source.id),
    exemplars: config.tracing.endpoint !== undefined,
  })
  const deadLetters = new DeadLetterBoard()
  metrics.runtime.watchDeadLetters(deadLetters)
  health.detail('deadLetters', () => deadLetters.details())
  const documents = stages.includes('gateway') ? { '/openapi.json': JSON.stringify(gatewayApi(config)) } : {}
  const admin = new AdminServer({ ...config.admin, health, registry: metrics.registry, documents })
  const { promise: fatal, resolve: onFatalError } = Promise.withResolvers<Error>()
  const aborted = new Promise<void>((resolve) => {
    if (stopSignal.aborted) {
      resolve()
    }
    stopSignal.addEventListener('abort', () => resolve(), { once: true })
  })

  // Gives up within about a second: callers retry, and meanwhile the health check and the log can report the reason.
  const kafka = createKafka({ connection: config.kafka, clientId: 'paystatus-admin', logger, retryForMs: 1_000 })
  const running: RunningStage[] = []
  const runtime: Runtime = { config, logger, health, kafka, signal: stopSignal, onFatal: onFatalError }
  const tracing = await startTracing(config)
  const context = stageContext(runtime, stages, metrics, deadLetters, tracing)
  const endReminder = remindOfDeadLetters(deadLetters, logger)

  async function start(): Promise<void> {
    for (const stage of stages.filter((candidate) => !isServer(candidate))) {
      // Before the admin server starts: readiness ignores components it has not heard of.
      health.set(stage, false, 'starting')
    }
    const listening = await admin.start()
    const gateway = stages.includes('gateway') ? await startOne('gateway') : undefined
    const console = stages.includes('console') ? await startOne('console') : undefined
    onListening({
      admin: `http://${listening.host}:${listening.port}`,
      ...(gateway?.url !== undefined && { gateway: gateway.url }),
      ...(console?.url !== undefined && { console: console.url }),
    })
    await Promise.all([context.topicsReady(), ...stages.filter((stage) => !isServer(stage)).map(startOne)])
  }

  async function startOne(stage: RoleName): Promise<RunningStage> {
    const entry = ROLES.find((candidate) => candidate.stage === stage)
    const started = await (entry as (typeof ROLES)[number]).start(context)
    running.push(started)
    return started
  }

  const startup = start().catch((error: Error) => {
    if (!stopSignal.aborted) {
      onFatalError(error)
    }
  })
  const reason = await Promise.race<ExitReason>([
    fatal.then((error) => ({ kind: 'fatal', error })),
    aborted.then(() => ({ kind: 'signal' })),
  ])
  if (reason.kind === 'fatal') {
    // Logged at once: the orderly stop takes time and may itself fail.
    logger.fatal({ err: reason.error }, 'a stage cannot continue; stopping')
  }
  health.drain()
  endReminder()
  // A hanging client must not keep a stopping process alive.
  const hanging = setTimeout(() => {
    logger.error({ limitMs: config.shutdown.limitMs }, 'stopping took too long; exiting without finishing')
    process.exit(1)
  }, config.shutdown.limitMs)
  hanging.unref()
  if (reason.kind === 'signal') {
    await startup
  }
  for (const stage of running) {
    await stage.stop().catch((error: Error) => logger.warn({ err: error }, 'a stage did not stop cleanly'))
  }
  await kafka.queries.close()
  await tracing?.close()
  await admin.stop()
  clearTimeout(hanging)
  return reason
}

/** Servers start before Kafka answers: the gateway says 503, and the console what is missing. */
function isServer(role: RoleName): boolean {
  return role === 'gateway' || role === 'console'
}

/** The OpenAPI document of the gateway with this configuration. */
export function gatewayApi(config: Config): OpenApi {
  return openApiOf({ ...config.gateway, sources: config.sources, providers: providerById, version: VERSION })
}

/** What the parts of a starting process share. */
interface Runtime extends Pick<StageContext, 'config' | 'logger' | 'health' | 'onFatal'> {
  readonly kafka: KafkaClient
  readonly signal: AbortSignal
}

/** Null if no receiver is configured; then nothing of OpenTelemetry is loaded. */
async function startTracing({ tracing: { endpoint, sampleRatio }, environment }: Config): Promise<Tracing | null> {
  if (endpoint === undefined) {
    return null
  }
  const { createTracing } = await import('./observability/tracing.ts')
  return await createTracing({ endpoint, sampleRatio, environment })
}

function stageContext(
  runtime: Runtime,
  stages: readonly RoleName[],
  metrics: Metrics,
  deadLetters: DeadLetterBoard,
  tracing: Tracing | null,
): StageContext {
  const { config, logger, health, kafka, onFatal } = runtime
  const topics = topicNames(config.kafka.topicPrefix)
  const offsets = createGroupOffsets(kafka)
  return {
    config,
    topics,
    logger,
    health,
    metrics,
    deadLetters,
    tracing,
    offsets,
    crashPoint: crashPointsOf(process.env['PAYSTATUS_CRASH_POINTS']),
    onFatal,
    topicsReady: sharedPromise(() => brokersReady(runtime, stages)),
    clusterId: () => onBrokers(config.kafka, () => offsets.clusterId()),
    codecs: sharedPromise(async () => {
      const load = () => loadPaymentCodecs(createSchemaRegistry(config.registry), topics, Date.now)
      const loaded = await waitFor('registry', runtime, load)
      watchSchemas(loaded, runtime)
      return loaded
    }),
  }
}

/** Checks the ids of our schemas until the process stops. */
function watchSchemas(
  { event, change, state }: PaymentCodecs,
  { config, logger, health, signal, onFatal }: Runtime,
): void {
  const distance = new GrowingDistance()
  const warn = (text: string) => {
    if (distance.met(text, performance.now()) !== null) {
      logger.warn(text)
    }
  }
  const watch = new SchemaWatch({
    codecs: [event, change, state],
    intervalMs: config.registry.checkIntervalMs,
    recheckMs: SCHEMAS_RECHECK_MS,
    onLook: (problem) => {
      health.set('schemas', problem === null, problem ?? undefined)
      if (problem === null) {
        distance.over()
      } else {
        warn(problem)
      }
    },
    onUnanswered: (error) => warn(`cannot check the schema ids: ${error.message}`),
    onStop: onFatal,
  })
  watch.start()
  signal.addEventListener('abort', () => watch.stop(), { once: true })
}

/** Longer than one registry instance can lag behind the others. */
const SCHEMAS_RECHECK_MS = 5_000

/** Waits for the brokers, then checks the topics. Rejects if a problem is fatal, such as a wrong partition count. */
async function brokersReady(runtime: Runtime, stages: readonly RoleName[]): Promise<void> {
  const { config, logger, kafka } = runtime
  const { topicPrefix, partitions, replicationFactor, minInsyncReplicas } = config.kafka
  const names = topicNames(topicPrefix)
  // A role has permissions for its own topics only.
  const only = TOPOLOGY.filter(({ stage }) => stages.includes(stage)).flatMap(({ reads, writes }) => [
    ...(reads === null ? [] : [reads]),
    ...writes,
  ])
  const problems = await waitFor('kafka', runtime, async () => {
    await assertBrokersAnswer(kafka, config.kafka)
    return onBrokers(config.kafka, () =>
      findTopicProblems(kafka, { names, only, partitions, replicationFactor, minInsyncReplicas }),
    )
  })
  for (const { topic, problem, severity } of problems) {
    logger[severity === 'fatal' ? 'error' : 'warn']({ topic }, `${topic} ${problem}`)
  }
  const fatal = problems.filter((problem) => problem.severity === 'fatal')
  if (fatal.length > 0) {
    throw new Error(fatal.map(({ topic, problem }) => `${topic} ${problem}`).join('\n'))
  }
}

/** The console goes on after a refusal, and only its next use of the component shows whether that is over. */
const REFUSED_FOR_MS = 30_000

/**
 * Retries until `attempt` succeeds, or rejects if it fails with an error that is not retriable. Each failure goes to the health
 * check, and at growing intervals to the log.
 */
async function waitFor<T>(
  component: string,
  { logger, health, signal }: Runtime,
  attempt: () => Promise<T>,
): Promise<T> {
  const distance = new GrowingDistance()
  const result = await withRetry(attempt, {
    signal,
    onRetry: (error, failures) => {
      health.set(component, false, error.message)
      if (distance.met(error.message, performance.now()) !== null) {
        logger.warn({ attempt: failures }, `${error.message}; trying again`)
      }
    },
  }).catch((error: Error) => {
    health.set(component, false, error.message, { forMs: REFUSED_FOR_MS })
    throw error
  })
  health.set(component, true)
  return result
}
