import type { PaymentEvent, PaymentKind, Reference } from './payment-event.ts'
import {
  type PaymentStatus,
  POSITIVE_RANK_MIN,
  RELEASE_RANK_MIN,
  rankOf,
  type Tier,
  tierNumberOf,
  tierOf,
} from './payment-status.ts'

/**
 * Things a person should look at. They follow from the set of events alone, so they are the same in any order.
 *
 * - `released`: a blocked or failed payment was let go by a later outcome.
 * - `contradictory-finals`: two different final statuses were reported.
 * - `positive-after-final`: an outcome that says "paid" is later than the final status, or cannot be compared with it.
 * - `negative-after-positive`: a negative status decides although "paid" was reported before.
 * - `unknown-status`, `event-context`: an event was kept that we could not, or must not, read as a status.
 * - `client-action`: the payment waits for the client.
 * - `weak-key`: the payment is identified by a customer reference only.
 */
export const ATTENTION_CODES = [
  'released',
  'contradictory-finals',
  'positive-after-final',
  'negative-after-positive',
  'unknown-status',
  'event-context',
  'client-action',
  'weak-key',
] as const
export type AttentionCode = (typeof ATTENTION_CODES)[number]

/** What is known of a payment beside its status. */
export type PaymentDetails = Pick<
  PaymentEvent,
  | 'endToEndId'
  | 'references'
  | 'rail'
  | 'direction'
  | 'clearingSystem'
  | 'requestedExecutionDate'
  | 'valueDate'
  | 'amount'
  | 'requestAmount'
  | 'fxAppliedRate'
  | 'gpiStatus'
  | 'reasons'
  | 'holdReason'
  | 'rejectedBy'
>

export interface FoldedPayment {
  readonly status: PaymentStatus
  /** Id of the event that the details come from: the latest one of the deciding status. Null if nothing decides. */
  readonly decidedBy: string | null
  readonly attention: readonly AttentionCode[]
  readonly kind: PaymentKind
  readonly relatesTo: string | null
  readonly details: PaymentDetails
}

/**
 * What all events of a payment, together, mean now.
 *
 * A pure function of the *set* of distinct events: neither their order of arrival nor repeats change the result.
 * The highest tier present decides; inside a tier the rule differs:
 *
 * | tier          | rule                                                                                          |
 * |---------------|-----------------------------------------------------------------------------------------------|
 * | returned      | RETURNED decides                                                                              |
 * | final         | the earliest timed final wins; ties by status name, then event id                             |
 * | soft-negative | the latest wins, unless released by outcomes of rank >= 45 strictly later than every negative |
 * | outcome       | the highest rank wins                                                                         |
 * | progress      | RECEIVED < ACCEPTED < the rest; among the rest the latest wins, because they alternate        |
 * | none          | UNKNOWN                                                                                       |
 *
 * An event without a time is older than every timed one and never "later" than anything. `events` must be distinct by
 * event id and not empty.
 */
