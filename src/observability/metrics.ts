import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { AUTHENTICATION_TYPES } from '../config/authentication-types.ts'
import { COUNTER_NAMES } from '../payment/totals.ts'
import { DRIFT_KINDS } from '../providers/drift.ts'
import { DEAD_LETTER_REASONS } from '../providers/provider.ts'
import { PROVIDER_IDS } from '../providers/registry.ts'

/** Labels of what the processor counts: all of its counters but `events`, which is a metric of its own. */
const PROCESSOR_VERDICTS = COUNTER_NAMES.filter((name) => name !== 'events')

const TRANSACTION_OUTCOMES = ['committed', 'failed'] as const
/** What a lane had to do with its view: nothing, bring it up to date, or build it anew. */
const RESTORE_KINDS = ['keep', 'replay', 'rebuild'] as const
export const LANE_STATES = ['opening', 'open', 'doubt', 'closed'] as const

/** Codes of the gateway; anything else is counted as `other`, so that the label's values are a closed list. */
const GATEWAY_CODES = [200, 201, 204, 400, 401, 404, 405, 408, 413, 415, 429, 431, 500, 503] as const
/** Why the gateway closed a connection by itself: too many of them, of one address, idle, its answer not read. */
const CONNECTION_CUTS = ['total', 'address', 'idle', 'unread'] as const
export type ConnectionCut = (typeof CONNECTION_CUTS)[number]
/** Label of a request that belongs to no source, such as one for an unknown path. */
export const NO_SOURCE = 'none'

export interface MetricsOptions {
  /** Ids of the configured sources: the only values of the label `source`, besides `none`. */
  readonly sources: readonly string[]
  /** Memory, CPU, event loop and garbage collection of the process. On if not given; tests switch it off. */
  readonly processMetrics?: boolean
}

/**
 * Every metric of the product, named here and nowhere else. Label values come from closed lists only: never a key, a
 * body, a path or an id of a caller (I9), so the number of series is bounded (I10). Series of closed lists exist from
 * the start with 0, so that rates and alerts see the first one.
 */
export class Metrics {
  readonly registry = new Registry()
  readonly gateway: GatewayMetrics
  readonly normalizer: NormalizerMetrics
  readonly processor: ProcessorMetrics
  readonly runtime: RuntimeMetrics

  constructor(options: MetricsOptions) {
    this.gateway = new GatewayMetrics(this.registry, options.sources)
    this.normalizer = new NormalizerMetrics(this.registry)
    this.processor = new ProcessorMetrics(this.registry)
    this.runtime = new RuntimeMetrics(this.registry)
    if (options.processMetrics !== false) {
      collectDefaultMetrics({ register: this.registry })
    }
  }
}

export class GatewayMetrics {
  readonly #requests: Counter<'source' | 'code'>
  readonly #answerSeconds: Histogram<'source'>
  readonly #sources = new Map<string, SourceSeries>()
  readonly #cuts: Counter<'reason'>
  readonly #opened: Counter
  readonly #refusals: Counter<'source' | 'type'>
  readonly #handshakeFailures: Counter
  #expiries: () => readonly ExpiryReading[] = () => []
  #staleFiles: () => number = () => 0
  #waiting: (() => { readonly records: number; readonly bytes: number }) | null = null
  #connections: (() => number) | null = null

