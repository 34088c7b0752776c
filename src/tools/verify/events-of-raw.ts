import { withChildReports } from '../../payment/child-report.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import { fromRawRecord } from '../../raw/from-raw-record.ts'
import type { SourcesById } from '../../raw/sources-by-id.ts'
import type { InRecord } from '../../stream/record.ts'

/**
 * All events that one raw record must cause, including the child reports to original payments; null if its source is
 * unknown. Pure.
 */
export function eventsOfRaw(record: InRecord, sources: SourcesById): readonly PaymentEvent[] | null {
  const raw = fromRawRecord(record, sources)
  return typeof raw === 'string' ? null : withChildReports(raw.provider.translate(raw.callback).events)
}
