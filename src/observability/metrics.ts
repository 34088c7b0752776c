import { type Counter, collectDefaultMetrics, Registry, type RegistryContentType } from 'prom-client'
import type { AnswerCode } from './answer-codes.ts'
import type { DeadLetterBoard } from './dead-letter-board.ts'
import type { HistogramSeries } from './fixed-histogram.ts'
import {
  type CONNECTION_CUTS,
  GATEWAY_METRICS,
  LANE_STATES,
  NO_SOURCE,
  NORMALIZER_METRICS,
  PROCESSOR_METRICS,
  type READING_STAGES,
  RUNTIME_METRICS,
} from './metric-table.ts'
import { type Registered, registerMetrics } from './register-metrics.ts'

export type ReadingStage = (typeof READING_STAGES)[number]
export type ConnectionCut = (typeof CONNECTION_CUTS)[number]

export interface MetricsOptions {
  /** Ids of the configured sources: the only values of the label `source`, besides `none`. */
  readonly sources: readonly string[]
  /** Memory, CPU, event loop and garbage collection of the process. On by default; tests switch it off. */
  readonly processMetrics?: boolean
  /** Whether they are shown in OpenMetrics' format, which has exemplars: ids of traces beside the buckets of histograms. */
  readonly exemplars?: boolean
  /** The clock, ms since the epoch. */
  readonly now?: () => number
}

/** The metrics of one process, in one registry; metric-table.ts lists them. */
export class Metrics {
  readonly registry = new Registry()
  readonly gateway: GatewayMetrics
  readonly normalizer = registerMetrics(this.registry, NORMALIZER_METRICS)
  readonly processor = registerMetrics(this.registry, PROCESSOR_METRICS)
  readonly runtime = new RuntimeMetrics(this.registry)

  constructor(options: MetricsOptions) {
    this.gateway = new GatewayMetrics(this.registry, options.sources, options.now ?? Date.now)
    if (options.exemplars) {
      // The type fixes the format that the registry was created with.
      const registry: Pick<Registry<RegistryContentType>, 'setContentType'> = this.registry as never
      registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
    }
    if (options.processMetrics !== false) {
      collectDefaultMetrics({ register: this.registry })
    }
  }
}

interface SourceSeries {
  readonly answerSeconds: HistogramSeries
  /** Ms since the epoch. */
  lastAcceptedAt: number
  readonly byCode: ReadonlyMap<AnswerCode | 'other' | 'disconnected', Counter.Internal>
}

export interface ExpiryReading {
  readonly use: string
  readonly source: string
  readonly id: string
  readonly days: number
}

/** Caches each source's series, because looking them up by label on every request is expensive. */
export class GatewayMetrics {
  readonly #metrics: Registered<typeof GATEWAY_METRICS>
  readonly #sources: ReadonlyMap<string, SourceSeries>
  readonly #now: () => number

