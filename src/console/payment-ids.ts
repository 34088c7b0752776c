import type { PaymentState } from '../payment/apply-event.ts'
import type { PaymentEvent } from '../payment/payment-event.ts'

/** An id of a payment, and what kind of id it is: `key`, `provider id`, `endToEndId`, `callback`, or the type of a reference. */
export type PaymentId = readonly [kind: string, value: string]

/** The ids under which an event makes its payment findable. */
export function idsOfEvent(event: PaymentEvent): readonly PaymentId[] {
  // A report about a refund has the refund's references; they lead to the refund, which is a payment of its own.
  const isOwn = event.childKey === null
  return [
    ['callback', event.callbackId],
    ...(event.providerEventId === null ? [] : [['notification', event.providerEventId] as const]),
    ...(isOwn && event.endToEndId !== null ? [['endToEndId', event.endToEndId] as const] : []),
    ...(isOwn ? event.references.map(({ type, value }) => [type, value] as const) : []),
  ]
}

export function idsOfKey(paymentKey: string): readonly PaymentId[] {
  // Namespaces have no colon.
  const id = paymentKey.slice(paymentKey.indexOf(':') + 1)
  const customerReference = /^e2e:([^ ].*)$/.exec(id)?.[1]
  return [
    ['key', paymentKey],
    ['provider id', id],
    ...(customerReference === undefined ? [] : [['endToEndId', customerReference] as const]),
  ]
}

/** Which ids of the payment equal the text, upper and lower case being the same. */
export function matchesOf({ paymentKey, details, events }: PaymentState, text: string): readonly string[] {
  const wanted = text.toLowerCase()
  const ids: readonly PaymentId[] = [
    ...idsOfKey(paymentKey),
    ...(details.endToEndId === null ? [] : [['endToEndId', details.endToEndId] as const]),
    ...details.references.map(({ type, value }) => [type, value] as const),
    ...events.flatMap(({ event }) => idsOfEvent(event)),
  ]
  return [...new Set(ids.filter(([, value]) => value.toLowerCase() === wanted).map(([kind]) => kind))]
}
