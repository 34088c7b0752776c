import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { type AttentionCode, foldPayment } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import type { PaymentStatus } from '../../src/payment/payment-status.ts'
import { distinctEvents, type EventSetConstraints } from './arbitrary-events.ts'
import type { keptOf } from './kept-of.ts'

/**
 * A second implementation of the fold of domain.md 6.7 and 9.7, written only from that text, as questions about the set
 * instead of a computation over tiers. Deliberately slow and simple; it shares no table and no helper with src/payment.
 */

/** domain.md 6.1, rank column. */
const RANKS: Record<PaymentStatus, number> = {
  RECEIVED: 10,
  ACCEPTED: 20,
  SCHEDULED: 25,
  PROCESSING: 30,
  ON_HOLD: 35,
  AUTHORIZED: 40,
  PENDING_POSTING: 45,
  SENT_TO_CLEARING: 50,
  COMPLETED: 60,
  SETTLED: 65,
  CREDITED: 70,
  DECLINED: 90,
  REJECTED: 90,
  CANCELED: 90,
  VOIDED: 90,
  BLOCKED: 90,
  SETTLEMENT_FAILED: 90,
  RETURNED: 100,
  UNKNOWN: -1,
}

/** domain.md 6.7, the table. */
const TIERS: readonly (readonly PaymentStatus[])[] = [
  ['RECEIVED', 'ACCEPTED', 'SCHEDULED', 'PROCESSING', 'ON_HOLD'],
  ['AUTHORIZED', 'PENDING_POSTING', 'SENT_TO_CLEARING', 'COMPLETED', 'SETTLED', 'CREDITED'],
  ['BLOCKED', 'SETTLEMENT_FAILED'],
  ['DECLINED', 'REJECTED', 'CANCELED', 'VOIDED'],
  ['RETURNED'],
]

export interface OracleAnswer {
  readonly status: PaymentStatus
  readonly attention: ReadonlySet<AttentionCode>
  /** The event the details come from. */
  readonly detailsFrom: string | null
  /** The status of every reported child. */
  readonly children: ReadonlyMap<string, PaymentStatus>
}

