import { WEIGHT_MIN } from '../../src/payment/event-weight.ts'
import { keepWithinBound, outlineOf, wholeEvent } from '../../src/payment/keep-within-bound.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'

/**
 * What a payment with so many places keeps of its events.
 *
 * @param seen How the bound sees an event. The kept ones are given as they are.
 */
export function keptOf(
  events: readonly PaymentEvent[],
  places: number,
  seen: (event: PaymentEvent) => PaymentEvent = (event) => event,
): readonly PaymentEvent[] {
  const items = events.map((event) => ({ ...wholeEvent(seen(event)), original: event }))
  return keepWithinBound(items, places * WEIGHT_MIN).map(({ detailsDropped, original }) =>
    detailsDropped ? outlineOf(original) : original,
  )
}
