import { eventIdOf, withoutTime } from './event-id.ts'
import type { PaymentEvent } from './payment-event.ts'

/**
 * The events to publish: all that were given, and after each event of a refund, return or chargeback a report to the
 * original payment.
 */
export function withChildReports(events: readonly PaymentEvent[]): readonly PaymentEvent[] {
  return events.some(isOfChild)
    ? events.flatMap((event) => (isOfChild(event) ? [event, toChildReport(event)] : [event]))
    : events
}

/**
 * A refund, return or chargeback is a separate payment, in the partition of its own key. This report tells its original: the
 * same fact, keyed by the original, with the child's key in `childKey`. It describes the child and never changes the
 * original's status (see foldPayment).
 */
function toChildReport(event: PaymentEvent & { readonly relatesTo: string }): PaymentEvent {
  const report: PaymentEvent = {
    ...event,
    paymentKey: event.relatesTo,
    childKey: event.paymentKey,
    relatesTo: null,
    // The child's key may be weak; the original's key was given by the provider.
    weakKey: false,
  }
  // If the time is left out of the event's id, it is left out of the report's id, too.
  const isTimeOfEnvelope = event.eventId !== eventIdOf(event) && event.eventId === eventIdOf(withoutTime(event))
  return { ...report, eventId: eventIdOf(isTimeOfEnvelope ? withoutTime(report) : report) }
}

function isOfChild(event: PaymentEvent): event is PaymentEvent & { readonly relatesTo: string } {
  return event.relatesTo !== null && event.relatesTo !== event.paymentKey
}
