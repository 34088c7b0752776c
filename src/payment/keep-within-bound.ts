import { compareTexts } from './compare-texts.ts'
import { timeClassOf } from './event-time.ts'
import { WEIGHT_MAX, WEIGHT_MIN, weightAtMost, weightOf } from './event-weight.ts'
import {
  compareByTime,
  countsForItself,
  isAboutThePayment,
  isPaymentOutcome,
  isUnderstood,
  MARKERS,
} from './fold-payment.ts'
import { PAYMENT_KINDS, type PaymentEvent } from './payment-event.ts'
import { rankOf, tierNumberOf, tierOf } from './payment-status.ts'

/** Most events a payment keeps (invariant I10). It follows from the weights: each event weighs at least `WEIGHT_MIN`. */
export const HISTORY_EVENTS_MAX = 256

/** Greatest weight of the events that a payment keeps, 96 KiB. One event may cross it, and two more may be beyond it. */
export const HISTORY_WEIGHT_MAX = HISTORY_EVENTS_MAX * WEIGHT_MIN

/**
 * Largest encoded state. The history takes `HISTORY_WEIGHT_MAX` and at most three events more; the rest is for the payment's
 * own fields, which come from its events.
 */
export const STATE_BYTES_MAX = 128 * 1024

/** An event in a history. */
export interface KeptEvent {
  readonly event: PaymentEvent
  /** True if only what decides was kept of the event ({@link outlineOf}), because the history is full. */
  readonly detailsDropped: boolean
}

/** An event as it arrives. */
export function wholeEvent(event: PaymentEvent): KeptEvent {
  return { event, detailsDropped: false }
}

/**
 * Selects what a payment keeps of its events when they weigh more than `weightMax`.
 *
 * 1. Status and attention depend on at most 179 events, the *deciding* ones ({@link decidingOf}). Each has a place of
 *    `WEIGHT_MIN`. One that is heavier is kept without its details ({@link outlineOf}), unless 2 or 3 keep it whole. So the kept
 *    events give the same status and attention as all events.
 * 2. The events are put in a fixed order: higher tier first, then older, then smaller id; then reports of children, which
 *    decide nothing about this payment; then withdrawn events, which weigh `WEIGHT_MIN`. An event is kept whole if the places of the deciding events, and
 *    what all events before it weigh beyond these places, are less than `weightMax`.
 * 3. Two events are always kept whole, because details come from them ({@link forDetailsOf}).
 *
 * Everything else is left out. The result depends on the set of events only, and what was left out never returns. So selecting
 * after every arrival gives the same result as selecting once at the end, in any order: the number of deciding events and the
 * weight before an event only grow, and all events before the first one that does not fit are kept whole, so their weight is
 * known without those left out. Other rules do not have this property. If selection went on after an event that does not fit,
 * or if deciding events were weighed first, a heavy event that is replaced by a light one would make room for events that are
 * already gone.
 *
 * Returns `items` itself if all are kept whole.
 */
export function keepWithinBound<T extends KeptEvent>(
  items: readonly T[],
  weightMax = HISTORY_WEIGHT_MAX,
): readonly T[] {
  // Most histories are short, so the cheapest answers come first.
  if (items.length * WEIGHT_MAX <= weightMax || sumOf(items.map(({ event }) => weightAtMost(event))) <= weightMax) {
    return items
  }
  const weights = items.map(({ event }) => weightOf(event))
  return sumOf(weights) <= weightMax ? items : select(items, weights, weightMax)
}

/** @param weights Those of the items. */
function select<T extends KeptEvent>(items: readonly T[], weights: readonly number[], weightMax: number): readonly T[] {
  const deciding = decidingOf(items)
  const whole = new Set<T>(forDetailsOf(items))
  const weightOfItem = new Map(items.map((item, index) => [item, weights[index] as number]))
  let weight = deciding.size * WEIGHT_MIN
  for (const item of items.toSorted((a, b) => compareForKeeping(a.event, b.event))) {
    if (weight >= weightMax) {
      break
    }
    whole.add(item)
    if (deciding.has(item)) {
      weight += (weightOfItem.get(item) as number) - WEIGHT_MIN
    } else {
      // What is stored of a withdrawn event depends on which reading was withdrawn, so its weight must not count.
      weight += item.event.withdrawn ? WEIGHT_MIN : (weightOfItem.get(item) as number)
    }
  }
  const kept: T[] = []
  for (const item of items) {
    const isKept = whole.has(item) || deciding.has(item)
    const isWhole = (whole.has(item) && !item.event.withdrawn) || weightOfItem.get(item) === WEIGHT_MIN
    if (isKept) {
      kept.push(isWhole || item.detailsDropped ? item : { ...item, event: outlineOf(item.event), detailsDropped: true })
    }
  }
  return kept.length === items.length && kept.every((item, index) => item === items[index]) ? items : kept
}

function sumOf(weights: readonly number[]): number {
  return weights.reduce((sum, weight) => sum + weight, 0)
}

