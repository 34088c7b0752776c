import fc from 'fast-check'
import { LONG_MAX } from '../../src/avro/avro-bytes.ts'
import { type PaymentState, type RecordedEvent, VERDICT_RULES, VERDICTS } from '../../src/payment/apply-event.ts'
import { ATTENTION_CODES, type ChildPayment, type PaymentDetails } from '../../src/payment/fold-payment.ts'
import {
  type Amount,
  PAYMENT_KINDS,
  type PaymentEvent,
  REASON_SCHEMES,
  type Reason,
  type Reference,
  TIME_PRECISIONS,
  UNREADABLE_MAX,
} from '../../src/payment/payment-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus } from '../../src/payment/payment-status.ts'
import { publishedFinalityOf, type StatusChangeRecord } from '../../src/payment/status-change.ts'

/** Values of the types, without their internal consistency: whatever the types allow must survive encoding. */

/** fast-check's own records sometimes have no prototype; our code never creates such objects. */
function plainRecord<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>
}

/** Any string without a lone surrogate, which UTF-8 cannot represent. */
const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 100 }), fc.string({ maxLength: 20 }))
const optionalText = fc.option(text)
const time = fc.integer({ min: -LONG_MAX, max: LONG_MAX })
const count = fc.integer({ min: 0, max: 2 ** 31 - 1 })
const oneOf = <T>(values: readonly T[]) => fc.constantFrom(...values)
const status = oneOf(Object.keys(PAYMENT_STATUSES) as PaymentStatus[])
const amount: fc.Arbitrary<Amount> = plainRecord({ value: text, currency: optionalText })
const reference: fc.Arbitrary<Reference> = plainRecord({ type: text, value: text })
const reason: fc.Arbitrary<Reason> = plainRecord({
  scheme: oneOf(REASON_SCHEMES),
  code: text,
  rule: optionalText,
  location: optionalText,
  field: optionalText,
})

const details: { [K in keyof PaymentDetails]: fc.Arbitrary<PaymentDetails[K]> } = {
  endToEndId: optionalText,
  references: fc.array(reference, { maxLength: 3 }),
  rail: optionalText,
  direction: optionalText,
  clearingSystem: optionalText,
  requestedExecutionDate: optionalText,
  valueDate: optionalText,
  amount: fc.option(amount),
  requestAmount: fc.option(amount),
  fxAppliedRate: optionalText,
  gpiStatus: optionalText,
  reasons: fc.array(reason, { maxLength: 3 }),
  holdReason: optionalText,
  rejectedBy: fc.option(oneOf(['JPM', 'UNKNOWN'] as const)),
}

export const anyEvent: fc.Arbitrary<PaymentEvent> = plainRecord({
  eventId: text,
  paymentKey: text,
  weakKey: fc.boolean(),
  source: text,
  provider: text,
  mappingVersion: count,
  withdrawn: fc.boolean(),
  callbackId: text,
  element: count,
  receivedAt: time,
  authenticity: fc.array(text, { maxLength: 3 }),
  providerEventId: optionalText,
  naturalKey: text,
  kind: oneOf(PAYMENT_KINDS),
  relatesTo: optionalText,
  childKey: optionalText,
  status,
  sourceStatus: text,
  sourceSubStatus: optionalText,
  sourceAction: optionalText,
  unknownBecause: fc.option(oneOf(['STATUS', 'CONTEXT'] as const)),
  eventContext: optionalText,
  sourceType: optionalText,
  occurredAt: fc.option(time),
  occurredAtText: optionalText,
  occurredAtPrecision: oneOf(TIME_PRECISIONS),
  zoneAssumed: fc.boolean(),
  timeUnreadable: fc.boolean(),
  partialApproval: fc.boolean(),
  reasonsOmitted: count,
  unreadable: fc.array(text, { maxLength: UNREADABLE_MAX }),
  ...details,
})

const attention = fc.subarray([...ATTENTION_CODES])
const statusVersion = fc.integer({ min: 1, max: LONG_MAX })

const recordedEvent: fc.Arbitrary<RecordedEvent> = plainRecord({
  event: anyEvent,
  detailsDropped: fc.boolean(),
  verdict: oneOf(VERDICTS),
  rule: oneOf(Object.keys(VERDICT_RULES) as (keyof typeof VERDICT_RULES)[]),
  statusVersion,
  statusAfter: status,
  recordedAt: time,
})

const child: fc.Arbitrary<ChildPayment> = plainRecord({
  paymentKey: text,
  kind: oneOf(PAYMENT_KINDS),
  status,
  amount: fc.option(amount),
  requestAmount: fc.option(amount),
})

export const anyState: fc.Arbitrary<PaymentState> = plainRecord({
  paymentKey: text,
  incarnation: time,
  statusVersion,
  status,
  decidedBy: optionalText,
  attention,
  kind: oneOf(PAYMENT_KINDS),
  relatesTo: optionalText,
  details: plainRecord(details),
  children: fc.array(child, { maxLength: 2 }),
  statusChangedAt: time,
  touchedAt: time,
  overdueSince: fc.option(time),
  events: fc.array(recordedEvent, { maxLength: 4 }),
  eventsLeftOut: count,
})

export const anyChange: fc.Arbitrary<StatusChangeRecord> = plainRecord({
  paymentKey: text,
  incarnation: time,
  statusVersion,
  verdict: oneOf([...VERDICTS, 'OVERDUE'] as const),
  rule: oneOf([...(Object.keys(VERDICT_RULES) as (keyof typeof VERDICT_RULES)[]), 'overdue'] as const),
  statusBefore: fc.option(status),
  statusAfter: status,
  statusChanged: fc.boolean(),
  finality: status.map(publishedFinalityOf),
  kind: oneOf(PAYMENT_KINDS),
  relatesTo: optionalText,
  endToEndId: optionalText,
  attention,
  overdueSince: fc.option(time),
  recordedAt: time,
  mappingVersionBefore: fc.option(count),
  event: fc.option(anyEvent),
})
