import { createHash } from 'node:crypto'
import type { PaymentEvent } from './payment-event.ts'

/** The fields that make a payment event what it is. All of them are published; none of them is the envelope's. */
export type EventIdentity = Omit<
  PaymentEvent,
  | 'eventId'
  | 'callbackId'
  | 'element'
  | 'receivedAt'
  | 'authenticity'
  | 'providerEventId'
  | 'source'
  | 'naturalKey'
  | 'status'
  | 'kind'
  | 'holdReason'
  | 'rejectedBy'
  | 'occurredAt'
  | 'occurredAtPrecision'
  | 'zoneAssumed'
  | 'weakKey'
  | 'unknownBecause'
>

/**
 * The id of a payment event: a hash of the payment key and of the allow-listed values as the provider sent them.
 *
 * Deliberately left out: the envelope's id, time and source and the position in the callback (a re-issue of the same
 * fact changes them); our own readings, such as the canonical status (a better mapping must not turn a redelivery into
 * news); anything that is not published (a hash of an account number can be searched by brute force).
 *
 * Returns 32 hex digits, the first half of a SHA-256. The values are joined as JSON with fixed positions, so two
 * different sets of values never give the same text.
 */
export function eventIdOf(identity: EventIdentity): string {
  const text = JSON.stringify([
    identity.paymentKey,
    identity.provider,
    identity.sourceStatus,
    identity.sourceSubStatus,
    identity.sourceAction,
    identity.eventContext,
    identity.sourceType,
    identity.occurredAtText,
    identity.relatesTo,
    identity.endToEndId,
    identity.references.map((reference) => [reference.type, reference.value]),
    identity.rail,
    identity.direction,
    identity.clearingSystem,
    identity.requestedExecutionDate,
    identity.valueDate,
    amountIdentity(identity.amount),
    amountIdentity(identity.requestAmount),
    identity.fxAppliedRate,
    identity.gpiStatus,
    identity.reasons.map((reason) => [reason.scheme, reason.code, reason.rule, reason.location, reason.field]),
    identity.reasonsOmitted,
    // Only reports have one: the ids of all other events are what they would be without it.
    ...(identity.childKey === null ? [] : [identity.childKey]),
    // The same for what is rarely said: by name, so that no value can be taken for another.
    ...(identity.unreadable.length === 0 ? [] : [{ unreadable: identity.unreadable }]),
    ...(identity.timeUnreadable ? [{ timeUnreadable: true }] : []),
    ...(identity.partialApproval ? [{ partialApproval: true }] : []),
  ])
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/**
 * The identity of an event whose time is its envelope's: without it, so that a re-issue under a new envelope is the same
 * event.
 */
export function withoutTime(identity: EventIdentity): EventIdentity {
  return { ...identity, occurredAtText: null, timeUnreadable: false }
}

/** Only what the provider sent: the configured currency may change without making old callbacks new. */
function amountIdentity(amount: PaymentEvent['amount']): string | null {
  return amount === null ? null : amount.value
}
