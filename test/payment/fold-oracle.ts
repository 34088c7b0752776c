import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import type { AttentionCode } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import type { PaymentStatus } from '../../src/payment/payment-status.ts'
import { distinctEvents, type EventSetConstraints } from './arbitrary-events.ts'

/**
 * The fold of domain.md 6.7 a second time, written from its text alone, as a list of questions about the set instead
 * of a computation over tiers. Slow and plain on purpose; shares no table and no helper with src/payment.
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
  /** The event that the details come from. */
  readonly detailsFrom: string | null
  /** Of every child that was reported: its status. */
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
    // The text says "later than it" and leaves open which of several RETURNED is meant: the first, as for finals.
    if (moneyMoved.some((event) => laterOrIncomparable(event, finalThatDecides(returned)))) {
      attention.add('positive-after-final')
    }
  } else if (final.length > 0) {
    const decider = finalThatDecides(final)
    status = decider.status
    if (moneyMoved.some((event) => laterOrIncomparable(event, decider))) {
      attention.add('positive-after-final')
    }
    if (moneyMoved.some((event) => later(decider, event))) {
      attention.add('negative-after-positive')
    }
  } else if (softNegative.length > 0) {
    const releasing = outcome.filter(
      (event) => RANKS[event.status] >= 45 && softNegative.every((negative) => later(event, negative)),
    )
    if (releasing.length > 0) {
      status = ofHighestRank(releasing)
      attention.add('released')
    } else {
      status = latest(softNegative).status
      if (moneyMoved.length > 0) {
        attention.add('negative-after-positive')
      }
    }
  } else if (outcome.length > 0) {
    status = ofHighestRank(outcome)
  } else if (progress.length > 0) {
    const alternating = progress.filter((event) => event.status !== 'RECEIVED' && event.status !== 'ACCEPTED')
    if (alternating.length > 0) {
      status = latest(alternating).status
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
  const winners = status === 'UNKNOWN' ? [] : set.filter((event) => event.status === status)
  const detailsFrom = winners.length === 0 ? null : latest(winners)
  if (detailsFrom?.holdReason === 'PENDING_CLIENT_ACTION') {
    attention.add('client-action')
  }
  return { status, attention, detailsFrom: detailsFrom?.eventId ?? null, children }
}

/** Whoever claims to fold events can be held against it: that status and attention are the same for any set. */
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

/** A missing time is never later, and nothing is later than a missing time. */
function later(a: PaymentEvent, b: PaymentEvent): boolean {
  return a.occurredAt !== null && b.occurredAt !== null && a.occurredAt > b.occurredAt
}

function laterOrIncomparable(a: PaymentEvent, b: PaymentEvent): boolean {
  return a.occurredAt === null || b.occurredAt === null || a.occurredAt > b.occurredAt
}

/** "Untimed sorts as oldest. Ties break by rank, then event id." */
function latest(events: readonly PaymentEvent[]): PaymentEvent {
  return first(events, (a, b) => {
    if (a.occurredAt !== b.occurredAt) {
      return a.occurredAt !== null && (b.occurredAt === null || a.occurredAt > b.occurredAt)
    }
    if (RANKS[a.status] !== RANKS[b.status]) {
      return RANKS[a.status] > RANKS[b.status]
    }
    return a.eventId > b.eventId
  })
}

/** "The earliest timed final wins, ties by status name, then id." Untimed finals decide only when there is no other. */
function finalThatDecides(finals: readonly PaymentEvent[]): PaymentEvent {
  const timed = finals.filter((event) => event.occurredAt !== null)
  return first(timed.length > 0 ? timed : finals, (a, b) => {
    if (a.occurredAt !== b.occurredAt) {
      return (a.occurredAt ?? 0) < (b.occurredAt ?? 0)
    }
    if (a.status !== b.status) {
      return a.status < b.status
    }
    return a.eventId < b.eventId
  })
}

function ofHighestRank(events: readonly PaymentEvent[]): PaymentStatus {
  return first(events, (a, b) => RANKS[a.status] > RANKS[b.status]).status
}

/** The event that comes before all others; `before` must be a total order. */
function first(events: readonly PaymentEvent[], before: (a: PaymentEvent, b: PaymentEvent) => boolean): PaymentEvent {
  const [found] = events.filter((event) => events.every((other) => other === event || !before(other, event)))
  if (found === undefined) {
    throw new Error('the order has no first element')
  }
  return found
}
