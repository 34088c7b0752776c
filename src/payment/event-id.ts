import { hash } from 'node:crypto'
import type { PaymentEvent } from './payment-event.ts'

/** The fields that identify a payment event. All of them are published; none comes from the envelope. */
export type EventIdentity = Omit<
  PaymentEvent,
  | 'eventId'
  | 'mappingVersion'
  | 'withdrawn'
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
 * Deliberately excluded: the envelope's id, time and source and the position in the callback (they change when the same
 * fact is re-issued); our own interpretation, such as the canonical status (a better mapping must not turn a redelivery
 * into a new event); anything that is not published (a hashed account number can be found by brute force).
 *
 * Returns 32 hex digits, the first half of a SHA-256. The values are joined as JSON with fixed positions, so two different
 * sets of values never produce the same text.
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
    // Appended only if set, so that the ids of all other events stay the same.
    ...(identity.childKey === null ? [] : [identity.childKey]),
    // So are rare values, by name, so that none can be mistaken for another.
    ...(identity.unreadable.length === 0 ? [] : [{ unreadable: identity.unreadable }]),
    ...(identity.timeUnreadable ? [{ timeUnreadable: true }] : []),
    ...(identity.partialApproval ? [{ partialApproval: true }] : []),
  ])
  return hash('sha256', text, 'hex').slice(0, 32)
}

/**
 * The identity of an event whose time is the envelope's: without the time, so that a re-issue in a new envelope is the same
 * event.
 */
export function withoutTime(identity: EventIdentity): EventIdentity {
  return { ...identity, occurredAtText: null, timeUnreadable: false }
}

/** Only what the provider sent: a change of the configured currency must not turn old callbacks into new events. */
function amountIdentity(amount: PaymentEvent['amount']): string | null {
  return amount === null ? null : amount.value
}