/** What decides of an event, and where it came from: without texts that only details and verdicts use. */
export function outlineOf(event: PaymentEvent): PaymentEvent {
  return {
    ...event,
    authenticity: [],
    providerEventId: null,
    naturalKey: '',
    relatesTo: null,
    sourceSubStatus: null,
    sourceAction: null,
    eventContext: null,
    sourceType: null,
    endToEndId: null,
    references: [],
    rail: null,
    direction: null,
    clearingSystem: null,
    requestedExecutionDate: null,
    valueDate: null,
    amount: null,
    requestAmount: null,
    fxAppliedRate: null,
    gpiStatus: null,
    reasons: [],
    reasonsOmitted: event.reasonsOmitted + event.reasons.length,
    // That there is one decides, not which one.
    unreadable: event.unreadable.slice(0, 1),
  }
}

/**
 * Besides the first and last event of every group, the latest event that satisfies each of these is kept: an attention code
 * asks whether one exists, and the payment's kind comes from the latest. Kinds and partial approvals of events that were not
 * understood count only without those that were, so each of the two has its own places; so have events about something else.
 */
const KEPT_ONCE: readonly ((event: PaymentEvent) => boolean)[] = [
  ...MARKERS.map(([, isMarked]) => isMarked),
  ...[
    isUnderstood,
    (event: PaymentEvent) => !isUnderstood(event) && isAboutThePayment(event),
    (event: PaymentEvent) => !isUnderstood(event) && !isAboutThePayment(event),
  ].flatMap((isOfGroup) => [
    (event: PaymentEvent) => event.partialApproval && isOfGroup(event),
    ...PAYMENT_KINDS.filter((kind) => kind !== 'PAYMENT').map(
      (kind) => (event: PaymentEvent) => event.kind === kind && isOfGroup(event),
    ),
  ]),
]

/**
 * The events on which status, attention and kind depend; at most 179.
 *
 * Events are grouped by status, by how their time was given (none, with a zone, without one, a date) and by why they are
 * UNKNOWN. Each group has its least and greatest event by (time, rank, id); then there is one event with each marker, and
 * with each kind. Every place takes the best of what the places before it left, so one more event displaces at most one other
 * from each place and never brings one back.
 */
function decidingOf<T extends KeptEvent>(items: readonly T[]): ReadonlySet<T> {
  const ends = new Map<string, { first: T; last: T }>()
  const own = items.filter(({ event }) => countsForItself(event))
  for (const item of own) {
    const { event } = item
    const group = `${event.status} ${timeClassOf(event)} ${event.unknownBecause}`
    const end = ends.get(group)
    if (end === undefined) {
      ends.set(group, { first: item, last: item })
    } else if (compareByTime(event, end.first.event) < 0) {
      end.first = item
    } else if (compareByTime(event, end.last.event) > 0) {
      end.last = item
    }
  }
  const deciding = new Set<T>()
  for (const { first, last } of ends.values()) {
    deciding.add(first).add(last)
  }
  const addGreatest = (isWanted: (event: PaymentEvent) => boolean, compare: typeof compareByTime) => {
    const item = greatest(
      own.filter((candidate) => isWanted(candidate.event) && !deciding.has(candidate)),
      compare,
    )
    if (item !== undefined) {
      deciding.add(item)
    }
  }
  for (const isWanted of KEPT_ONCE) {
    addGreatest(isWanted, compareByTime)
  }
  // It can contradict those of another kind. The earliest: most often it is kept anyway.
  addGreatest(isPaymentOutcome, (a, b) => compareByTime(b, a))
  return deciding
}

/**
 * The latest event of the highest tier (of several outcomes, of the highest rank), and the latest outcome of the highest rank,
 * which may release the payment. Unless final statuses contradict each other or times cannot be compared, the deciding event,
 * the first source of details, is one of them.
 */
function forDetailsOf<T extends KeptEvent>(items: readonly T[]): readonly T[] {
  const own = items.filter(({ event }) => countsForItself(event))
  const ofOutcome = own.filter(({ event }) => tierOf(event.status) === 'outcome')
  const found = [greatest(own, compareForDetails), greatest(ofOutcome, compareForDetails)]
  return found.filter((item) => item !== undefined)
}

function compareForDetails(a: PaymentEvent, b: PaymentEvent): number {
  const byTier = tierNumberOf(a.status) - tierNumberOf(b.status)
  const byRank = tierOf(a.status) === 'outcome' ? rankOf(a.status) - rankOf(b.status) : 0
  return byTier || byRank || compareByTime(a, b)
}

function greatest<T extends KeptEvent>(
  items: readonly T[],
  compare: (a: PaymentEvent, b: PaymentEvent) => number,
): T | undefined {
  let best: T | undefined
  for (const item of items) {
    if (best === undefined || compare(item.event, best.event) > 0) {
      best = item
    }
  }
  return best
}

function compareForKeeping(a: PaymentEvent, b: PaymentEvent): number {
  if (a.withdrawn || b.withdrawn) {
    // Of several, by id alone: their other fields depend on which reading was withdrawn.
    return Number(a.withdrawn) - Number(b.withdrawn) || compareTexts(a.eventId, b.eventId)
  }
  const reportsLast = Number(a.childKey !== null) - Number(b.childKey !== null)
  return reportsLast || tierNumberOf(b.status) - tierNumberOf(a.status) || compareByTime(a, b)
}
