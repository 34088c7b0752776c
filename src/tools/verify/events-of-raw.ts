import { withChildReports } from '../../payment/child-report.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import { fromRawRecord } from '../../raw/from-raw-record.ts'
import type { SourcesById } from '../../raw/sources-by-id.ts'
import type { InRecord } from '../../stream/record.ts'

/**
 * Every event that must come of one raw record, of whichever payment; null if nobody knows its source, so that
 * nothing can be said. Pure: what else a callback gives rise to is added here and nowhere else in `verify`.
 */
export function eventsOfRaw(record: InRecord, sources: SourcesById): readonly PaymentEvent[] | null {
  const raw = fromRawRecord(record, sources)
  return typeof raw === 'string' ? null : withChildReports(raw.provider.translate(raw.callback).events)
}
