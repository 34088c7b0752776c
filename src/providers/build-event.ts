import { type EventIdentity, eventIdOf, withoutTime } from '../payment/event-id.ts'
import type { PaymentEvent } from '../payment/payment-event.ts'
import type { Callback, Provider } from './provider.ts'
import { type SourceTime, UNTIMED } from './source-time.ts'

/** What an adapter read from one element. An omitted field was not given. */
export interface EventFacts
  extends Pick<PaymentEvent, 'paymentKey' | 'naturalKey' | 'status' | 'sourceStatus'>,
    Partial<
      Omit<
        PaymentEvent,
        | 'eventId'
        | 'paymentKey'
        | 'naturalKey'
        | 'status'
        | 'sourceStatus'
        | 'source'
        | 'provider'
        | 'mappingVersion'
        | 'withdrawn'
        | 'callbackId'
        | 'element'
        | 'receivedAt'
        | 'authenticity'
        | 'childKey'
        | keyof SourceTime
      >
    > {
  readonly time?: SourceTime
  /** True if the time is the envelope's: it orders the event but is not part of its identity. */
  readonly timeOfEnvelope?: boolean
}

/** Builds a payment event from the facts: omitted fields become null, and the event gets its id. */
export function buildEvent(
  callback: Callback,
  { id: provider, mappingVersion }: Pick<Provider, 'id' | 'mappingVersion'>,
  element: number,
  facts: EventFacts,
): PaymentEvent {
  const time = facts.time ?? UNTIMED
  const event: PaymentEvent = {
    eventId: '',
    paymentKey: facts.paymentKey,
    weakKey: facts.weakKey ?? false,
    source: callback.source,
    provider,
    mappingVersion,
    withdrawn: false,
    callbackId: callback.callbackId,
    element,
    receivedAt: callback.receivedAt,
    authenticity: callback.authenticity,
    providerEventId: facts.providerEventId ?? null,
    naturalKey: facts.naturalKey,
    kind: facts.kind ?? 'PAYMENT',
    relatesTo: facts.relatesTo ?? null,
    childKey: null,
    status: facts.status,
    sourceStatus: facts.sourceStatus,
    sourceSubStatus: facts.sourceSubStatus ?? null,
    sourceAction: facts.sourceAction ?? null,
    unknownBecause: facts.unknownBecause ?? null,
    eventContext: facts.eventContext ?? null,
    sourceType: facts.sourceType ?? null,
    holdReason: facts.holdReason ?? null,
    rejectedBy: facts.rejectedBy ?? null,
    occurredAt: time.occurredAt,
    occurredAtText: time.occurredAtText,
    occurredAtPrecision: time.occurredAtPrecision,
    zoneAssumed: time.zoneAssumed,
    timeUnreadable: time.timeUnreadable,
    endToEndId: facts.endToEndId ?? null,
    references: facts.references ?? [],
    rail: facts.rail ?? null,
    direction: facts.direction ?? null,
    clearingSystem: facts.clearingSystem ?? null,
    requestedExecutionDate: facts.requestedExecutionDate ?? null,
    valueDate: facts.valueDate ?? null,
    amount: facts.amount ?? null,
    requestAmount: facts.requestAmount ?? null,
    partialApproval: facts.partialApproval ?? false,
    fxAppliedRate: facts.fxAppliedRate ?? null,
    gpiStatus: facts.gpiStatus ?? null,
    reasons: facts.reasons ?? [],
    reasonsOmitted: facts.reasonsOmitted ?? 0,
    unreadable: facts.unreadable ?? [],
  }
  return withId(event, facts.timeOfEnvelope === true ? withoutTime(event) : event)
}

/** Sets the id in place, without a copy: no other code has seen the new event yet. */
function withId(event: PaymentEvent, identity: EventIdentity): PaymentEvent {
  const writable: { -readonly [Name in keyof PaymentEvent]: PaymentEvent[Name] } = event
  writable.eventId = eventIdOf(identity)
  return event
}
