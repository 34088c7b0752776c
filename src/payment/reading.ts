import { isDeepStrictEqual } from 'node:util'
import { compareTexts } from './compare-texts.ts'
import { compareAsRead } from './event-time.ts'
import type { Amount, PaymentEvent } from './payment-event.ts'

/**
 * An event's id covers what the provider said, not how it was read. So one id can arrive with several readings: a newer
 * mapping reads the same callback differently, or no longer as this event (`withdrawn`); or the provider sends the same
 * statement again with another time or currency, which are not part of the id. Exactly one reading of an id counts, whatever
 * their order of arrival.
 */
export type Restatement = 'no-longer-read' | 'read-again' | 'newer-mapping' | 'earlier-time' | 'other-content'

/**
 * Why `arrival` counts in place of `known`, which has the same id; null if `known` keeps counting. The reading
 * with the greatest mapping version counts. Among readings of one version, any other reading takes precedence over a
 * withdrawal, then the earliest time decides; a reading with a time takes precedence over one without, and an unreadable time
 * over none. Then a currency takes precedence over none, and of two currencies the first in the order of texts.
 */
export function restatementBy(arrival: PaymentEvent, known: PaymentEvent): Restatement | null {
  if (compareReadings(arrival, known) <= 0) {
    return null
  }
  if (arrival.withdrawn || known.withdrawn) {
    return arrival.withdrawn ? 'no-longer-read' : 'read-again'
  }
  if (arrival.mappingVersion > known.mappingVersion) {
    return 'newer-mapping'
  }
  return arrival.occurredAt !== null && compareTimes(arrival, known) !== 0 ? 'earlier-time' : 'other-content'
}

/**
 * Whether two readings of one id differ only in the callback that reported them and in the mapping that read them. All
 * withdrawals are equal.
 */
export function saysTheSame(a: PaymentEvent, b: PaymentEvent): boolean {
  if (a.withdrawn && b.withdrawn) {
    return true
  }
  return SAYS.every((field) => a[field] === b[field] || isDeepStrictEqual(a[field], b[field]))
}

/** Of two readings of one id, the one that counts. */
export function readingThatCounts(known: PaymentEvent, arrival: PaymentEvent): PaymentEvent {
  return restatementBy(arrival, known) === null ? known : arrival
}

/** Positive if `a` takes precedence over `b`. */
function compareReadings(a: PaymentEvent, b: PaymentEvent): number {
  const byVersion = a.mappingVersion - b.mappingVersion || Number(b.withdrawn) - Number(a.withdrawn)
  return byVersion || (a.withdrawn ? 0 : compareTimes(b, a) || compareCurrencies(b, a))
}

/** A total order of times: as read, then by how they were given. */
function compareTimes(a: PaymentEvent, b: PaymentEvent): number {
  if (a.occurredAtText === b.occurredAtText && a.occurredAt === b.occurredAt && a.timeUnreadable === b.timeUnreadable) {
    return 0
  }
  const byPresence = Number(a.occurredAt === null) - Number(b.occurredAt === null)
  return (
    byPresence ||
    compareAsRead(a, b) ||
    Number(b.timeUnreadable) - Number(a.timeUnreadable) ||
    Number(a.zoneAssumed) - Number(b.zoneAssumed) ||
    compareTexts(a.occurredAtText ?? '', b.occurredAtText ?? '')
  )
}

/** For the parts of amounts that the id does not cover: negative if those of `a` come first. */
function compareCurrencies(a: PaymentEvent, b: PaymentEvent): number {
  return compareCurrency(a.amount, b.amount) || compareCurrency(a.requestAmount, b.requestAmount)
}

function compareCurrency(a: Amount | null, b: Amount | null): number {
  const [one, other] = [a?.currency ?? null, b?.currency ?? null]
  return Number(one === null) - Number(other === null) || compareTexts(one ?? '', other ?? '')
}

/** Every field that a consumer or the fold looks at. The others say where the event came from and identify it. */
const IS_SAID = {
  eventId: false,
  paymentKey: true,
  weakKey: true,
  source: false,
  provider: true,
  mappingVersion: false,
  withdrawn: true,
  callbackId: false,
  element: false,
  receivedAt: false,
  authenticity: false,
  providerEventId: false,
  naturalKey: false,
  kind: true,
  relatesTo: true,
  childKey: true,
  status: true,
  sourceStatus: true,
  sourceSubStatus: true,
  sourceAction: true,
  unknownBecause: true,
  eventContext: true,
  sourceType: true,
  holdReason: true,
  rejectedBy: true,
  occurredAt: true,
  occurredAtText: true,
  occurredAtPrecision: true,
  zoneAssumed: true,
  timeUnreadable: true,
  endToEndId: true,
  references: true,
  rail: true,
  direction: true,
  clearingSystem: true,
  requestedExecutionDate: true,
  valueDate: true,
  amount: true,
  requestAmount: true,
  partialApproval: true,
  fxAppliedRate: true,
  gpiStatus: true,
  reasons: true,
  reasonsOmitted: true,
  unreadable: true,
} as const satisfies Record<keyof PaymentEvent, boolean>

const SAYS = (Object.keys(IS_SAID) as (keyof PaymentEvent)[]).filter((field) => IS_SAID[field])
