import type { HistogramSeries } from './fixed-histogram.ts'
import { OTHER_PROVIDER, type PROCESSOR_METRICS } from './metric-table.ts'
import type { Registered } from './register-metrics.ts'

/** When an event happened and when its callback came, ms since the epoch. */
interface TimedEvent {
  readonly provider: string
  readonly receivedAt: number
  /** Null if the provider's own time is not known to the second. */
  readonly occurredAt: number | null
  /** The trace of the callback; null if it was not sampled. */
  readonly traceId: string | null
}

interface ProviderTimes {
  readonly status: HistogramSeries
  readonly lateness: HistogramSeries
}

/** Observes the times of recorded events. Looks up the series of a provider once: it is called for every event. */
export class EventTimes {
  readonly #byProvider: ReadonlyMap<string, ProviderTimes>
  readonly #other: ProviderTimes

  constructor(
    metrics: Pick<Registered<typeof PROCESSOR_METRICS>, 'statusSeconds' | 'latenessSeconds'>,
    providers: readonly string[],
  ) {
    const timesOf = (provider: string): ProviderTimes => ({
      status: metrics.statusSeconds.labels({ provider }),
      lateness: metrics.latenessSeconds.labels({ provider }),
    })
    this.#byProvider = new Map(providers.map((provider) => [provider, timesOf(provider)]))
    this.#other = timesOf(OTHER_PROVIDER)
  }

  /** @param committedAt ms since the epoch. */
  recorded(events: readonly TimedEvent[], committedAt: number): void {
    for (const { provider, receivedAt, occurredAt, traceId } of events) {
      const { status, lateness } = this.#byProvider.get(provider) ?? this.#other
      status.observe((committedAt - receivedAt) / 1_000, traceId)
      if (occurredAt !== null) {
        lateness.observe((receivedAt - occurredAt) / 1_000)
      }
    }
  }
}