export function foldPayment(events: readonly PaymentEvent[]): FoldedPayment {
  const byTier = groupByTier(events)
  const outcomes = byTier.outcome
  const positives = outcomes.filter((event) => rankOf(event.status) >= POSITIVE_RANK_MIN)
  const attention = new Set<AttentionCode>()
  let status: PaymentStatus = 'UNKNOWN'

  if (byTier.returned.length > 0) {
    status = 'RETURNED'
    if (positives.some((positive) => !isNotAfter(positive, earliest(byTier.returned)))) {
      attention.add('positive-after-final')
    }
  } else if (byTier.final.length > 0) {
    const deciding = earliest(byTier.final)
    status = deciding.status
    if (positives.some((positive) => !isNotAfter(positive, deciding))) {
      attention.add('positive-after-final')
    }
    if (positives.some((positive) => isStrictlyAfter(deciding, positive))) {
      attention.add('negative-after-positive')
    }
  } else if (byTier['soft-negative'].length > 0) {
    const releasing = outcomes.filter(
      (event) =>
        rankOf(event.status) >= RELEASE_RANK_MIN &&
        byTier['soft-negative'].every((negative) => isStrictlyAfter(event, negative)),
    )
    if (releasing.length > 0) {
      status = highestRank(releasing).status
      attention.add('released')
    } else {
      status = greatest(byTier['soft-negative'], compareByTime).status
      if (positives.length > 0) {
        attention.add('negative-after-positive')
      }
    }
  } else if (outcomes.length > 0) {
    status = highestRank(outcomes).status
  } else if (byTier.progress.length > 0) {
    status = greatest(byTier.progress, compareProgress).status
  }

  if (new Set(byTier.final.map((event) => event.status)).size > 1) {
    attention.add('contradictory-finals')
  }
  for (const event of byTier.none) {
    attention.add(event.unknownBecause === 'CONTEXT' ? 'event-context' : 'unknown-status')
  }
  if (events.some((event) => event.weakKey)) {
    attention.add('weak-key')
  }

  const latestFirst = events.toSorted((a, b) => compareByTime(b, a))
  const ofStatus = latestFirst.filter((event) => event.status === status)
  const deciding = ofStatus[0]
  if (deciding?.holdReason === 'PENDING_CLIENT_ACTION') {
    attention.add('client-action')
  }
  const child = latestFirst.find((event) => event.kind !== 'PAYMENT')
  return {
    status,
    decidedBy: status === 'UNKNOWN' ? null : (deciding?.eventId ?? null),
    attention: ATTENTION_CODES.filter((code) => attention.has(code)),
    kind: child?.kind ?? 'PAYMENT',
    relatesTo: latestFirst.find((event) => event.relatesTo !== null)?.relatesTo ?? null,
    details: detailsOf(deciding, ofStatus, latestFirst),
  }
}

/** Orders by time, then rank, then event id; an untimed event is older than every timed one. Never by arrival. */
export function compareByTime(a: PaymentEvent, b: PaymentEvent): number {
  return (
    compareNumbers(a.occurredAt ?? Number.NEGATIVE_INFINITY, b.occurredAt ?? Number.NEGATIVE_INFINITY) ||
    rankOf(a.status) - rankOf(b.status) ||
    compareTexts(a.eventId, b.eventId)
  )
}

type ByTier = Record<Tier, PaymentEvent[]>

function groupByTier(events: readonly PaymentEvent[]): ByTier {
  const groups: ByTier = { none: [], progress: [], outcome: [], 'soft-negative': [], final: [], returned: [] }
  for (const event of events) {
    groups[tierOf(event.status)].push(event)
  }
  return groups
}

/** RECEIVED < ACCEPTED < {SCHEDULED, PROCESSING, ON_HOLD}; inside the braces the time decides. */
function compareProgress(a: PaymentEvent, b: PaymentEvent): number {
  return progressStep(a.status) - progressStep(b.status) || compareByTime(a, b)
}

function progressStep(status: PaymentStatus): number {
  return status === 'RECEIVED' ? 0 : status === 'ACCEPTED' ? 1 : 2
}

/** Of several finals (or returns) the earliest timed one; ties by status name, then event id. Untimed ones come last. */
function earliest(events: readonly PaymentEvent[]): PaymentEvent {
  return greatest(
    events,
    (a, b) =>
      compareNumbers(b.occurredAt ?? Number.POSITIVE_INFINITY, a.occurredAt ?? Number.POSITIVE_INFINITY) ||
      compareTexts(b.status, a.status) ||
      compareTexts(b.eventId, a.eventId),
  )
}

function highestRank(events: readonly PaymentEvent[]): PaymentEvent {
  return greatest(events, (a, b) => rankOf(a.status) - rankOf(b.status) || compareByTime(a, b))
}

function greatest(
  events: readonly PaymentEvent[],
  compare: (a: PaymentEvent, b: PaymentEvent) => number,
): PaymentEvent {
  return events.reduce((best, event) => (compare(event, best) > 0 ? event : best))
}

/** Both timed and a after b. */
function isStrictlyAfter(a: PaymentEvent, b: PaymentEvent): boolean {
  return a.occurredAt !== null && b.occurredAt !== null && a.occurredAt > b.occurredAt
}