  constructor(registry: Registry, sources: readonly string[]) {
    this.#requests = new Counter({
      name: 'paystatus_gateway_requests_total',
      help: 'Requests answered, by source and status code.',
      labelNames: ['source', 'code'],
      registers: [registry],
    })
    this.#answerSeconds = new Histogram({
      name: 'paystatus_gateway_answer_seconds',
      help: 'From the complete request head to the answer.',
      labelNames: ['source'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3],
      registers: [registry],
    })
    for (const source of [...sources, NO_SOURCE]) {
      this.#sources.set(source, {
        answerSeconds: this.#answerSeconds.labels({ source }),
        byCode: new Map(GATEWAY_CODES.map((code) => [code, this.#requests.labels({ source, code })])),
        other: this.#requests.labels({ source, code: 'other' }),
        disconnected: this.#requests.labels({ source, code: 'disconnected' }),
      })
      for (const code of [...GATEWAY_CODES, 'other', 'disconnected']) {
        this.#requests.inc({ source, code }, 0)
      }
      this.#answerSeconds.zero({ source })
    }
    this.#cuts = new Counter({
      name: 'paystatus_gateway_connections_cut_total',
      help: 'Connections that the gateway refused or closed at a limit, by limit.',
      labelNames: ['reason'],
      registers: [registry],
    })
    for (const reason of CONNECTION_CUTS) {
      this.#cuts.inc({ reason }, 0)
    }
    this.#opened = new Counter({
      name: 'paystatus_gateway_connections_opened_total',
      help: 'Connections of callers that were let in.',
      registers: [registry],
    })
    const connections = () => this.#connections?.()
    new Gauge({
      name: 'paystatus_gateway_connections',
      help: 'Open connections of callers.',
      registers: [registry],
      collect() {
        this.set(connections() ?? 0)
      },
    })
    this.#refusals = new Counter({
      name: 'paystatus_gateway_authentication_refusals_total',
      help: 'Callers that did not show what their source asks for, by the first thing that was missing.',
      labelNames: ['source', 'type'],
      registers: [registry],
    })
    for (const source of sources) {
      for (const type of AUTHENTICATION_TYPES) {
        this.#refusals.inc({ source, type }, 0)
      }
    }
    this.#handshakeFailures = new Counter({
      name: 'paystatus_gateway_tls_handshake_failures_total',
      help: 'Connections that ended before TLS was agreed on.',
      registers: [registry],
    })
    const expiries = () => this.#expiries()
    const expiryGauge: Gauge<'use' | 'source' | 'id'> = new Gauge({
      name: 'paystatus_gateway_expiry_days',
      help: 'Days until a certificate of the server or of a CA, or a revocation list, is no longer valid; id: first 16 hex digits of its SHA-256.',
      labelNames: ['use', 'source', 'id'],
      registers: [registry],
      collect() {
        // The series are those of the files as they are now.
        expiryGauge.reset()
        for (const { use, source, id, days } of expiries()) {
          expiryGauge.set({ use, source, id }, days)
        }
      },
    })
    const staleFiles = () => this.#staleFiles()
    new Gauge({
      name: 'paystatus_gateway_stale_files',
      help: 'Certificates, keys, lists and secrets whose files changed to something that cannot be used; the old ones stay in use.',
      registers: [registry],
      collect() {
        this.set(staleFiles())
      },
    })
    const waiting = () => this.#waiting?.()
    new Gauge({
      name: 'paystatus_gateway_waiting_records',
      help: 'Callbacks accepted from the wire and not yet acknowledged by the broker.',
      registers: [registry],
      collect() {
        this.set(waiting()?.records ?? 0)
      },
    })
    new Gauge({
      name: 'paystatus_gateway_waiting_bytes',
      help: 'Their size, keys and headers included.',
      registers: [registry],
      collect() {
        this.set(waiting()?.bytes ?? 0)
      },
    })
  }

  /** Counts one answer. A source that was not configured counts as none. */
  answered(source: string, code: number, seconds: number): void {
    const series = this.#seriesOf(source)
    const counter = series.byCode.get(code) ?? series.other
    counter.inc()
    series.answerSeconds.observe(seconds)
  }

  /** Counts a caller that went away before its answer. */
  disconnected(source: string): void {
    this.#seriesOf(source).disconnected.inc()
  }

  /** Counts a caller that did not show what its source asks for. */
  refused(source: string, type: string): void {
    this.#refusals.inc({ source, type })
  }

  handshakeFailed(): void {
    this.#handshakeFailures.inc()
  }

  /** Where a scrape reads what runs out, and when. */
  watchExpiries(read: () => readonly ExpiryReading[]): void {
    this.#expiries = read
  }

  watchStaleFiles(read: () => number): void {
    this.#staleFiles = read
  }

  /** Where a scrape reads what waits. */
  watchWaiting(read: () => { readonly records: number; readonly bytes: number }): void {
    this.#waiting = read
  }

  /** Where a scrape reads how many connections are open. */
  watchConnections(read: () => number): void {
    this.#connections = read
  }

  connectionOpened(): void {
    this.#opened.inc()
  }

  connectionCut(reason: ConnectionCut): void {
    this.#cuts.inc({ reason })
  }

  #seriesOf(source: string): SourceSeries {
    return (this.#sources.get(source) ?? this.#sources.get(NO_SOURCE)) as SourceSeries
  }
}

export interface ExpiryReading {
  readonly use: string
  readonly source: string
  readonly id: string
  readonly days: number
}

interface SourceSeries {
  readonly answerSeconds: Histogram.Internal<'source'>
  readonly byCode: ReadonlyMap<number, Counter.Internal>
  readonly other: Counter.Internal
  readonly disconnected: Counter.Internal
}

/** Every callback's elements end as an event, a dead letter or set aside (I2). */
export class NormalizerMetrics {
  readonly callbacks: Counter
  readonly events: Counter
  readonly deadLetters: Counter<'reason'>
  readonly setAside: Counter
  /** Callbacks whose body nobody can read any more, on purpose. */
  readonly forgotten: Counter
  readonly drift: Counter<'provider' | 'kind'>

