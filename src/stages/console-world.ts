import { v7 as uuidv7 } from 'uuid'
import type { PaymentCodecs } from '../avro/payment-codecs.ts'
import type { Config } from '../config.ts'
import { Activity } from '../console/activity.ts'
import { ConsoleFeed } from '../console/console-feed.ts'
import { Jobs } from '../console/jobs.ts'
import { PaymentBoard } from '../console/payment-board.ts'
import { ReadLimit } from '../console/read-limit.ts'
import { RegularReading } from '../console/reading.ts'
import { Runbooks } from '../console/runbooks.ts'
import type { BodyPlace, ConsoleWorld } from '../console/world.ts'
import { createBodyOpener } from '../encryption/open-bodies.ts'
import { createGroupOffsets } from '../kafka/group-offsets.ts'
import { createKafka, type KafkaClient } from '../kafka/kafka-client.ts'
import { createPartitionReader } from '../kafka/partition-reader.ts'
import { createTopicLogs } from '../kafka/topic-logs.ts'
import { type Logger, shownMessage } from '../observability/log.ts'
import type { ReadingStage } from '../observability/metrics.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import type { StatusChangeRecord } from '../payment/status-change.ts'
import { RedisStateStore } from '../processor/redis-state-store.ts'
import { RedisClient } from '../redis/redis-client.ts'
import { sleep } from '../sleep.ts'
import { LetterWatch } from '../stream/letter-watch.ts'
import { partitionOf } from '../stream/partition-of.ts'
import type { TimedPartitionReader } from '../stream/partition-reader.ts'
import { firstRecord } from '../stream/read-until.ts'
import type { InRecord } from '../stream/record.ts'
import { shortReason } from '../stream/short-reason.ts'
import { audit } from '../tools/audit/audit.ts'
import { openAudit } from '../tools/audit/open-audit.ts'
import { recordAct } from '../tools/audit/record-act.ts'
import { close, listLetters, redrive, showLetter } from '../tools/dlq/dlq.ts'
import type { Decider } from '../tools/dlq/redrive-letters.ts'
import { findDrift } from '../tools/drift.ts'
import { type FiringAlert, readFiringAlerts } from '../tools/firing-alerts.ts'
import { lagOf, type PartitionLag } from '../tools/lag.ts'
import { loadStates } from '../tools/load-states.ts'
import { openIfPossible } from '../tools/open-if-possible.ts'
import { type ProcessHealth, readHealths, reasonsIn } from '../tools/process-health.ts'
import { reprocess } from '../tools/reprocess/reprocess.ts'
import { findScorecard } from '../tools/scorecard/scorecard.ts'
import { findPayments } from '../tools/show.ts'
import { stageMembers } from '../tools/stage-members.ts'
import { decodeOrNull } from '../tools/verify/decode-or-null.ts'
import { progressLine } from '../tools/verify/progress-line.ts'
import { inFlightLine } from '../tools/verify/verify-report.ts'
import { explainStates } from '../tools/why/why.ts'
import { compactedAmong, type TopicNames } from '../topics.ts'
import { OPEN_LETTER_REASONS } from './open-letter-reasons.ts'
import type { StageContext } from './stage-context.ts'

/** A page must say soon that Kafka does not answer. */
const RETRY_FOR_MS = 2_000
const LAG_INTERVAL_MS = 5_000
const MEMBERS_INTERVAL_MS = 5_000
const HEALTH_INTERVAL_MS = 5_000
const ALERTS_INTERVAL_MS = 5_000
/** Requests that read topics: how many at once, and how many may wait. */
const READS_RUNNING_MAX = 4
const READS_WAITING_MAX = 16
/** Clocks of our processes may differ by this much, ms. */
const SKEW_MS = 60_000
/** Events per second that a reprocess publishes, as the command does by default. */
const REPROCESS_RATE = 1_000
const THIS_PROCESS = 'this process'
const LETTER_TOPICS = ['rawDeadLetters', 'eventDeadLetters'] as const

/** What was counted last of one topic: open dead letters by reason. */
interface LetterCounts {
  readonly name: (typeof LETTER_TOPICS)[number]
  value: ReadonlyMap<string, number> | null
  at: number | null
  trouble: string | null
}

/** What the console shows, from the real servers: the clients that stay open, and the tools behind the commands. */
export class RealWorld implements ConsoleWorld {
  readonly topics: TopicNames
  readonly partitions: number
  readonly sources: readonly string[]
  readonly board = new PaymentBoard()
  readonly feed: ConsoleFeed
  readonly activity: Activity
  readonly jobs: Jobs
  readonly now = Date.now
  readonly #context: StageContext
  readonly #config: Config
  readonly #logger: Logger
  readonly #kafka: KafkaClient
  readonly #reader: TimedPartitionReader
  readonly #redis: RedisClient
  readonly #store: RedisStateStore
  readonly #watches: readonly LetterWatch[]
  readonly #counts = LETTER_TOPICS.map((name) => ({ name, value: null, at: null, trouble: null }) as LetterCounts)
  readonly #lag: RegularReading<readonly PartitionLag[]>
  readonly #members: RegularReading<Readonly<Record<ReadingStage, number>>>
  readonly #processes: RegularReading<readonly ProcessHealth[]>
  /** Null: there is no Prometheus to ask. */
  readonly #alerts: RegularReading<readonly FiringAlert[]> | null
  readonly #runbooks = Runbooks.read()
  readonly #reads = new ReadLimit(READS_RUNNING_MAX, READS_WAITING_MAX)

