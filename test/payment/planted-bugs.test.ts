import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyEvent, type PaymentState } from '../../src/payment/apply-event.ts'
import { eventIdOf } from '../../src/payment/event-id.ts'
import { WEIGHT_MIN, weightOf } from '../../src/payment/event-weight.ts'
import { type AttentionCode, compareByTime, foldPayment } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus, tierOf } from '../../src/payment/payment-status.ts'
import { providerById } from '../../src/providers/registry.ts'
import { runs } from '../runs.ts'
import { distinctEvents, WHERE_TIMES_DECIDE } from './arbitrary-events.ts'
import { agreesWithOracle, boundedAsWhole } from './fold-oracle.ts'
import { judge, type Outcome, type Sent, type StoryName } from './judge.ts'
import { keptOf } from './kept-of.ts'

/**
 * Plausible bugs, each planted into an otherwise correct implementation. A test suite that misses one of them would be
 * worthless, so each must fail a story, and each bug in the fold must also fail the generated cases.
 */

/** The steps from a callback to a payment; each can be replaced by a faulty one. */
interface Steps {
  /** The event to record; null drops it. */
  readonly take: (event: PaymentEvent, sent: Sent) => PaymentEvent | null
  /** Events of one payment with the same identity are the same event. */
  readonly identityOf: (event: PaymentEvent) => string
  /** What the events of one payment mean, given in order of arrival. */
  readonly fold: Fold
}

type Fold = (events: readonly PaymentEvent[]) => Pick<Outcome, 'status' | 'attention'>

const RIGHT: Steps = {
  take: (event) => event,
  identityOf: (event) => event.eventId,
  fold: foldPayment,
}

interface PlantedBug {
  readonly bug: string
  readonly planted: Partial<Steps>
  /** The story that shows the bug best; others may fail, too. */
  readonly caughtBy: StoryName
}

