import { compareTexts } from './compare-texts.ts'
import {
  areComparable,
  compareAsRead,
  isCertainlyLater,
  isPossiblyLater,
  ZONE_HOURS_AHEAD_MAX,
  ZONE_HOURS_BEHIND_MAX,
} from './event-time.ts'
import type { Amount, PaymentEvent, PaymentKind, Reference } from './payment-event.ts'
import { type PaymentStatus, POSITIVE_RANK_MIN, RELEASE_RANK_MIN, rankOf, type Tier, tierOf } from './payment-status.ts'

/**
 * Things a person should look at. They depend only on the set of events, never on their order. `meaning` is for readers of a
 * payment; `condition` is the exact condition under which the fold reports the code.
 */
export const ATTENTION = {
  released: {
    meaning: 'a blocked or failed payment was released by a later outcome',
    condition: `no tier above soft-negative is present, and an outcome of rank >= ${RELEASE_RANK_MIN} is certainly later than every event of that tier`,
  },
  'contradictory-finals': {
    meaning: 'two different final statuses were reported; the earliest decides',
    condition: 'events of two different statuses of tier final are present',
  },
  'positive-after-final': {
    meaning: '"paid" was reported later than the final status, or the two times cannot be compared',
    condition: `tier final or returned decides, and an outcome of rank >= ${POSITIVE_RANK_MIN} is possibly later than the earliest event of that tier, or one of the two has no time`,
  },
  'negative-after-positive': {
    meaning: 'a negative status decides although "paid" was reported before, or at the very same time',
    condition: `tier soft-negative decides and an outcome of rank >= ${POSITIVE_RANK_MIN} is present; or tier final decides, and such an outcome is not possibly later than the earliest event of that tier, and both have a time`,
  },
  'contradictory-kinds': {
    meaning:
      'one id was reported as two kinds, for example as a payment and as its refund; the amount may be counted twice or not at all',
    condition:
      'two events call the payment by two of REFUND, RETURN and CHARGEBACK, or one calls it so and another reports an outcome of it as a payment',
  },
  'unknown-status': {
    meaning: 'the status of an event was not understood',
    condition: 'an event is UNKNOWN because its status was not understood',
  },
  'event-context': {
    meaning: 'an event is about a request concerning the payment, not about the payment itself',
    condition: 'an event is UNKNOWN because its context or type shows that it is about something else',
  },
  'client-action': {
    meaning: 'the payment is waiting for the client',
    condition: 'the latest event of the deciding status has the hold reason PENDING_CLIENT_ACTION',
  },
  'weak-key': {
    meaning: 'the payment is identified only by a customer reference, which two payments could share',
    condition: 'an event carries no provider id',
  },
  'time-uncertain': {
    meaning:
      'the status depends on times that cannot be compared because a zone or the time of day is missing; the status that undoes nothing was chosen',
    condition:
      'the rule of the deciding tier gives another status if "certainly later" is replaced by "possibly later"; or the latest of BLOCKED and SETTLEMENT_FAILED, the latest of SCHEDULED and PROCESSING, or the earliest of the finals decides, and an event of another of these statuses, not comparable with it, could come first by that rule',
  },
  'unreadable-time': {
    meaning: 'a time was sent but could not be read; the event counts as untimed',
    condition: 'an event is marked timeUnreadable',
  },
  'unreadable-detail': {
    meaning: 'a field that does not affect the status was sent but could not be read; it is left out',
    condition: 'an event lists fields in unreadable',
  },
  'partial-approval': {
    meaning: 'less than the requested amount was approved; amount is the approved amount',
    condition: 'an event that was understood, or any event if none was understood, is marked partialApproval',
  },
} as const satisfies Record<string, { meaning: string; condition: string }>
export type AttentionCode = keyof typeof ATTENTION
export const ATTENTION_CODES = Object.keys(ATTENTION) as readonly AttentionCode[]

/** What is known about a payment besides its status. */
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

/** A refund, return or chargeback of a payment, according to its reports. */
export interface ChildPayment {
  readonly paymentKey: string
  /** PAYMENT until a report says how it undoes the original. */
  readonly kind: PaymentKind
  readonly status: PaymentStatus
  readonly amount: Amount | null
  readonly requestAmount: Amount | null
}

export interface FoldedPayment {
  readonly status: PaymentStatus
  /** Id of the latest event of the deciding status: the first source of details. Null if nothing decides. */
  readonly decidedBy: string | null
  readonly attention: readonly AttentionCode[]
  readonly kind: PaymentKind
  readonly relatesTo: string | null
  readonly details: PaymentDetails
  /** Its refunds, returns and chargebacks, sorted by payment key. */
  readonly children: readonly ChildPayment[]
}