/** Both timed and a not after b; false when a missing time makes them incomparable. */
function isNotAfter(a: PaymentEvent, b: PaymentEvent): boolean {
  return a.occurredAt !== null && b.occurredAt !== null && a.occurredAt <= b.occurredAt
}

/**
 * The details come from the deciding event; what it lacks, from the latest event that has it. Reasons, hold reason and
 * who rejected explain one status, so they are taken from events of the deciding status only.
 */
function detailsOf(
  deciding: PaymentEvent | undefined,
  ofStatus: readonly PaymentEvent[],
  latestFirst: readonly PaymentEvent[],
): PaymentDetails {
  const candidates = deciding === undefined ? latestFirst : [deciding, ...latestFirst]
  return {
    endToEndId: firstOf(candidates, 'endToEndId'),
    references: mergedReferences(candidates),
    rail: firstOf(candidates, 'rail'),
    direction: firstOf(candidates, 'direction'),
    clearingSystem: firstOf(candidates, 'clearingSystem'),
    requestedExecutionDate: firstOf(candidates, 'requestedExecutionDate'),
    valueDate: firstOf(candidates, 'valueDate'),
    amount: firstOf(candidates, 'amount'),
    requestAmount: firstOf(candidates, 'requestAmount'),
    fxAppliedRate: firstOf(candidates, 'fxAppliedRate'),
    gpiStatus: firstOf(candidates, 'gpiStatus'),
    reasons: ofStatus.find((event) => event.reasons.length > 0)?.reasons ?? [],
    holdReason: firstOf(ofStatus, 'holdReason'),
    rejectedBy: firstOf(ofStatus, 'rejectedBy'),
  }
}

function firstOf<K extends keyof PaymentEvent>(events: readonly PaymentEvent[], field: K): PaymentEvent[K] | null {
  for (const event of events) {
    if (event[field] !== null) {
      return event[field]
    }
  }
  return null
}

/** One reference per type, the preferred event's first. */
function mergedReferences(events: readonly PaymentEvent[]): readonly Reference[] {
  const byType = new Map<string, Reference>()
  for (const event of events) {
    for (const reference of event.references) {
      if (!byType.has(reference.type)) {
        byType.set(reference.type, reference)
      }
    }
  }
  return [...byType.values()].sort((a, b) => compareTexts(a.type, b.type))
}

/** The most events a payment keeps (invariant I10). */
export const HISTORY_EVENTS_MAX = 256

/**
 * Which of a payment's events are kept when there are more than `max`.
 *
 * Per status the least and the greatest by (time, id) are kept, among the timed and among the untimed: they are all the
 * fold looks at, so the status of the kept set is the status of the whole. The rest of the room is filled with the
 * higher tier first, then the older, then the smaller id. An event once left out can never come back in, therefore
 * keeping after every arrival gives the same set as keeping once at the end, in any order.
 */
export function keepWithinBound<T>(items: readonly T[], eventOf: (item: T) => PaymentEvent, max: number): readonly T[] {
  if (items.length <= max) {
    return items
  }
  const needed = new Set<T>()
  const groups = Map.groupBy(items, (item) => `${eventOf(item).status} ${eventOf(item).occurredAt === null}`)
  for (const group of groups.values()) {
    const sorted = group.toSorted((a, b) => compareByTime(eventOf(a), eventOf(b)))
    for (const item of [sorted[0], sorted.at(-1)]) {
      if (item !== undefined) {
        needed.add(item)
      }
    }
  }
  const rest = items
    .filter((item) => !needed.has(item))
    .sort((a, b) => compareForFill(eventOf(a), eventOf(b)))
    .slice(0, Math.max(0, max - needed.size))
  const kept = new Set([...needed, ...rest])
  return items.filter((item) => kept.has(item))
}

function compareForFill(a: PaymentEvent, b: PaymentEvent): number {
  return tierNumberOf(b.status) - tierNumberOf(a.status) || compareByTime(a, b)
}

function compareNumbers(a: number, b: number): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
