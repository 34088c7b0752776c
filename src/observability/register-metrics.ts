import { Counter, Gauge, type Registry } from 'prom-client'
import { FixedHistogram } from './fixed-histogram.ts'
import { type LabelValues, type MetricRow, NO_SOURCE } from './metric-table.ts'

type LabelsOf<R extends MetricRow> = R extends { readonly labels: infer L } ? keyof L & string : never
type Labels<L extends string> = Readonly<Partial<Record<L, string | number>>>

type MetricOf<R extends MetricRow> = {
  counter: Counter<LabelsOf<R>>
  gauge: Gauge<LabelsOf<R>>
  histogram: FixedHistogram<LabelsOf<R>>
  reading: Reading<LabelsOf<R>>
}[R['kind']]

export type Registered<T extends Readonly<Record<string, MetricRow>>> = { readonly [K in keyof T]: MetricOf<T[K]> }

/** A gauge whose series are read on each scrape; a series that a scrape does not return is removed. */
class Reading<L extends string> {
  read: () => readonly (readonly [labels: Labels<L>, value: number])[] = () => []

  constructor(options: { name: string; help: string; labelNames: L[]; registers: Registry[] }) {
    const series = () => this.read()
    const gauge: Gauge<L> = new Gauge({
      ...options,
      collect() {
        gauge.reset()
        for (const [labels, value] of series()) {
          gauge.set(labels, value)
        }
      },
    })
  }
}

/**
 * Creates the metrics of a table. Counters and histograms whose labels are all closed lists have every series from the
 * start with 0, so that rates and alerts see the first increment.
 */
export function registerMetrics<T extends Readonly<Record<string, MetricRow>>>(
  registry: Registry,
  table: T,
  sources: readonly string[] = [],
): Registered<T> {
  return Object.fromEntries(
    Object.entries(table).map(([key, row]) => [key, register(registry, row, sources)]),
  ) as Registered<T>
}

function register(registry: Registry, row: MetricRow, sources: readonly string[]) {
  const { kind, name, help, labels = {}, buckets = [] } = row
  const options = { name, help, labelNames: Object.keys(labels), registers: [registry] }
  switch (kind) {
    case 'counter': {
      const counter = new Counter(options)
      for (const series of seriesOf(labels, sources)) {
        counter.inc(series, 0)
      }
      return counter
    }
    case 'histogram': {
      const histogram = new FixedHistogram({ ...options, buckets, registry })
      for (const series of seriesOf(labels, sources)) {
        histogram.labels(series)
      }
      return histogram
    }
    case 'gauge':
      return new Gauge(options)
    case 'reading':
      return new Reading(options)
    default:
      return kind satisfies never
  }
}

/** Every combination of the labels' values; none if a label's values are known at run time only. */
function seriesOf(labels: Readonly<Record<string, LabelValues>>, sources: readonly string[]) {
  return Object.entries(labels).reduce<Record<string, string | number>[]>(
    (series, [label, values]) =>
      series.flatMap((one) => listed(values, sources).map((value) => ({ ...one, [label]: value }))),
    [{}],
  )
}

function listed(values: LabelValues, sources: readonly string[]): readonly (string | number)[] {
  switch (values) {
    case 'sources':
      return sources
    case 'sources-and-none':
      return [...sources, NO_SOURCE]
    case 'runtime':
      return []
    default:
      return values
  }
}
