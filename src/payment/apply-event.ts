import { compareTexts } from './compare-texts.ts'
import { type AttentionCode, countsForItself, type FoldedPayment, foldPayment } from './fold-payment.ts'
import { HISTORY_EVENTS_MAX, type KeptEvent, keepWithinBound, outlineOf } from './keep-within-bound.ts'
import type { PaymentEvent } from './payment-event.ts'
import type { PaymentStatus } from './payment-status.ts'
import { type Restatement, restatementBy, saysTheSame } from './reading.ts'

/** What the arrival of an event meant. A duplicate is only counted: it is not published and has no verdict. */
export const VERDICTS = ['APPLIED', 'LATE', 'REVISION', 'CONFLICT', 'UNKNOWN', 'RESTATED', 'WITHDRAWN'] as const
export type Verdict = (typeof VERDICTS)[number]

/**
 * The rules behind the verdicts. The first that applies, in this order, decides; its name is published with every change,
 * so that a person can look it up.
 */
export const VERDICT_RULES = {
  'no-longer-read': {
    verdict: 'WITHDRAWN',
    text: 'a newer mapping no longer reads this event from its callback; it counts for nothing from now on',
  },
  'read-again': {
    verdict: 'RESTATED',
    text: 'an event that was withdrawn is read from a callback again and counts again',
  },
  'newer-mapping': {
    verdict: 'RESTATED',
    text: 'a newer mapping reads a known event differently; the new reading replaces the old one',
  },
  'earlier-time': {
    verdict: 'RESTATED',
    text: 'a known event that is timed by its envelope was also issued with an earlier time, which counts',
  },
  'other-content': {
    verdict: 'RESTATED',
    text: 'a known event was also issued with a currency, another one, or an unreadable time, which its id does not cover; this one counts',
  },
  'child-reported': {
    verdict: 'REVISION',
    text: 'a refund, return or chargeback of the payment was reported; the status stays, its children may have changed',
  },
  'unknown-event': {
    verdict: 'UNKNOWN',
    text: 'the event was not understood as a status; it is recorded and changes nothing',
  },
  'brings-contradictory-finals': { verdict: 'CONFLICT', text: 'a second, different final status was reported' },
  'brings-positive-after-final': {
    verdict: 'CONFLICT',
    text: 'a paid outcome is later than the final status, or the two times cannot be compared',
  },
  'provider-event-id-reused': {
    verdict: 'CONFLICT',
    text: 'the provider used one event id for two different facts in different callbacks',
  },
  'first-event': { verdict: 'APPLIED', text: 'the first event of the payment' },
  'status-changed': { verdict: 'APPLIED', text: 'the status that follows from all events changed' },
  'same-natural-key': { verdict: 'REVISION', text: 'this step of the payment was already known, with other details' },
  'new-deciding-event': { verdict: 'REVISION', text: 'the status stays; its details now come from this event' },
  'status-unchanged': { verdict: 'LATE', text: 'recorded in the history; a stronger or later event decides' },
} as const satisfies Record<string, { verdict: Verdict; text: string }>
export type VerdictRule = keyof typeof VERDICT_RULES

/** An event in the history, with what its arrival meant. */
export interface RecordedEvent extends KeptEvent {
  readonly verdict: Verdict
  readonly rule: VerdictRule
  readonly statusVersion: number
  readonly statusAfter: PaymentStatus
  /** When the status processor recorded it, ms since the epoch. */
  readonly recordedAt: number
}

/** Everything known about one payment: the value of `payments.status.current`. */
export interface PaymentState extends FoldedPayment {
  readonly paymentKey: string
  /**
   * Receipt time of the first event since the payment was last forgotten, ms since the epoch. A forgotten payment that
   * gets a new event restarts at version 1 with a greater incarnation; compare (incarnation, statusVersion) in that order.
   */
  readonly incarnation: number
  /** 1, 2, 3 …, incremented by every record in `payments.status.changes`. */
  readonly statusVersion: number
  /** When the status last changed and when an event was last recorded, ms since the epoch, the processor's clock. */
  readonly statusChangedAt: number
  readonly touchedAt: number
  /** When the payment was reported overdue; null if it is not. Cleared when the status changes or all events are withdrawn. */
  readonly overdueSince: number | null
  readonly events: readonly RecordedEvent[]
  /**
   * How many events were left out because the history is full: refused when they arrived, or displaced later. One that is
   * repeated after it was left out is not recognised and counts again.
   */
  readonly eventsLeftOut: number
}

