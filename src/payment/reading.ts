import { isDeepStrictEqual } from 'node:util'
import { compareTexts } from './compare-texts.ts'
import { compareAsRead } from './event-time.ts'
import type { PaymentEvent } from './payment-event.ts'

/**
 * An event's id covers what the provider said, not how it was read. So one id can arrive with several readings: a newer
 * mapping reads the same callback otherwise, or the same statement is issued again under another time that is not part of
 * it. Of all readings of an id exactly one counts, whatever their order of arrival.
 */
export type Restatement = 'newer-mapping' | 'earlier-time'

/**
 * Why `arrival` counts in place of `known`, which has the same id; null if `known` keeps counting. The greatest mapping
 * version counts; among readings of one version, the earliest time, and a time before none.
 */
export function restatementBy(arrival: PaymentEvent, known: PaymentEvent): Restatement | null {
  if (arrival.mappingVersion !== known.mappingVersion) {
    return arrival.mappingVersion > known.mappingVersion ? 'newer-mapping' : null
  }
  return compareTimes(arrival, known) < 0 ? 'earlier-time' : null
}

/** Whether two readings of one id differ only in who brought them, and by which mapping they were read. */
export function saysTheSame(a: PaymentEvent, b: PaymentEvent): boolean {
  return SAYS.every((field) => a[field] === b[field] || isDeepStrictEqual(a[field], b[field]))
}

/** Of two readings of one id, the one that counts. */
export function readingThatCounts(known: PaymentEvent, arrival: PaymentEvent): PaymentEvent {
  return restatementBy(arrival, known) === null ? known : arrival
}

/** A total order of times: as read, then by how they were given. */
function compareTimes(a: PaymentEvent, b: PaymentEvent): number {
  if (a.occurredAtText === b.occurredAtText && a.occurredAt === b.occurredAt) {
    return 0
  }
  const byPresence = Number(a.occurredAt === null) - Number(b.occurredAt === null)
  return (
    byPresence ||
    compareAsRead(a, b) ||
    Number(a.zoneAssumed) - Number(b.zoneAssumed) ||
    compareTexts(a.occurredAtText ?? '', b.occurredAtText ?? '')
  )
}

/** Every field that a consumer or the fold looks at. The others tell who brought the event and how it was named. */
const IS_SAID = {
  eventId: false,
  paymentKey: true,
  weakKey: true,
  source: false,
  provider: true,
  mappingVersion: false,
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
