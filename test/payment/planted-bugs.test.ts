import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyEvent, type PaymentState } from '../../src/payment/apply-event.ts'
import { eventIdOf } from '../../src/payment/event-id.ts'
import { type AttentionCode, compareByTime, foldPayment } from '../../src/payment/fold-payment.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus, tierOf } from '../../src/payment/payment-status.ts'
import { providerById } from '../../src/providers/registry.ts'
import { agreesWithOracle } from './fold-oracle.ts'
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
    expect(fc.check(agreesWithOracle(planted.fold ?? foldPayment), { numRuns: 1_000, endOnFailure: true }).failed).toBe(
      true,
    )
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