  constructor(registry: Registry, sources: readonly string[], now: () => number) {
    this.#now = now
    const startedAt = now()
    this.#metrics = registerMetrics(registry, GATEWAY_METRICS, sources)
    const { requests, answerSeconds } = this.#metrics
    this.#sources = new Map(
      [...sources, NO_SOURCE].map((source) => [
        source,
        {
          answerSeconds: answerSeconds.labels({ source }),
          lastAcceptedAt: startedAt,
          byCode: new Map(
            GATEWAY_METRICS.requests.labels.code.map((code) => [code, requests.labels({ source, code })]),
          ),
        },
      ]),
    )
  }

  /** Counts one answer. A source that was not configured counts as none. */
  answered(source: string, code: AnswerCode, seconds: number): void {
    const series = this.#seriesOf(source)
    ;(series.byCode.get(code) ?? series.byCode.get('other'))?.inc()
    series.answerSeconds.observe(seconds)
    if (code < 300) {
      series.lastAcceptedAt = this.#now()
    }
  }

  /** Counts a caller that left before its answer. */
  disconnected(source: string): void {
    this.#seriesOf(source).byCode.get('disconnected')?.inc()
  }

  /** Counts a caller that failed its source's authentication. */
  refused(source: string, type: string): void {
    this.#metrics.refusals.inc({ source, type })
  }

  handshakeFailed(): void {
    this.#metrics.handshakeFailures.inc()
  }

  connectionOpened(): void {
    this.#metrics.connectionsOpened.inc()
  }

  connectionCut(reason: ConnectionCut): void {
    this.#metrics.connectionsCut.inc({ reason })
  }

  /** Sets the source from which a scrape reads what expires, and when. */
  watchExpiries(read: () => readonly ExpiryReading[]): void {
    this.#metrics.expiryDays.read = () => read().map(({ use, source, id, days }) => [{ use, source, id }, days])
  }

  watchStaleFiles(read: () => number): void {
    this.#metrics.staleFiles.read = () => [[{}, read()]]
  }

  /** From now on a scrape reads when each source last had a callback accepted. Only a process with a gateway calls this. */
  watchSources(sources: readonly { readonly id: string }[]): void {
    this.#metrics.lastAccepted.read = () =>
      sources.map(({ id }) => [{ source: id }, this.#seriesOf(id).lastAcceptedAt / 1_000])
  }

  watchConnections(read: () => number): void {
    this.#metrics.connections.read = () => [[{}, read()]]
  }

  /** Sets the append log whose waiting records and bytes a scrape reads. */
  watchWaiting(log: { readonly waitingRecords: number; readonly waitingBytes: number }): void {
    this.#metrics.waitingRecords.read = () => [[{}, log.waitingRecords]]
    this.#metrics.waitingBytes.read = () => [[{}, log.waitingBytes]]
  }

  #seriesOf(source: string): SourceSeries {
    return (this.#sources.get(source) ?? this.#sources.get(NO_SOURCE)) as SourceSeries
  }
}

class RuntimeMetrics {
  readonly #metrics: Registered<typeof RUNTIME_METRICS>
  readonly #ages = new Map<ReadingStage, () => readonly (readonly [partition: number, ageMs: number])[]>()

  constructor(registry: Registry) {
    this.#metrics = registerMetrics(registry, RUNTIME_METRICS)
    this.#metrics.lagSeconds.read = () =>
      [...this.#ages].flatMap(([stage, read]) =>
        read().map(([partition, ageMs]) => [{ stage, partition }, ageMs / 1_000] as const),
      )
  }

  /** Sets how many lanes of a stage are in each state. */
  setLanes(stage: ReadingStage, states: Iterable<(typeof LANE_STATES)[number]>): void {
    const counts = Map.groupBy(states, (state) => state)
    for (const state of LANE_STATES) {
      this.#metrics.lanes.set({ stage, state }, counts.get(state)?.length ?? 0)
    }
  }

  /** Sets the source from which a scrape reads the number of open dead letters. */
  watchDeadLetters(board: Pick<DeadLetterBoard, 'series'>): void {
    this.#metrics.deadLetters.read = () => board.series()
  }

  /** Sets the source from which a scrape reads the ages of the oldest records that a stage has not processed, ms. */
  watchAges(stage: ReadingStage, read: () => readonly (readonly [partition: number, ageMs: number])[]): void {
    this.#ages.set(stage, read)
  }

  /** Counts records whose outcomes do not add up; 0 as a rule. */
  unaccounted(stage: ReadingStage, records: number): void {
    if (records !== 0) {
      this.#metrics.unaccounted.inc({ stage }, Math.abs(records))
    }
  }

  /** Null removes the series of a partition that moved away, so that it does not keep an old value. */
  setLag(stage: ReadingStage, partition: number, records: bigint | null): void {
    if (records === null) {
      this.#metrics.lag.remove({ stage, partition })
    } else {
      this.#metrics.lag.set({ stage, partition }, Number(records))
    }
  }
}