/** The rules common to all tiers; `TIERS` (payment-status.ts) has those of each tier. `paystatus rules` prints both. */
export const FOLD_RULES: readonly string[] = [
  'The status is a function of the set of distinct events: neither their order of arrival nor repeats change it.',
  'The highest tier present decides; within it, the rule of the tier.',
  "Time is the provider's own time of the status, compared to its last digit. An event without a readable time is older than every timed one and never later than anything. Certainly or possibly later requires that both events have a time; the one exception is an untimed ON_HOLD, which any timed event ends.",
  `A time without a zone is read as UTC but may be in any zone from UTC-${ZONE_HOURS_BEHIND_MAX} to UTC+${ZONE_HOURS_AHEAD_MAX}; a date alone stands for its whole day. An event is certainly later if it is later under every such reading, possibly later if it is later under some. Two times without a zone are in the same zone; a date and a time of the same day, both without a zone, cannot be compared, nor can two equal dates. Everything else (latest, earliest, details) uses the time as read.`,
  'Events with equal times are ordered by rank, then by event id; never by arrival.',
  'Details (references, amounts, dates) come from the latest event of the winning status, and what it lacks from the latest event that has it. Events about something else (an event context, another type) contribute none. Reasons come only from events of the winning status.',
  'Kind, original and amounts come only from events that were understood. The other details can also come from an event whose status was not understood. If no event was understood, all come from what there is.',
  'If one of the events that amounts come from is a partial approval, the amount comes only from such events, and there is none if theirs could not be read.',
  'A report of a refund, return or chargeback (childKey) is about that child only; each child is folded separately, by the same rules. Reports change nothing else of the original; an original known only from reports is UNKNOWN.',
  'A withdrawn event is absent: it has no influence on status, attention, details, kind or children. A payment whose events are all withdrawn is UNKNOWN.',
  'The kind is the latest of REFUND, RETURN and CHARGEBACK; without one of these, UNKNOWN if any of the events that it comes from has that kind; otherwise PAYMENT.',
]

/**
 * What the events of a payment mean together, by {@link FOLD_RULES} and, within a tier, by its rule in `TIERS`.
 *
 * A pure function of the *set* of distinct events: neither their order of arrival nor repeats change the result. `events`
 * must be distinct by event id. Withdrawn ones are absent; a payment that has no others is UNKNOWN.
 */
export function foldPayment(events: readonly PaymentEvent[]): FoldedPayment {
  const own = events.filter(countsForItself)
  const reports =
    own.length === events.length ? [] : events.filter((event) => event.childKey !== null && !event.withdrawn)
  return { ...foldOwn(own), children: childrenOf(reports) }
}

/** Whether an event counts for the payment that it is keyed by: it is not a report about a child and is not withdrawn. */
export function countsForItself({ childKey, withdrawn }: PaymentEvent): boolean {
  return childKey === null && !withdrawn
}

function childrenOf(reports: readonly PaymentEvent[]): readonly ChildPayment[] {
  return [...Map.groupBy(reports, (report) => report.childKey as string)]
    .map(([paymentKey, ofChild]): ChildPayment => {
      const { kind, status, details } = foldOwn(ofChild)
      return { paymentKey, kind, status, amount: details.amount, requestAmount: details.requestAmount }
    })
    .sort((a, b) => compareTexts(a.paymentKey, b.paymentKey))
}

/** All `events` are about one payment. There may be none: then nothing is known about it. */
function foldOwn(events: readonly PaymentEvent[]): Omit<FoldedPayment, 'children'> {
  const byTier = groupByTier(events)
  const attention = new Set<AttentionCode>()
  const status = decide(byTier, attention)

  if (new Set(byTier.final.map((event) => event.status)).size > 1) {
    attention.add('contradictory-finals')
  }
  for (const event of byTier.none) {
    attention.add(event.unknownBecause === 'CONTEXT' ? 'event-context' : 'unknown-status')
  }
  for (const [code, isMarked] of MARKERS) {
    if (events.some(isMarked)) {
      attention.add(code)
    }
  }

  const latestFirst = preferably(isAboutThePayment, events).toSorted((a, b) => compareByTime(b, a))
  if (new Set(latestFirst.filter(claimsKind).map((event) => event.kind)).size > 1) {
    attention.add('contradictory-kinds')
  }
  const counting = preferably(isUnderstood, latestFirst)
  if (counting.some((event) => event.partialApproval)) {
    attention.add('partial-approval')
  }
  const ofStatus = latestFirst.filter((event) => event.status === status)
  const deciding = ofStatus[0]
  if (deciding?.holdReason === 'PENDING_CLIENT_ACTION') {
    attention.add('client-action')
  }
  return {
    status,
    decidedBy: status === 'UNKNOWN' ? null : (deciding?.eventId ?? null),
    attention: ATTENTION_CODES.filter((code) => attention.has(code)),
    kind: kindOf(counting),
    relatesTo: firstOf(counting, 'relatesTo'),
    details: detailsOf(deciding, ofStatus, latestFirst, counting),
  }
}

