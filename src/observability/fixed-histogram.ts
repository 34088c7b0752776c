import type { Metric, Registry } from 'prom-client'

type Labels<L extends string> = Readonly<Partial<Record<L, string | number>>>

/** An observation that belongs to a sampled trace. */
interface Exemplar {
  readonly labelSet: { readonly trace_id: string }
  readonly value: number
  /** Seconds since the epoch. */
  readonly timestamp: number
}

/** The observations with one set of labels. */
export class HistogramSeries {
  readonly #bounds: readonly number[]
  /** Per bucket, not cumulative; the last one holds what exceeds all bounds. */
  readonly counts: Float64Array
  sum = 0
  /** The latest per bucket. */
  readonly exemplars = new Map<number, Exemplar>()

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  /** @param traceId The sampled trace that it belongs to; null if there is none. */
  observe(value: number, traceId: string | null = null): void {
    let bucket = 0
    while (bucket < this.#bounds.length && value > (this.#bounds[bucket] as number)) {
      bucket += 1
    }
    this.counts[bucket] = (this.counts[bucket] as number) + 1
    this.sum += value
    if (traceId !== null) {
      this.exemplars.set(bucket, { labelSet: { trace_id: traceId }, value, timestamp: Date.now() / 1_000 })
    }
  }
}

/**
 * A histogram with fixed buckets, for values that are observed once per event: prom-client's takes about a microsecond per
 * observation, 2 % of what an event costs altogether. This one takes some nanoseconds, and adds up when it is scraped.
 */
export class FixedHistogram<L extends string> {
  readonly #labelNames: readonly L[]
  readonly #bounds: readonly number[]
  readonly #series = new Map<string, { readonly labels: Labels<L>; readonly series: HistogramSeries }>()

  constructor(options: {
    name: string
    help: string
    labelNames: L[]
    buckets: readonly number[]
    registry: Registry
  }) {
    const { name, help, labelNames, buckets, registry } = options
    this.#labelNames = labelNames
    this.#bounds = buckets
    const values = () => this.#values(name)
    const metric = {
      name,
      help,
      type: 'histogram',
      aggregator: 'sum',
      get: async () => ({ name, help, type: 'histogram', aggregator: 'sum', values: values() }),
      reset: () => this.#series.clear(),
    }
    // The registry calls nothing else of a metric.
    registry.registerMetric(metric as unknown as Metric)
  }

  /** The series with these labels, which is created if necessary. Keep it where observations are frequent. */
  labels(labels: Labels<L>): HistogramSeries {
    const key = this.#labelNames.map((name) => labels[name] ?? '').join('\n')
    let found = this.#series.get(key)
    if (found === undefined) {
      found = { labels, series: new HistogramSeries(this.#bounds) }
      this.#series.set(key, found)
    }
    return found.series
  }

  #values(name: string) {
    return [...this.#series.values()].flatMap(({ labels, series: { counts, sum, exemplars } }) => {
      let count = 0
      const buckets = [...counts].map((inBucket, bucket) => {
        count += inBucket
        const le = { le: this.#bounds[bucket] ?? '+Inf', ...labels }
        return { metricName: `${name}_bucket`, labels: le, value: count, exemplar: exemplars.get(bucket) }
      })
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: count },
      ]
    })
  }
}