  constructor(registry: Registry) {
    this.callbacks = new Counter({
      name: 'paystatus_normalizer_callbacks_total',
      help: 'Callbacks read from the raw topic.',
      registers: [registry],
    })
    this.events = new Counter({
      name: 'paystatus_normalizer_events_total',
      help: 'Payment events written.',
      registers: [registry],
    })
    this.deadLetters = new Counter({
      name: 'paystatus_normalizer_dead_letters_total',
      help: 'Callbacks or elements that became no event, by reason.',
      labelNames: ['reason'],
      registers: [registry],
    })
    for (const reason of Object.keys(DEAD_LETTER_REASONS)) {
      this.deadLetters.inc({ reason }, 0)
    }
    this.setAside = new Counter({
      name: 'paystatus_normalizer_set_aside_total',
      help: 'Elements that are understood and are no payment status.',
      registers: [registry],
    })
    this.forgotten = new Counter({
      name: 'paystatus_normalizer_forgotten_total',
      help: 'Callbacks set aside because the data key of their body was forgotten.',
      registers: [registry],
    })
    this.drift = new Counter({
      name: 'paystatus_normalizer_drift_total',
      help: 'Names in callbacks that the mapping does not know, once per callback and name; the log names each once.',
      labelNames: ['provider', 'kind'],
      registers: [registry],
    })
    for (const provider of PROVIDER_IDS) {
      for (const kind of DRIFT_KINDS) {
        this.drift.inc({ provider, kind }, 0)
      }
    }
  }
}

/** Events in = applied + late + revision + conflict + unknown + duplicate + deadLetter (I8). */
export class ProcessorMetrics {
  readonly events: Counter
  readonly verdicts: Counter<'verdict'>
  readonly transactions: Counter<'outcome'>
  readonly restoreSeconds: Histogram<'kind'>
  readonly redisWaits: Counter

  constructor(registry: Registry) {
    this.events = new Counter({
      name: 'paystatus_processor_events_total',
      help: 'Events read and committed.',
      registers: [registry],
    })
    this.verdicts = new Counter({
      name: 'paystatus_processor_verdicts_total',
      help: 'What events, and timers (overdue, forgotten), came to.',
      labelNames: ['verdict'],
      registers: [registry],
    })
    for (const verdict of PROCESSOR_VERDICTS) {
      this.verdicts.inc({ verdict }, 0)
    }
    this.transactions = new Counter({
      name: 'paystatus_processor_transactions_total',
      help: 'Kafka transactions, by outcome; the outcome of a failed one is unknown until the lane restarts.',
      labelNames: ['outcome'],
      registers: [registry],
    })
    for (const outcome of TRANSACTION_OUTCOMES) {
      this.transactions.inc({ outcome }, 0)
    }
    this.restoreSeconds = new Histogram({
      name: 'paystatus_processor_restore_seconds',
      help: 'From the assignment of a partition to its first accepted record, by how its view was found.',
      labelNames: ['kind'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900],
      registers: [registry],
    })
    for (const kind of RESTORE_KINDS) {
      this.restoreSeconds.zero({ kind })
    }
    this.redisWaits = new Counter({
      name: 'paystatus_processor_redis_waits_total',
      help: 'Times a lane had to wait for Redis.',
      registers: [registry],
    })
  }
}

/** What the runtime under the stages knows: lanes and lag. */
export class RuntimeMetrics {
  readonly lanes: Gauge<'stage' | 'state'>
  readonly lag: Gauge<'stage' | 'partition'>

  constructor(registry: Registry) {
    this.lanes = new Gauge({
      name: 'paystatus_lanes',
      help: 'Assigned partitions, by stage and state of their lane.',
      labelNames: ['stage', 'state'],
      registers: [registry],
    })
    this.lag = new Gauge({
      name: 'paystatus_lag_records',
      help: 'Offsets between the end of a partition and what was committed of it.',
      labelNames: ['stage', 'partition'],
      registers: [registry],
    })
  }

  /** Sets how many lanes of a stage are in each state. */
  setLanes(stage: 'normalizer' | 'processor', states: Iterable<(typeof LANE_STATES)[number]>): void {
    const counts = new Map<string, number>()
    for (const state of states) {
      counts.set(state, (counts.get(state) ?? 0) + 1)
    }
    for (const state of LANE_STATES) {
      this.lanes.set({ stage, state }, counts.get(state) ?? 0)
    }
  }

  /** Null when the partition is no longer ours: its series ends, instead of staying at an old value. */
  setLag(stage: 'normalizer' | 'processor', partition: number, records: bigint | null): void {
    if (records === null) {
      this.lag.remove({ stage, partition })
    } else {
      this.lag.set({ stage, partition }, Number(records))
    }
  }
}