/** Whether a state has every event of its payment, with its details, in the reading that counts. */
export function hasWholeHistory({ events, eventsLeftOut }: Pick<PaymentState, 'events' | 'eventsLeftOut'>): boolean {
  // An older release counted none, and left out events only beyond this number.
  return eventsLeftOut === 0 && events.length < HISTORY_EVENTS_MAX && !events.some((one) => one.detailsDropped)
}

/** Whether a verdict says that the event replaces a reading with the same id, if one was known. */
export function replacesReading(verdict: string): boolean {
  return verdict === 'RESTATED' || verdict === 'WITHDRAWN'
}

/** How the caller that sent the deciding event was authenticated; empty if no event decides or if this is unknown. */
export function authenticityOf({ decidedBy, events }: Pick<PaymentState, 'decidedBy' | 'events'>): readonly string[] {
  const deciding = decidedBy === null ? undefined : events.find(({ event }) => event.eventId === decidedBy)
  return deciding?.event.authenticity ?? []
}

/** The part of the state that depends only on the set of events, not on their order of arrival. */
export function orderFreePart(state: PaymentState) {
  const { status, decidedBy, attention, kind, relatesTo, details, children } = state
  const events = state.events.map(({ event }) => event).sort((a, b) => compareTexts(a.eventId, b.eventId))
  return {
    status,
    decidedBy,
    attention,
    kind,
    relatesTo,
    details,
    children,
    eventIds: events.map(({ eventId }) => eventId),
    mappingVersions: events.map(({ mappingVersion }) => mappingVersion),
  }
}

/** One step of a payment before it is published: what changed and why. */
export interface Change {
  readonly state: PaymentState
  readonly statusBefore: PaymentStatus | null
  readonly recorded: RecordedEvent
  /** The reading of the same event that counted until now; null if the event was not known. */
  readonly restated: PaymentEvent | null
}

export type Applied =
  /** `state` is null if it stays as it is. Otherwise only the mapping version of the known event has changed. */
  | { readonly outcome: 'duplicate'; readonly state: PaymentState | null }
  /** The event is not kept. In `state` it is only counted, in `eventsLeftOut`. */
  | { readonly outcome: 'history-full'; readonly state: PaymentState }
  | { readonly outcome: 'recorded'; readonly change: Change }

/**
 * Adds one event to a payment's state and reports what its arrival changed.
 *
 * The status depends only on the set of events, never on their order: the event is added to the set, and the whole set is
 * folded again (a payment has few events, at most {@link HISTORY_EVENTS_MAX}). Of several readings of one event exactly one
 * is in the set, whatever their order (reading.ts). A duplicate changes nothing, so the caller publishes no step for it.
 *
 * A withdrawn reading stays in the set, so that an older reading that arrives later is recognised and changes nothing. For
 * the same reason a withdrawal of an event that is not known is recorded, too, and even begins a payment, as UNKNOWN.
 *
 * Guarantee: applying a set of events in any order, with any repeats, gives the same {@link orderFreePart}. Verdicts and
 * versions depend on the order of arrival and may differ.
 */
export function applyEvent(state: PaymentState | undefined, event: PaymentEvent, recordedAt: number): Applied {
  const known = state?.events.find((seen) => seen.event.eventId === event.eventId)
  if (state === undefined || known === undefined) {
    return record(state, event, recordedAt, state?.events ?? [], null)
  }
  // What is left of an event is compared with the same part of the arrival.
  const arrival = known.detailsDropped ? outlineOf(event) : event
  const restatement = restatementBy(arrival, known.event)
  if (restatement === null) {
    return { outcome: 'duplicate', state: null }
  }
  if (saysTheSame(arrival, known.event)) {
    // Store the newer version, so that a reading by a version between the two cannot replace this one.
    const { mappingVersion } = event
    const events = state.events.map((seen) =>
      seen === known ? { ...seen, event: { ...seen.event, mappingVersion } } : seen,
    )
    return { outcome: 'duplicate', state: { ...state, events } }
  }
  const others = state.events.filter((seen) => seen !== known)
  return record(state, event, recordedAt, others, { by: restatement, from: known.event })
}

