import { sourceOfRecord } from '../../normalizer/source-of-record.ts'
import type { SourcesById } from '../../normalizer/sources.ts'
import { toCallback } from '../../normalizer/to-callback.ts'
import { withChildReports } from '../../payment/child-report.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { InRecord } from '../../stream/record.ts'

/**
 * Every event that must come of one raw record, of whichever payment; null if nobody knows its source, so that
 * nothing can be said. Pure: what else a callback gives rise to is added here and nowhere else in `verify`.
 */
export function eventsOfRaw(record: InRecord, sources: SourcesById): readonly PaymentEvent[] | null {
  const source = sourceOfRecord(record, sources)
  if (typeof source === 'string') {
    return null
  }
  return withChildReports(source.provider.translate(toCallback(record, source.facts)).events)
}
