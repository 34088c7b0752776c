import { eventIdOf, withoutTime } from './event-id.ts'
import type { PaymentEvent } from './payment-event.ts'

/**
 * The events that are published for what callbacks say: each one, and after an event of a refund, return or chargeback
 * its report to the original.
 */
export function withChildReports(events: readonly PaymentEvent[]): readonly PaymentEvent[] {
  return events.some(isOfChild)
    ? events.flatMap((event) => (isOfChild(event) ? [event, toChildReport(event)] : [event]))
    : events
}

/**
 * A refund, return or chargeback is a payment of its own, in the partition of its own key. Its original learns of it by
 * this: the same fact, keyed by the original, with the child's key in `childKey`. It says something about the child and
 * nothing about the original (see foldPayment).
 */
function toChildReport(event: PaymentEvent & { readonly relatesTo: string }): PaymentEvent {
  const report: PaymentEvent = {
    ...event,
    paymentKey: event.relatesTo,
    childKey: event.paymentKey,
    relatesTo: null,
    // The child's key may be weak; the original's was named.
    weakKey: false,
  }
  // What the event's own id leaves out, the report's leaves out as well.
  const isTimeOfEnvelope = event.eventId !== eventIdOf(event) && event.eventId === eventIdOf(withoutTime(event))
  return { ...report, eventId: eventIdOf(isTimeOfEnvelope ? withoutTime(report) : report) }
}

function isOfChild(event: PaymentEvent): event is PaymentEvent & { readonly relatesTo: string } {
  return event.relatesTo !== null && event.relatesTo !== event.paymentKey
}
