import fc from 'fast-check'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus } from '../../src/payment/payment-status.ts'
import { sampleEvent } from '../avro/samples.ts'

/** Possible events of one payment, from few values, so that ties, repeats and contradictions are common. */

const PAYMENT_KEY = 'jpm:property'
const ALL_STATUSES = Object.keys(PAYMENT_STATUSES) as readonly PaymentStatus[]

/** The fields of an event that say when it happened. */
type Moment = Pick<
  PaymentEvent,
  'occurredAt' | 'occurredAtText' | 'occurredAtPrecision' | 'zoneAssumed' | 'timeUnreadable'
>

const HOUR_MS = 3_600_000
const MIDNIGHT_MS = Date.UTC(2026, 0, 12)

function momentAt(occurredAt: number, how: 'zoned' | 'without-zone' | 'date', digits = ''): Moment {
  const iso = new Date(occurredAt).toISOString().slice(0, -1) + digits
  const zone = how === 'zoned' ? 'Z' : ''
  return {
    occurredAt,
    occurredAtText: how === 'date' ? iso.slice(0, 10) : iso + zone,
    occurredAtPrecision: how === 'date' ? 'DAY' : digits === '' ? 'MILLISECOND' : 'SUBMILLISECOND',
    zoneAssumed: how !== 'zoned',
    timeUnreadable: false,
  }
}

const untimed = fc.boolean().map(
  (timeUnreadable): Moment => ({
    occurredAt: null,
    occurredAtText: timeUnreadable ? 'yesterday' : null,
    occurredAtPrecision: 'NONE',
    zoneAssumed: false,
    timeUnreadable,
  }),
)
/** Fractions below a millisecond; equal fractions can be written in two ways. */
const digits = fc.constantFrom('', '', '4', '40', '39', '401')
/** Few moments, so that ties are common. */
const near = fc.tuple(fc.integer({ min: 1, max: 6 }), digits).map(([ms, below]) => momentAt(ms, 'zoned', below))
/** Moments around the limits at which a time without a zone, or a date, becomes comparable with others. */
const far = fc
  .tuple(
    fc.constantFrom(-38, -36, -24, -14, -12, 0, 12, 14, 24, 36),
    fc.constantFrom(0, 0, 0, 1, -1),
    digits,
    fc.constantFrom('zoned', 'without-zone'),
  )
  .map(([hours, ms, below, how]) => momentAt(MIDNIGHT_MS + hours * HOUR_MS + ms, how, below))
const date = fc.constantFrom(-24, 0, 24).map((hours) => momentAt(MIDNIGHT_MS + hours * HOUR_MS, 'date'))
const anyMoment = fc.oneof(
  { weight: 3, arbitrary: untimed },
  { weight: 5, arbitrary: near },
  { weight: 8, arbitrary: far },
  { weight: 3, arbitrary: date },
)
const zonedMoment = fc.oneof({ weight: 1, arbitrary: untimed }, { weight: 5, arbitrary: near })
const rarely = fc.nat({ max: 9 }).map((n) => n === 0)

/** Statuses among which times decide, by the rule that compares them. */
export const WHERE_TIMES_DECIDE: Readonly<Record<string, readonly PaymentStatus[]>> = {
  'blocks and their release': ['BLOCKED', 'SETTLEMENT_FAILED', 'SENT_TO_CLEARING', 'COMPLETED', 'AUTHORIZED'],
  'steps and holds': ['SCHEDULED', 'PROCESSING', 'ON_HOLD'],
  'finals and outcomes': ['REJECTED', 'CANCELED', 'COMPLETED', 'RETURNED'],
}

export interface EventSetConstraints {
  readonly minLength?: number
  readonly maxLength?: number
  readonly statuses?: readonly PaymentStatus[]
}