/** Codes that apply as soon as one event has the marker, whatever that event decides. */
export const MARKERS: readonly (readonly [AttentionCode, (event: PaymentEvent) => boolean])[] = [
  ['weak-key', (event) => event.weakKey],
  ['unreadable-time', (event) => event.timeUnreadable],
  ['unreadable-detail', (event) => event.unreadable.length > 0],
]

/** The status, by the rule of the highest tier present. Adds the attention codes that follow from that rule. */
function decide(byTier: ByTier, attention: Set<AttentionCode>): PaymentStatus {
  const positives = byTier.outcome.filter((event) => rankOf(event.status) >= POSITIVE_RANK_MIN)
  if (byTier.returned.length > 0) {
    const deciding = earliest(byTier.returned)
    if (positives.some((positive) => mayBeLater(positive, deciding))) {
      attention.add('positive-after-final')
    }
    return deciding.status
  }
  if (byTier.final.length > 0) {
    return decideFinal(byTier.final, positives, attention)
  }
  if (byTier['soft-negative'].length > 0) {
    return decideSoftNegative(byTier['soft-negative'], byTier.outcome, positives, attention)
  }
  if (byTier.outcome.length > 0) {
    return highestRank(byTier.outcome).status
  }
  return byTier.progress.length > 0 ? decideProgress(byTier.progress, attention) : 'UNKNOWN'
}

function decideFinal(
  finals: readonly PaymentEvent[],
  positives: readonly PaymentEvent[],
  attention: Set<AttentionCode>,
): PaymentStatus {
  const deciding = earliest(finals)
  if (positives.some((positive) => mayBeLater(positive, deciding))) {
    attention.add('positive-after-final')
  }
  if (positives.some((positive) => !mayBeLater(positive, deciding))) {
    attention.add('negative-after-positive')
  }
  if (couldBeAnother(finals, deciding, compareEarliest)) {
    attention.add('time-uncertain')
  }
  return deciding.status
}

function decideSoftNegative(
  negatives: readonly PaymentEvent[],
  outcomes: readonly PaymentEvent[],
  positives: readonly PaymentEvent[],
  attention: Set<AttentionCode>,
): PaymentStatus {
  const proofs = outcomes.filter((event) => rankOf(event.status) >= RELEASE_RANK_MIN)
  const releasing = proofs.filter((event) => negatives.every((negative) => isCertainlyLater(event, negative)))
  const released = releasing.length > 0 ? highestRank(releasing).status : null
  const mayRelease = proofs.filter((event) => negatives.every((negative) => isPossiblyLater(event, negative)))
  const mayBeReleased = mayRelease.length > 0 ? highestRank(mayRelease).status : null
  if (mayBeReleased !== released) {
    attention.add('time-uncertain')
  }
  if (released !== null) {
    attention.add('released')
    return released
  }
  if (positives.length > 0) {
    attention.add('negative-after-positive')
  }
  const deciding = greatest(negatives, compareByTime)
  if (couldBeAnother(negatives, deciding, compareByTime)) {
    attention.add('time-uncertain')
  }
  return deciding.status
}

/** RECEIVED < ACCEPTED < {SCHEDULED, PROCESSING, ON_HOLD}; among the last three, time decides. */
function decideProgress(events: readonly PaymentEvent[], attention: Set<AttentionCode>): PaymentStatus {
  const holds = events.filter((event) => event.status === 'ON_HOLD')
  const steps = events.filter((event) => event.status === 'SCHEDULED' || event.status === 'PROCESSING')
  if (holds.length > 0) {
    const isLeft = (isLater: typeof isCertainlyLater) =>
      holds.every((hold) =>
        steps.some((step) => (hold.occurredAt === null ? step.occurredAt !== null : isLater(step, hold))),
      )
    if (!isLeft(isCertainlyLater)) {
      if (isLeft(isPossiblyLater)) {
        attention.add('time-uncertain')
      }
      return 'ON_HOLD'
    }
  }
  if (steps.length === 0) {
    return events.some((event) => event.status === 'ACCEPTED') ? 'ACCEPTED' : 'RECEIVED'
  }
  const deciding = greatest(steps, compareByTime)
  if (couldBeAnother(steps, deciding, compareByTime)) {
    attention.add('time-uncertain')
  }
  return deciding.status
}

/**
 * Whether an event of another status could decide instead of `deciding`, the greatest of `events`, if incomparable times were
 * read differently: it is not comparable with `deciding`, and no event comparable with it is greater.
 */
