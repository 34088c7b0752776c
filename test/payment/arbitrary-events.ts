import fc from 'fast-check'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus } from '../../src/payment/payment-status.ts'
import { sampleEvent } from '../avro/samples.ts'

/** One payment's possible events, drawn from few values, so that ties, repeats and contradictions are common. */

const PAYMENT_KEY = 'jpm:property'
const ALL_STATUSES = Object.keys(PAYMENT_STATUSES) as readonly PaymentStatus[]

/** Milliseconds of the few moments at which things happen; null is an event without a time. */
const moment = fc.oneof(
  { weight: 1, arbitrary: fc.constant(null) },
  { weight: 5, arbitrary: fc.integer({ min: 1, max: 6 }) },
)
const rarely = fc.nat({ max: 9 }).map((n) => n === 0)

export interface EventSetConstraints {
  readonly minLength?: number
  readonly maxLength?: number
  readonly statuses?: readonly PaymentStatus[]
}

/** Distinct events of one payment; their ids are in no relation to their times. */
export function distinctEvents(constraints: EventSetConstraints = {}): fc.Arbitrary<PaymentEvent[]> {
  const { minLength = 1, maxLength = 12, statuses = ALL_STATUSES } = constraints
  const meaning = fc.record({
    idPrefix: fc.nat({ max: 0xffff }),
    status: fc.constantFrom(...statuses),
    occurredAt: moment,
    aboutContext: fc.boolean(),
    clientAction: fc.boolean(),
    weakKey: rarely,
    refund: rarely,
    sharesNaturalKey: fc.boolean(),
    providerEventId: fc.option(fc.constantFrom('p1', 'p2', 'p3', 'p4')),
    endToEndId: fc.option(fc.constantFrom('e2e-1', 'e2e-2')),
    clearing: fc.option(fc.constantFrom('c1', 'c2')),
    reportOf: fc.oneof(
      { weight: 5, arbitrary: fc.constant(null) },
      { weight: 1, arbitrary: fc.constantFrom('jpm:child-1', 'jpm:child-2') },
    ),
    reason: fc.option(fc.constantFrom('AC04', 'AM04')),
  })
  return fc.array(meaning, { minLength, maxLength, size: 'max' }).map((meanings) =>
    meanings.map((says, index) =>
      sampleEvent({
        eventId: `${says.idPrefix.toString(16).padStart(4, '0')}-${index}`,
        paymentKey: PAYMENT_KEY,
        callbackId: `callback-${index}`,
        receivedAt: 1_000 + index,
        weakKey: says.weakKey,
        status: says.status,
        occurredAt: says.occurredAt,
        occurredAtPrecision: says.occurredAt === null ? 'NONE' : 'MILLISECOND',
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
        kind: says.refund ? 'REFUND' : 'PAYMENT',
        relatesTo: says.refund && says.reportOf === null ? 'jpm:original' : null,
        childKey: says.reportOf,
      }),
    ),
  )
}

/** The events in some order, some of them several times: what a provider that retries really sends. */
export function arrivalsOf(events: readonly PaymentEvent[]): fc.Arbitrary<PaymentEvent[]> {
  return fc
    .array(fc.constantFrom(...events), { maxLength: events.length })
    .chain((repeats) => fc.shuffledSubarray([...events, ...repeats], { minLength: events.length + repeats.length }))
}