export function oracle(all: readonly PaymentEvent[]): OracleAnswer {
  const children = new Map<string, PaymentStatus>()
  for (const childKey of new Set(all.flatMap((event) => event.childKey ?? []))) {
    const ofChild = all.filter((event) => event.childKey === childKey)
    children.set(childKey, oracle(ofChild.map((event) => ({ ...event, childKey: null }))).status)
  }
  const set = all.filter((event) => event.childKey === null)
  const attention = new Set<AttentionCode>()
  const tiers = TIERS.map((statuses) => set.filter((event) => statuses.includes(event.status)))
  const [progress = [], outcome = [], softNegative = [], final = [], returned = []] = tiers
  const moneyMoved = outcome.filter((event) => RANKS[event.status] >= 60)

  let status: PaymentStatus = 'UNKNOWN'
  if (returned.length > 0) {
    status = 'RETURNED'
    // The text says "later than it" but not which of several RETURNED it means: the earliest, as for finals.
    if (moneyMoved.some((event) => laterOrIncomparable(event, finalThatDecides(returned)))) {
      attention.add('positive-after-final')
    }
  } else if (final.length > 0) {
    const decider = finalThatDecides(final)
    status = decider.status
    if (moneyMoved.some((event) => laterOrIncomparable(event, decider))) {
      attention.add('positive-after-final')
    }
    if (moneyMoved.some((event) => !laterOrIncomparable(event, decider))) {
      attention.add('negative-after-positive')
    }
    if (final.some((event) => couldTakeThePlace(event, decider, final, comesFirstAsFinal))) {
      attention.add('time-uncertain')
    }
  } else if (softNegative.length > 0) {
    const statusIfLaterMeans = (isLater: (a: PaymentEvent, b: PaymentEvent) => boolean) => {
      const releasing = outcome.filter(
        (event) => RANKS[event.status] >= 45 && softNegative.every((negative) => isLater(event, negative)),
      )
      return releasing.length > 0 ? ofHighestRank(releasing) : latest(softNegative).status
    }
    status = statusIfLaterMeans(surelyLater)
    if (statusIfLaterMeans(perhapsLater) !== status) {
      attention.add('time-uncertain')
    }
    if (outcome.some((event) => event.status === status)) {
      attention.add('released')
    } else {
      if (softNegative.some((event) => couldTakeThePlace(event, latest(softNegative), softNegative, isLatest))) {
        attention.add('time-uncertain')
      }
      if (moneyMoved.length > 0) {
        attention.add('negative-after-positive')
      }
    }
  } else if (outcome.length > 0) {
    status = ofHighestRank(outcome)
  } else if (progress.length > 0) {
    const holds = progress.filter((event) => event.status === 'ON_HOLD')
    const moving = progress.filter((event) => event.status === 'SCHEDULED' || event.status === 'PROCESSING')
    const someHoldStands = (isLater: (a: PaymentEvent, b: PaymentEvent) => boolean) =>
      holds.some(
        (hold) =>
          !moving.some((event) => isLater(event, hold) || (event.occurredAt !== null && hold.occurredAt === null)),
      )
    if (someHoldStands(surelyLater)) {
      status = 'ON_HOLD'
      if (!someHoldStands(perhapsLater)) {
        attention.add('time-uncertain')
      }
    } else if (moving.length > 0) {
      status = latest(moving).status
      if (moving.some((event) => couldTakeThePlace(event, latest(moving), moving, isLatest))) {
        attention.add('time-uncertain')
      }
    } else {
      status = progress.some((event) => event.status === 'ACCEPTED') ? 'ACCEPTED' : 'RECEIVED'
    }
  }

  if (new Set(final.map((event) => event.status)).size > 1) {
    attention.add('contradictory-finals')
  }
  const misunderstood = set.filter((event) => event.status === 'UNKNOWN')
  if (misunderstood.some((event) => event.unknownBecause === 'STATUS')) {
    attention.add('unknown-status')
  }
  if (misunderstood.some((event) => event.unknownBecause === 'CONTEXT')) {
    attention.add('event-context')
  }
  if (set.some((event) => event.weakKey)) {
    attention.add('weak-key')
  }
  if (set.some((event) => event.timeUnreadable)) {
    attention.add('unreadable-time')
  }
  if (set.some((event) => event.unreadable.length > 0)) {
    attention.add('unreadable-detail')
  }
  const understood = set.filter((event) => event.status !== 'UNKNOWN')
  const notAside = set.filter((event) => event.unknownBecause !== 'CONTEXT')
  const claims = (notAside.length > 0 ? notAside : set).flatMap((event) =>
    ['REFUND', 'RETURN', 'CHARGEBACK'].includes(event.kind) || (event.kind === 'PAYMENT' && outcome.includes(event))
      ? event.kind
      : [],
  )
  if (new Set(claims).size > 1) {
    attention.add('contradictory-kinds')
  }
  const aside = misunderstood.filter((event) => event.unknownBecause === 'CONTEXT')
  const unclear = misunderstood.filter((event) => event.unknownBecause === 'STATUS')
  const [counting = []] = [understood, unclear, aside].filter((events) => events.length > 0)
  if (counting.some((event) => event.partialApproval)) {
    attention.add('partial-approval')
  }
  const winners = status === 'UNKNOWN' ? [] : set.filter((event) => event.status === status)
  const detailsFrom = winners.length === 0 ? null : latest(winners)
  if (detailsFrom?.holdReason === 'PENDING_CLIENT_ACTION') {
    attention.add('client-action')
  }
  return { status, attention, detailsFrom: detailsFrom?.eventId ?? null, children }
}

/** Compares any implementation of the fold with this one: status and attention must be equal for every set. */
export function agreesWithOracle(
  fold: (
    events: readonly PaymentEvent[],
  ) => Pick<OracleAnswer, 'status'> & { readonly attention: Iterable<AttentionCode> },
  constraints: EventSetConstraints = {},
) {
  return fc.property(distinctEvents(constraints), (events) => {
    const { status, attention } = fold(events)
    const expected = oracle(events)
    return isDeepStrictEqual([status, new Set(attention)], [expected.status, expected.attention])
  })
}

/** Checks any implementation of the bound: the kept events must fold to the same result as all events. */
export function boundedAsWhole(keep: typeof keptOf, places: number, statuses?: readonly PaymentStatus[]) {
  return fc.property(distinctEvents({ minLength: places, maxLength: 60, ...(statuses && { statuses }) }), (events) => {
    const [kept, whole] = [foldPayment(keep(events, places)), foldPayment(events)]
    return isDeepStrictEqual(
      [kept.status, kept.decidedBy, kept.attention],
      [whole.status, whole.decidedBy, whole.attention],
    )
  })
}

/** Trillionths of a millisecond since the epoch, so that every digit of the text counts. */
function exactly(event: PaymentEvent): bigint {
  const [, fraction = ''] = /[.,]([0-9]+)/.exec(event.occurredAtText ?? '') ?? []
  const below = event.occurredAtPrecision === 'SUBMILLISECOND' ? fraction.slice(3) : ''
  return BigInt(event.occurredAt ?? 0) * 10n ** 12n + BigInt(below.padEnd(12, '0').slice(0, 12))
}