/** Records the arrival of an event beside `others`, the events of `state` that it does not replace. */
function record(
  state: PaymentState | undefined,
  event: PaymentEvent,
  recordedAt: number,
  others: readonly RecordedEvent[],
  restated: { readonly by: Restatement; readonly from: PaymentEvent } | null,
): Applied {
  const statusVersion = (state?.statusVersion ?? 0) + 1
  const arrival: RecordedEvent = {
    event,
    detailsDropped: false,
    verdict: 'LATE',
    rule: 'status-unchanged',
    statusVersion,
    statusAfter: 'UNKNOWN',
    recordedAt,
  }
  const kept = keepWithinBound([...others, arrival])
  // The order is that of arrival.
  const isKept = kept.at(-1)?.event.eventId === event.eventId
  if (state !== undefined && !isKept) {
    return { outcome: 'history-full', state: refusing(state, restated === null ? kept : state.events) }
  }

  const folded = foldPayment(kept.map((item) => item.event))
  const rule = event.withdrawn ? 'no-longer-read' : (restated?.by ?? ruleFor(state, event, folded))
  const meaning = { rule, verdict: VERDICT_RULES[rule].verdict, statusAfter: folded.status }
  const statusChanged = state === undefined || state.status !== folded.status
  // If all events of the payment itself are withdrawn, no further status is awaited.
  const isAwaited = kept.some((item) => countsForItself(item.event))
  return {
    outcome: 'recorded',
    change: {
      statusBefore: state?.status ?? null,
      recorded: { ...arrival, ...meaning },
      restated: restated?.from ?? null,
      state: {
        paymentKey: event.paymentKey,
        incarnation: state?.incarnation ?? event.receivedAt,
        statusVersion,
        ...folded,
        statusChangedAt: statusChanged ? recordedAt : state.statusChangedAt,
        touchedAt: recordedAt,
        overdueSince: statusChanged || !isAwaited ? null : state.overdueSince,
        events: kept.with(-1, { ...(kept.at(-1) ?? arrival), ...meaning }),
        eventsLeftOut: (state?.eventsLeftOut ?? 0) + others.length + 1 - kept.length,
      },
    },
  }
}

/**
 * The state after an event that is not kept. `within` are its events, within the bound: a state of an older release can have
 * more, and would otherwise be written again in its whole size.
 */
function refusing(state: PaymentState, within: readonly RecordedEvent[]): PaymentState {
  const eventsLeftOut = state.eventsLeftOut + 1 + state.events.length - within.length
  const isSame = within.length === state.events.length && within.every((item, index) => item === state.events[index])
  return isSame
    ? { ...state, eventsLeftOut }
    : { ...state, ...foldPayment(within.map(({ event }) => event)), events: within, eventsLeftOut }
}

function ruleFor(state: PaymentState | undefined, event: PaymentEvent, folded: FoldedPayment): VerdictRule {
  const brings = (code: AttentionCode) => folded.attention.includes(code) && !state?.attention.includes(code)
  if (event.childKey !== null) {
    return 'child-reported'
  }
  const own = (state?.events ?? []).filter((seen) => countsForItself(seen.event))
  if (event.status === 'UNKNOWN') {
    return 'unknown-event'
  }
  if (brings('contradictory-finals')) {
    return 'brings-contradictory-finals'
  }
  if (brings('positive-after-final')) {
    return 'brings-positive-after-final'
  }
  if (own.some((seen) => reusesProviderEventId(seen.event, event))) {
    return 'provider-event-id-reused'
  }
  if (own.length === 0) {
    return 'first-event'
  }
  if (state?.status !== folded.status) {
    return 'status-changed'
  }
  if (own.some((seen) => seen.event.naturalKey === event.naturalKey)) {
    return 'same-natural-key'
  }
  if (folded.decidedBy === event.eventId) {
    return 'new-deciding-event'
  }
  return 'status-unchanged'
}

/** Elements of one callback legitimately share its id; the same id in another callback is a reuse. */
function reusesProviderEventId(seen: PaymentEvent, event: PaymentEvent): boolean {
  return (
    event.providerEventId !== null &&
    seen.providerEventId === event.providerEventId &&
    seen.callbackId !== event.callbackId
  )
}