const PLANTED_BUGS: readonly PlantedBug[] = [
  {
    bug: 'fold by arrival order: the time of an event is when it arrived',
    planted: { fold: (events) => foldPayment(events.map((event, arrival) => ({ ...event, occurredAt: arrival }))) },
    caughtBy: 'a step that arrives late does not undo a later one',
  },
  {
    bug: 'fold by arrival order: whatever arrived last is the status',
    planted: { fold: withStatus((events) => understood(events).at(-1)?.status) },
    caughtBy: 'a rejected payment does not become pending again',
  },
  {
    bug: 'dedupe by transaction id alone',
    planted: { identityOf: ({ provider, paymentKey, eventId }) => (provider === 'instamed' ? paymentKey : eventId) },
    caughtBy: 'a void changes the status of the transaction it voids',
  },
  {
    bug: 'drop unknown status',
    planted: { take: (event) => (event.status === 'UNKNOWN' ? null : event) },
    caughtBy: 'an unknown status is recorded, changes nothing and gets attention',
  },
  {
    bug: 'terminal always wins: the first status that is not open is final',
    planted: {
      fold: withStatus(
        (events) => byTime(events).find(({ status }) => PAYMENT_STATUSES[status].finality !== 'open')?.status,
      ),
    },
    caughtBy: 'completed money can still be credited',
  },
  {
    bug: 'terminal always wins: even over returned money',
    planted: {
      fold: (events) =>
        foldPayment(events.some(isFinal) ? events.filter((event) => event.status !== 'RETURNED') : events),
    },
    caughtBy: 'returned money is returned, even if it was rejected before',
  },
  {
    bug: 'terminal never wins: the latest event decides, whatever it is',
    planted: { fold: withStatus((events) => byTime(understood(events)).at(-1)?.status) },
    caughtBy: 'a rejected payment does not become pending again',
  },
  {
    bug: 'sub-status decides finality',
    planted: { take: (event) => ({ ...event, status: SUB_STATUSES[event.sourceSubStatus ?? ''] ?? event.status }) },
    caughtBy: 'a sub-status makes nothing final',
  },
  {
    bug: 'id compared case-sensitively',
    planted: { take: withIdAsSent },
    caughtBy: 'an id in upper and in lower case is one payment',
  },
  {
    bug: '`contradictory-finals` is not reported',
    planted: { fold: (events) => withoutAttention(foldPayment(events), 'contradictory-finals') },
    caughtBy: 'the first of two finals decides, and the payment gets attention',
  },
  {
    bug: 'the last final wins',
    planted: {
      fold: withStatus((events, { status }) =>
        isFinal({ status }) ? byTime(events.filter(isFinal)).at(-1)?.status : status,
      ),
    },
    caughtBy: 'the first of two finals decides, and the payment gets attention',
  },
  {
    bug: 'COMPLETED beats RETURNED',
    planted: {
      fold: withStatus((events, { status }) =>
        status === 'RETURNED' && events.some((event) => event.status === 'COMPLETED') ? 'COMPLETED' : status,
      ),
    },
    caughtBy: 'completed money can be returned',
  },
  {
    bug: 'an untimed event sorts as newest',
    planted: {
      fold: (events) =>
        foldPayment(events.map((event) => ({ ...event, occurredAt: event.occurredAt ?? Number.MAX_SAFE_INTEGER }))),
    },
    caughtBy: 'an untimed step does not replace a timed one',
  },
  {
    bug: 'a tier-1 event always releases BLOCKED',
    planted: {
      fold: (events) =>
        foldPayment(events.some(isOutcome) ? events.filter((event) => event.status !== 'BLOCKED') : events),
    },
    caughtBy: 'an earlier completion does not release a blocked payment',
  },
  {
    bug: 'times are truncated to milliseconds',
    planted: {
      fold: (events) =>
        foldPayment(
          events.map((event) => ({
            ...event,
            occurredAtPrecision:
              event.occurredAtPrecision === 'SUBMILLISECOND' ? 'MILLISECOND' : event.occurredAtPrecision,
          })),
        ),
    },
    caughtBy: 'a settlement less than a millisecond later counts',
  },
  {
    bug: 'a time without a zone is UTC, even where it releases something',
    planted: { fold: (events) => foldPayment(events.map((event) => ({ ...event, zoneAssumed: false }))) },
    caughtBy: 'a blocked payment is not released by an event that is later only in some zone',
  },
  {
    bug: 'a date is the start of its day, even where it releases something',
    planted: {
      fold: (events) =>
        foldPayment(
          events.map((event) => ({
            ...event,
            occurredAtPrecision: event.occurredAtPrecision === 'DAY' ? 'SECOND' : event.occurredAtPrecision,
          })),
        ),
    },
    caughtBy: 'a blocked payment is not released on the day of the block',
  },
  {
    bug: 'a time without a zone is never compared, not even with another one',
    planted: {
      fold: (events) =>
        foldPayment(events.map((event) => (event.zoneAssumed ? { ...event, occurredAt: null } : event))),
    },
    caughtBy: 'two times without a zone are in the same zone',
  },
  {
    bug: '`time-uncertain` is not reported',
    planted: { fold: (events) => withoutAttention(foldPayment(events), 'time-uncertain') },
    caughtBy: 'which of two finals was first can depend on the zone',
  },
  {
    bug: 'a hold is lifted by an event that is later as read',
    planted: {
      fold: withStatus((events, { status }) =>
        status === 'ON_HOLD'
          ? byTime(events.filter((event) => ['SCHEDULED', 'PROCESSING', 'ON_HOLD'].includes(event.status))).at(-1)
              ?.status
          : status,
      ),
    },
    caughtBy: 'a hold is not lifted by an event that is later only in some zone',
  },
  {
    bug: 'a time without seconds is not read',
    planted: {
      take: (event) => (/T\d\d:\d\dZ$/.test(event.occurredAtText ?? '') ? { ...event, occurredAt: null } : event),
    },
    caughtBy: 'a time on the full minute may omit the seconds',
  },
  {
    bug: 'an unreadable time is treated as no time',
    planted: { take: (event) => ({ ...event, timeUnreadable: false }) },
    caughtBy: 'an unreadable time counts as no time and gets attention',
  },
]

