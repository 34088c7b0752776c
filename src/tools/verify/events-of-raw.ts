import type { SourcesById } from '../../normalizer/sources.ts'
import { toCallback } from '../../normalizer/to-callback.ts'
import { withChildReports } from '../../payment/child-report.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import { headerText, RAW_HEADERS } from '../../stream/raw-headers.ts'
import type { InRecord } from '../../stream/record.ts'

/**
 * Every event that must come of one raw record, of whichever payment; null if its source is not configured any more, so
 * that nothing can be said. Pure: what else a callback gives rise to is added here and nowhere else in `verify`.
 */
export function eventsOfRaw(record: InRecord, sources: SourcesById): readonly PaymentEvent[] | null {
  const source = sources.get(headerText(record, RAW_HEADERS.source))
  if (source === undefined) {
    return null
  }
  return withChildReports(source.provider.translate(toCallback(record, source.facts)).events)
}