function couldBeAnother(
  events: readonly PaymentEvent[],
  deciding: PaymentEvent,
  compare: (a: PaymentEvent, b: PaymentEvent) => number,
): boolean {
  return events.some(
    (event) =>
      event.status !== deciding.status &&
      !areComparable(event, deciding) &&
      !events.some((other) => areComparable(other, event) && compare(other, event) > 0),
  )
}

/** A REFUND, RETURN or CHARGEBACK is never overridden by a vaguer kind: it must not be counted as incoming money. */
function kindOf(latestFirst: readonly PaymentEvent[]): PaymentKind {
  const saying = latestFirst.find(saysWhatItUndoes) ?? latestFirst.find((event) => event.kind === 'UNKNOWN')
  return saying?.kind ?? 'PAYMENT'
}

function saysWhatItUndoes({ kind }: PaymentEvent): boolean {
  return kind !== 'PAYMENT' && kind !== 'UNKNOWN'
}

/** The end of a refund, such as VOIDED, is often reported without a kind, and so as that of a payment: this claims nothing. */
function claimsKind(event: PaymentEvent): boolean {
  return saysWhatItUndoes(event) || isPaymentOutcome(event)
}

/** Whether money moved, or is to move, as in a payment. */
export function isPaymentOutcome({ kind, status }: PaymentEvent): boolean {
  return kind === 'PAYMENT' && tierOf(status) === 'outcome'
}

/** Whether an event says what happened to the payment. Any other must not change what money depends on. */
export function isUnderstood({ status }: PaymentEvent): boolean {
  return status !== 'UNKNOWN'
}

/** False for an event about something else, such as a request for return of funds. */
export function isAboutThePayment({ unknownBecause }: PaymentEvent): boolean {
  return unknownBecause !== 'CONTEXT'
}

/** The events that satisfy `isPreferred`, or all if none does. */
function preferably(
  isPreferred: (event: PaymentEvent) => boolean,
  events: readonly PaymentEvent[],
): readonly PaymentEvent[] {
  const preferred = events.filter(isPreferred)
  return preferred.length > 0 ? preferred : events
}

/** Orders by time as read (untimed first), then rank, then event id. Never by arrival. */
export function compareByTime(a: PaymentEvent, b: PaymentEvent): number {
  return compareAsRead(a, b) || rankOf(a.status) - rankOf(b.status) || compareTexts(a.eventId, b.eventId)
}

type ByTier = Record<Tier, PaymentEvent[]>

function groupByTier(events: readonly PaymentEvent[]): ByTier {
  const groups: ByTier = { none: [], progress: [], outcome: [], 'soft-negative': [], final: [], returned: [] }
  for (const event of events) {
    groups[tierOf(event.status)].push(event)
  }
  return groups
}

/** The earliest of several finals (or returns); ties by status name, then event id. Untimed events come last. */
function earliest(events: readonly PaymentEvent[]): PaymentEvent {
  return greatest(events, compareEarliest)
}

function compareEarliest(a: PaymentEvent, b: PaymentEvent): number {
  return (
    Number(a.occurredAt !== null) - Number(b.occurredAt !== null) ||
    compareAsRead(b, a) ||
    compareTexts(b.status, a.status) ||
    compareTexts(b.eventId, a.eventId)
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

/** True also if a missing time makes them incomparable. */
function mayBeLater(a: PaymentEvent, b: PaymentEvent): boolean {
  return a.occurredAt === null || b.occurredAt === null || isPossiblyLater(a, b)
}

/**
 * Details come from the deciding event, and what it lacks from the latest event about the payment that has it; amounts only
 * from those that are `counting`. Reasons, hold reason and the rejecting party explain one status, so they come only from
 * events of the deciding status.
 */
function detailsOf(
  deciding: PaymentEvent | undefined,
  ofStatus: readonly PaymentEvent[],
  latestFirst: readonly PaymentEvent[],
  counting: readonly PaymentEvent[],
): PaymentDetails {
  const decidingFirst = deciding === undefined ? [] : [deciding]
  const candidates = [...decidingFirst, ...latestFirst]
  const ofMoney = [...decidingFirst, ...counting]
  return {
    endToEndId: firstOf(candidates, 'endToEndId'),
    references: mergedReferences(candidates),
    rail: firstOf(candidates, 'rail'),
    direction: firstOf(candidates, 'direction'),
    clearingSystem: firstOf(candidates, 'clearingSystem'),
    requestedExecutionDate: firstOf(candidates, 'requestedExecutionDate'),
    valueDate: firstOf(candidates, 'valueDate'),
    amount: firstOf(
      preferably((event) => event.partialApproval, ofMoney),
      'amount',
    ),
    requestAmount: firstOf(ofMoney, 'requestAmount'),
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

/** One reference per type; the first event that has the type wins. */
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
