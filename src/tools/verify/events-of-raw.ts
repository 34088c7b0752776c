import { withChildReports } from '../../payment/child-report.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { SourcesById } from '../../raw/sources-by-id.ts'
import { translateRaw } from '../../raw/translate-raw.ts'
import type { InRecord } from '../../stream/record.ts'

/**
 * All events that one raw record must cause, including the child reports to original payments; null if its source is
 * unknown. Pure.
 */
export function eventsOfRaw(record: InRecord, sources: SourcesById): readonly PaymentEvent[] | null {
  const { translation, by } = translateRaw(record, sources)
  return typeof by === 'string' ? null : withChildReports(translation.events)
}
