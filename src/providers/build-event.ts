import { type EventIdentity, eventIdOf, withoutTime } from '../payment/event-id.ts'
import { type PaymentEvent, type Reason, STATEMENT_BYTES_MAX } from '../payment/payment-event.ts'
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

/**
 * Builds a payment event from the facts: omitted fields become null, the last reasons are left out and counted if the event
 * would be too large, and the event gets its id.
 */
export function buildEvent(
  callback: Callback,
  { id: provider, mappingVersion }: Pick<Provider, 'id' | 'mappingVersion'>,
  element: number,
  facts: EventFacts,
): PaymentEvent {
  const time = facts.time ?? UNTIMED
  const event: NewEvent = {
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
  leaveOutReasons(event)
  return withId(event, facts.timeOfEnvelope === true ? withoutTime(event) : event)
}

/** No other code has seen the new event yet, so it is changed in place, without a copy. */
type NewEvent = { -readonly [Name in keyof PaymentEvent]: PaymentEvent[Name] }

function withId(event: NewEvent, identity: EventIdentity): PaymentEvent {
  event.eventId = eventIdOf(identity)
  return event
}

/**
 * Leaves out the last reasons beyond {@link STATEMENT_BYTES_MAX}: a detail must not make the event too large. Only what the
 * id covers is measured, and no time, so that a repeat in another envelope is the same event.
 */
function leaveOutReasons(event: NewEvent): void {
  if (event.reasons.length === 0) {
    return
  }
  let bytes = bytesOfAll([
    event.paymentKey,
    event.relatesTo,
    event.sourceStatus,
    event.sourceSubStatus,
    event.sourceAction,
    event.eventContext,
    event.sourceType,
    event.endToEndId,
    event.rail,
    event.direction,
    event.clearingSystem,
    event.requestedExecutionDate,
    event.valueDate,
    event.amount?.value,
    event.requestAmount?.value,
    event.fxAppliedRate,
    event.gpiStatus,
    ...event.references.flatMap(({ type, value }) => [type, value]),
    ...event.unreadable,
  ])
  const fitting = event.reasons.findIndex((reason) => {
    bytes += bytesOfReason(reason)
    return bytes > STATEMENT_BYTES_MAX
  })
  if (fitting >= 0) {
    event.reasonsOmitted += event.reasons.length - fitting
    event.reasons = event.reasons.slice(0, fitting)
  }
}

/** With the lengths of its texts. */
function bytesOfReason({ scheme, code, rule, location, field }: Reason): number {
  return 10 + bytesOfAll([scheme, code, rule, location, field])
}

function bytesOfAll(texts: readonly (string | null | undefined)[]): number {
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text ?? ''), 0)
}
