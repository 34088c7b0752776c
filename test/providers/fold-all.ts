import { applyEvent, orderFreePart, type PaymentState, type Verdict } from '../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'

/** The payment states after these events, in this order of arrival; sorted by payment key. */
export function foldAll(events: readonly PaymentEvent[]): readonly PaymentState[] {
  const states = new Map<string, PaymentState>()
  for (const event of events) {
    const applied = applyEvent(states.get(event.paymentKey), event, 0)
    const state =
      applied.outcome === 'duplicate' ? applied.state : applied.outcome === 'recorded' && applied.change.state
    if (state) {
      states.set(event.paymentKey, state)
    }
  }
  return [...states.values()].sort((a, b) => (a.paymentKey < b.paymentKey ? -1 : 1))
}

/** The order-independent part of each payment's state, by payment key. */
export function meaningOf(events: readonly PaymentEvent[]): object {
  return Object.fromEntries(foldAll(events).map((state) => [state.paymentKey, orderFreePart(state)]))
}

/** The verdicts of one payment's events in this order of arrival, duplicates included. */
export function verdictsOf(events: readonly PaymentEvent[]): readonly (Verdict | 'DUPLICATE')[] {
  let state: PaymentState | undefined
  return events.map((event) => {
    const applied = applyEvent(state, event, 0)
    if (applied.outcome !== 'recorded') {
      return 'DUPLICATE'
    }
    state = applied.change.state
    return applied.change.recorded.verdict
  })
}

/** Every order of at most seven items. */
export function permutationsOf<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length > 7) {
    throw new Error('too many items to permute')
  }
  if (items.length <= 1) {
    return [items]
  }
  return items.flatMap((item, index) =>
    permutationsOf([...items.slice(0, index), ...items.slice(index + 1)]).map((rest) => [item, ...rest]),
  )
}