const HOUR = 3_600_000n * 10n ** 12n

/** Domain 9.7: the moments an event's time can stand for, with an exclusive or inclusive end. */
interface Span {
  readonly from: bigint
  readonly to: bigint
  readonly withEnd: boolean
}

function spanBeside(event: PaymentEvent, other: PaymentEvent): Span {
  const read = exactly(event)
  const isDay = event.occurredAtPrecision === 'DAY'
  if (!event.zoneAssumed) {
    return { from: read, to: read, withEnd: true }
  }
  if (other.zoneAssumed) {
    // Both are in the same zone, whichever it is.
    return isDay ? { from: read, to: read + 24n * HOUR, withEnd: false } : { from: read, to: read, withEnd: true }
  }
  return isDay
    ? { from: read - 14n * HOUR, to: read + 36n * HOUR, withEnd: false }
    : { from: read - 14n * HOUR, to: read + 12n * HOUR, withEnd: true }
}

/** An untimed event is never later, and no event is later than an untimed one. */
function surelyLater(a: PaymentEvent, b: PaymentEvent): boolean {
  if (a.occurredAt === null || b.occurredAt === null) {
    return false
  }
  const [of, before] = [spanBeside(a, b), spanBeside(b, a)]
  return of.from > before.to || (of.from === before.to && !before.withEnd)
}

function perhapsLater(a: PaymentEvent, b: PaymentEvent): boolean {
  return a.occurredAt !== null && b.occurredAt !== null && spanBeside(a, b).to > spanBeside(b, a).from
}

function laterOrIncomparable(a: PaymentEvent, b: PaymentEvent): boolean {
  return a.occurredAt === null || b.occurredAt === null || perhapsLater(a, b)
}

/** Whether it is certain which is later, or that neither is. */
function comparable(a: PaymentEvent, b: PaymentEvent): boolean {
  if (a.occurredAt === null || b.occurredAt === null) {
    return true
  }
  const [one, other] = [spanBeside(a, b), spanBeside(b, a)]
  const areMoments = one.from === one.to && other.from === other.to
  return areMoments || surelyLater(a, b) || surelyLater(b, a)
}

/** 9.7: an event of another status, not comparable with the winner, that no event comparable with it outranks. */
function couldTakeThePlace(
  event: PaymentEvent,
  winner: PaymentEvent,
  all: readonly PaymentEvent[],
  wins: (a: PaymentEvent, b: PaymentEvent) => boolean,
): boolean {
  return (
    event.status !== winner.status &&
    !comparable(event, winner) &&
    !all.some((other) => other !== event && comparable(other, event) && wins(other, event))
  )
}

/** "Untimed sorts as oldest. Ties break by rank, then event id." */
function latest(events: readonly PaymentEvent[]): PaymentEvent {
  return first(events, isLatest)
}

function isLatest(a: PaymentEvent, b: PaymentEvent): boolean {
  if ((a.occurredAt === null) !== (b.occurredAt === null)) {
    return b.occurredAt === null
  }
  if (a.occurredAt !== null && exactly(a) !== exactly(b)) {
    return exactly(a) > exactly(b)
  }
  if (RANKS[a.status] !== RANKS[b.status]) {
    return RANKS[a.status] > RANKS[b.status]
  }
  return a.eventId > b.eventId
}

/** "The earliest timed final wins, ties by status name, then id." Untimed finals decide only when there is no other. */
function finalThatDecides(finals: readonly PaymentEvent[]): PaymentEvent {
  return first(finals, comesFirstAsFinal)
}

function comesFirstAsFinal(a: PaymentEvent, b: PaymentEvent): boolean {
  if ((a.occurredAt === null) !== (b.occurredAt === null)) {
    return a.occurredAt !== null
  }
  if (a.occurredAt !== null && exactly(a) !== exactly(b)) {
    return exactly(a) < exactly(b)
  }
  if (a.status !== b.status) {
    return a.status < b.status
  }
  return a.eventId < b.eventId
}

function ofHighestRank(events: readonly PaymentEvent[]): PaymentStatus {
  return first(events, (a, b) => RANKS[a.status] > RANKS[b.status]).status
}

/** The event before all others; `before` must be a total order. */
function first(events: readonly PaymentEvent[], before: (a: PaymentEvent, b: PaymentEvent) => boolean): PaymentEvent {
  const [found] = events.filter((event) => events.every((other) => other === event || !before(other, event)))
  if (found === undefined) {
    throw new Error('the order has no first element')
  }
  return found
}
