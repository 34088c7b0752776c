import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyEvent, type PaymentState } from '../../src/payment/apply-event.ts'
import { eventIdOf } from '../../src/payment/event-id.ts'
import { type AttentionCode, compareByTime, foldPayment, keepWithinBound } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus, tierOf } from '../../src/payment/payment-status.ts'
import { providerById } from '../../src/providers/registry.ts'
import { runs } from '../runs.ts'
import { WHERE_TIMES_DECIDE } from './arbitrary-events.ts'
import { agreesWithOracle, boundedAsWhole } from './fold-oracle.ts'
import { judge, type Outcome, type Sent, type StoryName } from './judge.ts'

/**
 * Bugs that somebody could write, each planted into an otherwise right reading of callbacks. A test suite that lets one
 * of them pass would be worth nothing, so each must fail a story, and each bug of the fold the generated cases too.
 */

/** The steps from a callback to a payment, each of which can be replaced by a wrong one. */
interface Steps {
  /** An event as it is taken over; null drops it. */
  readonly take: (event: PaymentEvent, sent: Sent) => PaymentEvent | null
  /** Two events of one payment with the same identity are one. */
  readonly identityOf: (event: PaymentEvent) => string
  /** What the events of one payment, in the order of their arrival, mean. */
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
  /** The story that tells best what is wrong; others may fail as well. */
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
    caughtBy: 'a rejected payment is not pending again',
  },
  {
    bug: 'dedupe by transaction id alone',
    planted: { identityOf: ({ provider, paymentKey, eventId }) => (provider === 'instamed' ? paymentKey : eventId) },
    caughtBy: 'a void is news of the transaction that it voids',
  },
  {
    bug: 'drop unknown status',
    planted: { take: (event) => (event.status === 'UNKNOWN' ? null : event) },
    caughtBy: 'a status that nobody knows is kept, moves nothing and gets attention',
  },
  {
    bug: 'terminal always wins: the first status that is not open is never left',
    planted: {
      fold: withStatus(
        (events) => byTime(events).find(({ status }) => PAYMENT_STATUSES[status].finality !== 'open')?.status,
      ),
    },
    caughtBy: 'completed money can still be credited',
  },
  {
    bug: 'terminal always wins: also over money that came back',
    planted: {
      fold: (events) =>
        foldPayment(events.some(isFinal) ? events.filter((event) => event.status !== 'RETURNED') : events),
    },
    caughtBy: 'money that came back is back, also if it was rejected before',
  },
  {
    bug: 'terminal never wins: the latest event decides, whatever it is',
    planted: { fold: withStatus((events) => byTime(understood(events)).at(-1)?.status) },
    caughtBy: 'a rejected payment is not pending again',
  },
  {
    bug: 'sub-status decides finality',
    planted: { take: (event) => ({ ...event, status: SUB_STATUSES[event.sourceSubStatus ?? ''] ?? event.status }) },
    caughtBy: 'a sub-status makes nothing final',
  },
  {
    bug: 'id compared case-sensitively',
    planted: { take: withIdAsSent },
    caughtBy: 'one transaction in capitals and in small letters is one payment',
  },
  {
    bug: '`contradictory-finals` not noticed',
    planted: { fold: (events) => withoutAttention(foldPayment(events), 'contradictory-finals') },
    caughtBy: 'of two finals the first decides, and somebody must look at it',
  },
  {
    bug: 'the last final wins',
    planted: {
      fold: withStatus((events, { status }) =>
        isFinal({ status }) ? byTime(events.filter(isFinal)).at(-1)?.status : status,
      ),
    },
    caughtBy: 'of two finals the first decides, and somebody must look at it',
  },
  {
    bug: 'COMPLETED beats RETURNED',
    planted: {
      fold: withStatus((events, { status }) =>
        status === 'RETURNED' && events.some((event) => event.status === 'COMPLETED') ? 'COMPLETED' : status,
      ),
    },
    caughtBy: 'completed money can come back',
  },
  {
    bug: 'an untimed event sorts as newest',
    planted: {
      fold: (events) =>
        foldPayment(events.map((event) => ({ ...event, occurredAt: event.occurredAt ?? Number.MAX_SAFE_INTEGER }))),
    },
    caughtBy: 'a step without a time is no news',
  },
  {
    bug: 'a tier-1 event always releases BLOCKED',
    planted: {
      fold: (events) =>
        foldPayment(events.some(isOutcome) ? events.filter((event) => event.status !== 'BLOCKED') : events),
    },
    caughtBy: 'what was completed before does not release a blocked payment',
  },
  {
    bug: 'times are cut after the millisecond',
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
    caughtBy: 'what was settled less than a millisecond later is settled',
  },
  {
    bug: 'a time without a zone is UTC, also where it releases something',
    planted: { fold: (events) => foldPayment(events.map((event) => ({ ...event, zoneAssumed: false }))) },
    caughtBy: 'a blocked payment is not released by what is only later in some zone',
  },
  {
    bug: 'a date is the beginning of its day, also where it releases something',
    planted: {
      fold: (events) =>
        foldPayment(
          events.map((event) => ({
            ...event,
            occurredAtPrecision: event.occurredAtPrecision === 'DAY' ? 'SECOND' : event.occurredAtPrecision,
          })),
        ),
    },
    caughtBy: 'a blocked payment is not released on the very day of the block',
  },
  {
    bug: 'a time without a zone is never compared, not even with another one',
    planted: {
      fold: (events) =>
        foldPayment(events.map((event) => (event.zoneAssumed ? { ...event, occurredAt: null } : event))),
    },
    caughtBy: 'two times without a zone are of the same zone',
  },
  {
    bug: '`time-uncertain` not noticed',
    planted: { fold: (events) => withoutAttention(foldPayment(events), 'time-uncertain') },
    caughtBy: 'which of two finals was first is not known in every zone',
  },
  {
    bug: 'a hold is lifted by what is later as read',
    planted: {
      fold: withStatus((events, { status }) =>
        status === 'ON_HOLD'
          ? byTime(events.filter((event) => ['SCHEDULED', 'PROCESSING', 'ON_HOLD'].includes(event.status))).at(-1)
              ?.status
          : status,
      ),
    },
    caughtBy: 'a hold is not lifted by what is only later in some zone',
  },
  {
    bug: 'a time without seconds is not read',
    planted: {
      take: (event) => (/T\d\d:\d\dZ$/.test(event.occurredAtText ?? '') ? { ...event, occurredAt: null } : event),
    },
    caughtBy: 'a full minute may be written without its seconds',
  },
  {
    bug: 'a time that cannot be read is taken for none',
    planted: { take: (event) => ({ ...event, timeUnreadable: false }) },
    caughtBy: 'a time that nobody can read is no time, and somebody must look at it',
  },
]