/** The same for the bound on a long history. The bound sees the events as modified by `seen`. */
const PLANTED_IN_THE_BOUND: readonly { readonly bug: string; readonly seen: (event: PaymentEvent) => PaymentEvent }[] =
  [
    { bug: 'the marker of an unreadable time is lost', seen: (event) => ({ ...event, timeUnreadable: false }) },
    { bug: 'the marker of an unreadable detail is lost', seen: (event) => ({ ...event, unreadable: [] }) },
    { bug: 'the marker of a partial approval is lost', seen: (event) => ({ ...event, partialApproval: false }) },
    { bug: 'the marker of a weak key is lost', seen: (event) => ({ ...event, weakKey: false }) },
    {
      bug: 'times without a zone count as times with one',
      seen: (event) => (event.occurredAtPrecision === 'DAY' ? event : { ...event, zoneAssumed: false }),
    },
    {
      bug: 'dates count as times without a zone',
      seen: (event) => ({ ...event, occurredAtPrecision: event.occurredAt === null ? 'NONE' : 'MILLISECOND' }),
    },
    {
      bug: 'untimed events count as timed',
      seen: (event) => ({ ...event, occurredAt: event.occurredAt ?? Number.MAX_SAFE_INTEGER }),
    },
  ]

test('the real code passes every story', () => {
  expect(judge(asInProduction)).toEqual([])
})

test('so do the same steps as below without a planted bug', () => {
  expect(judge(readingBy(RIGHT))).toEqual([])
})

describe('a planted bug fails a story', () => {
  test.each(PLANTED_BUGS)('$bug', ({ planted, caughtBy }) => {
    expect(judge(readingBy({ ...RIGHT, ...planted }))).toContain(caughtBy)
  })
})

describe('a planted bug in the fold disagrees with the second implementation of the rules', () => {
  test.each(PLANTED_BUGS.filter(({ planted }) => planted.fold !== undefined))('$bug', ({ planted }) => {
    const sets = [{}, ...Object.values(WHERE_TIMES_DECIDE).map((statuses) => ({ maxLength: 6, statuses }))]
    expect(
      sets.some((constraints) => {
        const property = agreesWithOracle(planted.fold ?? foldPayment, constraints)
        return fc.check(property, { numRuns: 1_000, endOnFailure: true }).failed
      }),
    ).toBe(true)
  })
})

/** Bounds that a person could write instead. Each depends on the order of arrival, because it forgets what it left out. */
const PLANTED_BOUNDS: readonly { readonly bug: string; readonly keep: typeof keptOf }[] = [
  { bug: 'the latest arrivals are kept', keep: (events, places) => events.slice(-places) },
  { bug: 'the first arrivals are kept', keep: (events, places) => events.slice(0, places) },
  {
    bug: 'an event that does not fit is skipped, and selection goes on',
    keep: (events, places) => whatFits(events, places, (weight, max) => weight <= max),
  },
  {
    bug: 'selection stops before the event that crosses the limit',
    keep: (events, places) => {
      let isFull = false
      return whatFits(events, places, (weight, max) => {
        isFull ||= weight > max
        return !isFull
      })
    },
  },
]

/** @param fits Asked for one event after the other: whether it can be kept if the kept ones then have this weight. */
function whatFits(
  events: readonly PaymentEvent[],
  places: number,
  fits: (weight: number, max: number) => boolean,
): readonly PaymentEvent[] {
  let kept = 0
  return events.toSorted(compareByTime).filter((event) => {
    const isKept = fits(kept + weightOf(event), places * WEIGHT_MIN)
    kept += isKept ? weightOf(event) : 0
    return isKept
  })
}

describe('a planted bound depends on the order of arrival', () => {
  test('and the real one does not', () => {
    fc.assert(sameInAnyOrder(keptOf, 20), runs(300))
  })

  test.each(PLANTED_BOUNDS)('$bug', ({ keep }) => {
    expect(fc.check(sameInAnyOrder(keep, 20), { numRuns: 1_000, endOnFailure: true }).failed).toBe(true)
  })

  /** Adding one event after the other, in the order of the set, keeps the same ids as selecting from the whole set. */
  function sameInAnyOrder(keep: typeof keptOf, places: number) {
    return fc.property(distinctEvents({ minLength: places, maxLength: 60 }), (events) => {
      let kept: readonly PaymentEvent[] = []
      for (const event of events) {
        kept = keep([...kept, event], places)
      }
      const idsOf = (of: readonly PaymentEvent[]) => of.map(({ eventId }) => eventId).toSorted()
      return isDeepStrictEqual(idsOf(kept), idsOf(keep(events.toReversed(), places)))
    })
  }
})