/** Distinct events of one payment; their ids are unrelated to their times. */
export function distinctEvents(constraints: EventSetConstraints = {}): fc.Arbitrary<PaymentEvent[]> {
  const { minLength = 1, maxLength = 12, statuses = ALL_STATUSES } = constraints
  const meaningAt = (moment: fc.Arbitrary<Moment>) =>
    fc.record({
      idPrefix: fc.nat({ max: 0xffff }),
      status: fc.constantFrom(...statuses),
      moment,
      aboutContext: fc.boolean(),
      clientAction: fc.boolean(),
      weakKey: rarely,
      kind: fc.oneof(
        { weight: 8, arbitrary: fc.constant('PAYMENT' as const) },
        { weight: 1, arbitrary: fc.constantFrom('REFUND', 'RETURN', 'UNKNOWN') },
      ),
      original: fc.constantFrom('jpm:original', 'jpm:original', 'jpm:another'),
      unreadable: rarely,
      partialApproval: rarely,
      sharesNaturalKey: fc.boolean(),
      providerEventId: fc.option(fc.constantFrom('p1', 'p2', 'p3', 'p4')),
      endToEndId: fc.option(fc.constantFrom('e2e-1', 'e2e-2')),
      clearing: fc.option(fc.constantFrom('c1', 'c2')),
      reportOf: fc.oneof(
        { weight: 5, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.constantFrom('jpm:child-1', 'jpm:child-2') },
      ),
      reason: fc.option(fc.constantFrom('AC04', 'AM04')),
      bulk: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(40, 900) }),
    })
  // In half of the sets all times have a zone, as in nearly all real payments.
  const meanings = fc.oneof(
    ...[zonedMoment, anyMoment].map((moment) => fc.array(meaningAt(moment), { minLength, maxLength, size: 'max' })),
  )
  return meanings.map((all) =>
    all.map((says, index) =>
      sampleEvent({
        eventId: `${says.idPrefix.toString(16).padStart(4, '0')}-${index}`,
        paymentKey: PAYMENT_KEY,
        callbackId: `callback-${index}`,
        receivedAt: 1_000 + index,
        weakKey: says.weakKey,
        status: says.status,
        // Decides nothing. Three bytes for each character.
        sourceSubStatus: says.bulk === 0 ? null : '振'.repeat(says.bulk),
        ...says.moment,
        unreadable: says.unreadable ? ['gpi.status'] : [],
        partialApproval: says.partialApproval,
        unknownBecause: says.status === 'UNKNOWN' ? (says.aboutContext ? 'CONTEXT' : 'STATUS') : null,
        holdReason: says.status === 'ON_HOLD' && says.clientAction ? 'PENDING_CLIENT_ACTION' : null,
        naturalKey: says.sharesNaturalKey ? says.status : `own-${index}`,
        providerEventId: says.providerEventId,
        endToEndId: says.endToEndId,
        references: says.clearing === null ? [] : [{ type: 'clearingSystemReference', value: says.clearing }],
        reasons:
          says.reason === null
            ? []
            : [{ scheme: 'ISO20022', code: says.reason, rule: null, location: null, field: null }],
        kind: says.kind,
        relatesTo: says.kind !== 'PAYMENT' && says.reportOf === null ? says.original : null,
        childKey: says.reportOf,
      }),
    ),
  )
}

/**
 * Up to three readings of each event by some of four mapping versions. One version reads one statement in one way, except
 * for what the id does not cover: the time of its envelope, also an unreadable one, and currencies. It may also have
 * withdrawn the event.
 */
export function readingsOf(events: readonly PaymentEvent[]): fc.Arbitrary<PaymentEvent[]> {
  const readings = events.map((event) => {
    const reading = fc.record({
      mappingVersion: fc.nat({ max: 3 }),
      occurredAt: fc.option(fc.nat({ max: 3 })),
      withdrawn: fc.nat({ max: 3 }).map((n) => n === 0),
      timeUnreadable: fc.boolean(),
      currency: fc.constantFrom(null, 'BRL', 'USD'),
    })
    return fc.array(
      reading.map(
        ({ mappingVersion, occurredAt, withdrawn, timeUnreadable, currency }): PaymentEvent => ({
          ...event,
          mappingVersion,
          withdrawn,
          status: mappingVersion % 2 === 0 ? event.status : 'COMPLETED',
          ...(occurredAt !== null && { occurredAt, occurredAtText: null, occurredAtPrecision: 'MILLISECOND' as const }),
          timeUnreadable: timeUnreadable && occurredAt === null && event.occurredAt === null,
          amount: { value: '50.00', currency },
        }),
      ),
      { minLength: 1, maxLength: 3 },
    )
  })
  return fc.tuple(...readings).map((all) => all.flat())
}

/** The events in some order, some of them repeated, as a provider that retries sends them. */
export function arrivalsOf(events: readonly PaymentEvent[]): fc.Arbitrary<PaymentEvent[]> {
  return fc
    .array(fc.constantFrom(...events), { maxLength: events.length })
    .chain((repeats) => fc.shuffledSubarray([...events, ...repeats], { minLength: events.length + repeats.length }))
}