/** The same for the bound: what is left out of a long history. `keepWithinBound` sees the events as these make them. */
const PLANTED_IN_THE_BOUND: readonly { readonly bug: string; readonly seen: (event: PaymentEvent) => PaymentEvent }[] =
  [
    { bug: 'the marker of a time that cannot be read is lost', seen: (event) => ({ ...event, timeUnreadable: false }) },
    { bug: 'the marker of a detail that cannot be read is lost', seen: (event) => ({ ...event, unreadable: [] }) },
    { bug: 'the marker of a partial approval is lost', seen: (event) => ({ ...event, partialApproval: false }) },
    { bug: 'the marker of a weak key is lost', seen: (event) => ({ ...event, weakKey: false }) },
    {
      bug: 'times without a zone are kept for those with one',
      seen: (event) => (event.occurredAtPrecision === 'DAY' ? event : { ...event, zoneAssumed: false }),
    },
    {
      bug: 'dates are kept for times without a zone',
      seen: (event) => ({ ...event, occurredAtPrecision: event.occurredAt === null ? 'NONE' : 'MILLISECOND' }),
    },
    {
      bug: 'what has no time is kept for what has one',
      seen: (event) => ({ ...event, occurredAt: event.occurredAt ?? Number.MAX_SAFE_INTEGER }),
    },
  ]

test('the code passes every story', () => {
  expect(judge(asInProduction)).toEqual([])
})

test('and so do its steps, put together as the bugs are, with none of them planted', () => {
  expect(judge(readingBy(RIGHT))).toEqual([])
})

describe('a planted bug fails a story', () => {
  test.each(PLANTED_BUGS)('$bug', ({ planted, caughtBy }) => {
    expect(judge(readingBy({ ...RIGHT, ...planted }))).toContain(caughtBy)
  })
})

describe('a planted bug of the fold does not agree with the second reading of the rules', () => {
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

describe('a planted bug of the bound loses what the whole comes to', () => {
  const STATUSES = ['PROCESSING', 'ON_HOLD', 'COMPLETED', 'BLOCKED'] as const

  test('and without one nothing is lost', () => {
    fc.assert(boundedAsWhole(keepWithinBound, 20, STATUSES), runs(300))
  })

  test.each(PLANTED_IN_THE_BOUND)('$bug', ({ seen }) => {
    const keep: typeof keepWithinBound<PaymentEvent> = (events, eventOf, max) =>
      keepWithinBound(events, (event) => seen(eventOf(event)), max)
    const property = boundedAsWhole(keep, 20, STATUSES)
    expect(fc.check(property, { numRuns: 5_000, endOnFailure: true }).failed).toBe(true)
  })
})

/** What a sub-status seems to say when nobody looks at the status that it belongs to. */
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

/** InstaMed's id as it stands in the body. */
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

/** Callbacks as the two stages read them. */
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

/** The same in its plainest form: keep what is new, fold what was kept. */
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