describe('a planted bug in the bound changes the result of the whole set', () => {
  const STATUSES = ['PROCESSING', 'ON_HOLD', 'COMPLETED', 'BLOCKED'] as const

  test('and without one the result stays', () => {
    fc.assert(boundedAsWhole(keptOf, 20, STATUSES), runs(300))
  })

  test.each(PLANTED_IN_THE_BOUND)('$bug', ({ seen }) => {
    const property = boundedAsWhole((events, places) => keptOf(events, places, seen), 20, STATUSES)
    expect(fc.check(property, { numRuns: 5_000, endOnFailure: true }).failed).toBe(true)
  })
})

/** What a sub-status seems to mean if its status is ignored. */
const SUB_STATUSES: Readonly<Record<string, PaymentStatus>> = {
  COMPLETED_BY_JPM: 'COMPLETED',
  DELIVERED_TO_RECIPIENT: 'CREDITED',
  PENDING_POSTING: 'PENDING_POSTING',
  REJECTED_BY_JPM: 'REJECTED',
}

/** The real fold with another status. */
function withStatus(
  pick: (events: readonly PaymentEvent[], folded: { readonly status: PaymentStatus }) => PaymentStatus | undefined,
): Fold {
  return (events) => {
    const folded = foldPayment(events)
    return { status: pick(events, folded) ?? folded.status, attention: folded.attention }
  }
}

function withoutAttention({ status, attention }: ReturnType<Fold>, code: AttentionCode): ReturnType<Fold> {
  return { status, attention: attention.filter((other) => other !== code) }
}

/** InstaMed's id as written in the body. */
function withIdAsSent(event: PaymentEvent, { provider, callback }: Sent): PaymentEvent {
  if (provider !== 'instamed') {
    return event
  }
  const { PaymentTransactionID: id } = JSON.parse(callback.body.toString())
  const identity = { ...event, paymentKey: `${callback.namespace}:${id}` }
  return { ...identity, eventId: eventIdOf(identity) }
}

function understood(events: readonly PaymentEvent[]): readonly PaymentEvent[] {
  return events.filter(({ status }) => status !== 'UNKNOWN')
}

function byTime(events: readonly PaymentEvent[]): readonly PaymentEvent[] {
  return events.toSorted(compareByTime)
}

function isFinal({ status }: { readonly status: PaymentStatus }): boolean {
  return tierOf(status) === 'final'
}

function isOutcome({ status }: PaymentEvent): boolean {
  return tierOf(status) === 'outcome'
}

function eventsOf({ provider, callback }: Sent): readonly PaymentEvent[] {
  return providerById(provider)?.translate(callback).events ?? []
}

/** Callbacks as the two stages process them. */
function asInProduction(arrivals: readonly Sent[]): ReadonlyMap<string, Outcome> {
  const states = new Map<string, PaymentState>()
  for (const event of arrivals.flatMap(eventsOf)) {
    const applied = applyEvent(states.get(event.paymentKey), event, 0)
    if (applied.outcome === 'recorded') {
      states.set(event.paymentKey, applied.change.state)
    }
  }
  return new Map(
    [...states].map(([key, { status, attention, events }]) => [key, { status, attention, events: events.length }]),
  )
}

/** The same in its simplest form: keep new events, then fold them. */
function readingBy({ take, identityOf, fold }: Steps) {
  return (arrivals: readonly Sent[]): ReadonlyMap<string, Outcome> => {
    const payments = new Map<string, Map<string, PaymentEvent>>()
    for (const sent of arrivals) {
      for (const event of eventsOf(sent).flatMap((read) => take(read, sent) ?? [])) {
        const known = payments.get(event.paymentKey) ?? new Map<string, PaymentEvent>()
        payments.set(event.paymentKey, known)
        const identity = identityOf(event)
        known.set(identity, known.get(identity) ?? event)
      }
    }
    return new Map(
      [...payments].map(([key, known]) => {
        const { status, attention } = fold([...known.values()])
        return [key, { status, attention, events: known.size }]
      }),
    )
  }
}