  constructor(context: StageContext) {
    const { config, topics, logger } = context
    this.#context = context
    this.#config = config
    this.#logger = logger
    this.topics = topics
    this.partitions = config.kafka.partitions
    this.sources = config.sources.map(({ id }) => id)
    this.#kafka = createKafka({
      connection: config.kafka,
      clientId: 'paystatus-console',
      logger,
      retryForMs: RETRY_FOR_MS,
    })
    this.#reader = createPartitionReader(this.#kafka, compactedAmong(topics))
    this.#redis = new RedisClient(config.redis, logger)
    this.#store = new RedisStateStore(this.#redis, config.environment, config.processor.group)
    const [reader, partitions] = [this.#reader, this.partitions]
    this.feed = new ConsoleFeed({
      reader,
      topics,
      partitions,
      decodeState: async (value, partition, offset) =>
        decodeOrNull((await this.#codecs()).state, value, { topic: topics.current, partition, offset }),
      decodeChange: async (value, partition, offset) =>
        decodeOrNull((await this.#codecs()).change, value, { topic: topics.changes, partition, offset }),
      board: this.board,
      sleep,
    })
    this.activity = new Activity({ reader, topics, partitions, now: Date.now, sleep })
    this.jobs = new Jobs({ newId: uuidv7, now: Date.now, messageOf: shownMessage })
    this.#watches = this.#counts.map((counts) => this.#watchLetters(counts))
    const lagPorts = { offsets: createGroupOffsets(this.#kafka), reader }
    const regularly = { now: Date.now, sleep }
    this.#lag = new RegularReading((signal) => lagOf(config, lagPorts, Date.now, signal), {
      ...regularly,
      intervalMs: LAG_INTERVAL_MS,
    })
    this.#members = new RegularReading(() => stageMembers(this.#kafka.queries, config), {
      ...regularly,
      intervalMs: MEMBERS_INTERVAL_MS,
    })
    this.#processes = new RegularReading(() => this.#readProcesses(), { ...regularly, intervalMs: HEALTH_INTERVAL_MS })
    const { prometheus } = config.console
    this.#alerts =
      prometheus === null
        ? null
        : new RegularReading((signal) => readFiringAlerts(prometheus, signal), {
            ...regularly,
            intervalMs: ALERTS_INTERVAL_MS,
          })
  }

  start(): void {
    this.#redis.connect()
    for (const part of this.#parts) {
      part.start()
    }
  }

  async stop(): Promise<void> {
    await this.jobs.stop()
    await Promise.all(this.#parts.map((part) => part.stop()))
    this.#redis.close()
    await this.#kafka.queries.close()
  }

  get #parts() {
    const alerts = this.#alerts === null ? [] : [this.#alerts]
    return [this.feed, this.activity, this.#lag, this.#members, this.#processes, ...alerts, ...this.#watches]
  }

  runbook = (alert: string) => this.#runbooks.find(alert)
  alerts = () => this.#alerts?.latest ?? null
  lag = () => this.#lag.latest
  members = () => this.#members.latest
  processes = () => this.#processes.latest
  openLetters = () => ({
    value: this.#counts.some(({ value }) => value === null)
      ? null
      : this.#counts.flatMap(({ name, value }) =>
          [...(value ?? [])].map(([reason, count]) => [this.topics[name], reason, count] as const),
        ),
    at: Math.min(...this.#counts.map(({ at }) => at ?? 0)) || null,
    trouble: this.#counts.find(({ trouble }) => trouble !== null)?.trouble ?? null,
  })

  async load(paymentKeys: readonly string[], signal: AbortSignal) {
    const [codecs, reader, store] = [await this.#codecs(), this.#reader, this.#store]
    const { topics, partitions } = this
    const readTopic = <T>(read: () => Promise<T>) => this.#reads.run(signal, read)
    return loadStates({ reader, codecs, topics, partitions, store, readTopic }, paymentKeys, signal)
  }

  async findWithoutIndex(id: string, signal: AbortSignal): Promise<readonly PaymentState[]> {
    const find = () => findPayments(this.#config, this.#logger, id, { signal })
    return (await this.#reads.run(signal, find)).states
  }

  async changesOf(state: PaymentState, signal: AbortSignal): Promise<readonly StatusChangeRecord[]> {
    const { change } = await this.#codecs()
    const topic = this.topics.changes
    const key = Buffer.from(state.paymentKey)
    const partition = partitionOf(key, this.partitions)
    const first = Math.min(state.incarnation, ...state.events.map(({ event }) => event.receivedAt))
    const found: StatusChangeRecord[] = []
    const take = async (records: readonly InRecord[]) => {
      for (const { value, offset, ...record } of records) {
        if (record.key?.equals(key)) {
          const decoded = await decodeOrNull(change, value, { topic, partition, offset })
          found.push(...(decoded === null ? [] : [decoded]))
        }
      }
    }
    await this.#reads.run(signal, async () => {
      const from = await this.#reader.offsetAt(topic, partition, first - SKEW_MS)
      await this.#reader.read(topic, partition, from, take, signal)
    })
    return found
  }

  async explain(state: PaymentState, signal: AbortSignal) {
    const explain = () => explainStates(this.#config, this.#logger, [state], { signal })
    const [explanation] = await this.#reads.run(signal, explain)
    if (explanation === undefined) {
      throw new TypeError('one state gives one explanation')
    }
    return explanation
  }

  listLetters: ConsoleWorld['listLetters'] = (filter, signal) =>
    this.#reads.run(signal, () => listLetters(this.#config, this.#logger, filter, { signal }))

  showLetter: ConsoleWorld['showLetter'] = (place, signal) =>
    this.#reads.run(signal, () => showLetter(this.#config, this.#logger, place, { signal }))

  redrive: ConsoleWorld['redrive'] = (selection, options) => redrive(this.#config, this.#logger, selection, options)

  closeLetters: ConsoleWorld['closeLetters'] = (selection, options) =>
    close(this.#config, this.#logger, selection, options)

  reprocess: ConsoleWorld['reprocess'] = (scope, { decider, signal, onPayment, onProgress }) =>
    reprocess(this.#config, this.#logger, {
      scope,
      apply: decider === null ? null : { ...decider, ratePerSecond: REPROCESS_RATE, wait: true },
      signal,
      onPayment,
      onProgress: (progress) => onProgress(progressLine(progress)),
      onInFlight: (inFlight) => onProgress(inFlightLine(inFlight)),
      onWaiting: (records) => onProgress(`waiting until the status processor has processed ${records} records`),
    })

  drift: ConsoleWorld['drift'] = (signal) => findDrift(this.#config, this.#logger, signal)

  scorecard: ConsoleWorld['scorecard'] = (since, signal) => {
    const answering = (this.processes().value ?? []).filter(({ ready, url }) => ready !== null && url !== THIS_PROCESS)
    const urls = answering.map(({ url }) => url)
    return findScorecard(this.#config, this.#logger, since, urls, signal)
  }

  audit: ConsoleWorld['audit'] = (signal) =>
    this.#reads.run(signal, () => audit(this.#config, this.#logger, { signal }))

  async openBody({ topic, partition, offset }: BodyPlace, { by, reason }: Decider, signal: AbortSignal) {
    const name = this.topics[topic]
    const trail = openAudit(this.#kafka, this.topics.audit, this.partitions)
    try {
      const scope = { place: `${name}[${partition}]@${offset}` }
      return await recordAct(trail.ports, { act: 'open-body', by, reason, scope }, signal, async (counts) => {
        const body = partition < this.partitions ? await this.#bodyAt(name, partition, offset, signal) : null
        counts['bodies'] = body === null ? 0 : 1
        return body
      })
    } finally {
      await trail.close()
    }
  }

  async #bodyAt(topic: string, partition: number, offset: bigint, signal: AbortSignal): Promise<Buffer | null> {
    const record = await firstRecord(this.#reader, topic, partition, offset, signal)
    const bodies = createBodyOpener(this.#config, this.topics, this.#reader)
    const [opened] = record?.offset === offset ? await openIfPossible(bodies, [record], signal) : []
    return opened === undefined || typeof opened === 'string' ? null : opened.value
  }

  #codecs(): Promise<PaymentCodecs> {
    return this.#context.codecs()
  }

  #watchLetters(counts: LetterCounts): LetterWatch {
    const numbers = Array.from({ length: this.partitions }, (_, partition) => partition)
    return new LetterWatch({
      reader: this.#reader,
      logs: createTopicLogs(this.#kafka),
      letters: this.topics[counts.name],
      resolved: this.topics.resolvedDeadLetters,
      reasons: OPEN_LETTER_REASONS,
      partitions: () => numbers,
      onCounted: ({ open, complete }) => {
        // Until all are read, the count says nothing.
        if (complete || counts.value !== null) {
          Object.assign(counts, { value: open, at: Date.now(), trouble: null })
        }
      },
      onTrouble: (error) => {
        counts.trouble = shortReason(error)
      },
      sleep,
    })
  }

  async #readProcesses(): Promise<readonly ProcessHealth[]> {
    const { ready, components } = this.#context.health.readiness()
    const own = { url: THIS_PROCESS, ready, reasons: reasonsIn(components) }
    const others = await Promise.all(this.#config.console.watch.map((url) => readHealths(url)))
    return [own, ...others.flat()]
  }
}
