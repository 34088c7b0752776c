import { z } from 'zod'
import { ATTENTION_CODES } from '../../payment/fold-payment.ts'
import { PAYMENT_KINDS, TIME_PRECISIONS } from '../../payment/payment-event.ts'
import { FINALITIES, PAYMENT_STATUSES } from '../../payment/payment-status.ts'

/** The documents of the read API. The OpenAPI description is made from these schemas, and a test checks every answer with them. */

const STATUS = z.enum(Object.keys(PAYMENT_STATUSES) as [keyof typeof PAYMENT_STATUSES])
const ATTENTION = z.array(z.enum(ATTENTION_CODES as [(typeof ATTENTION_CODES)[number]]))
const TIME = z.int().describe('ms since the epoch')
const AMOUNT = z.strictObject({ value: z.string(), currency: z.string().nullable() })
const REFERENCE = z.strictObject({ type: z.string(), value: z.string() })
const REASON = z.strictObject({
  scheme: z.string(),
  code: z.string(),
  rule: z.string().nullable(),
  location: z.string().nullable(),
  field: z.string().nullable(),
})
const KIND = z.enum(PAYMENT_KINDS)

/** What a payment and its events have in common. */
const DETAILS = {
  endToEndId: z.string().nullable(),
  references: z.array(REFERENCE),
  rail: z.string().nullable(),
  direction: z.string().nullable(),
  clearingSystem: z.string().nullable(),
  requestedExecutionDate: z.string().nullable(),
  valueDate: z.string().nullable(),
  amount: AMOUNT.nullable(),
  requestAmount: AMOUNT.nullable(),
  fxAppliedRate: z.string().nullable(),
  gpiStatus: z.string().nullable(),
  reasons: z.array(REASON),
  holdReason: z.string().nullable(),
  rejectedBy: z.enum(['JPM', 'UNKNOWN']).nullable(),
}

const EVENT = z.strictObject({
  ...DETAILS,
  verdict: z.string(),
  rule: z.string(),
  statusVersion: z.int(),
  statusAfter: STATUS,
  recordedAt: TIME,
  detailsDropped: z.boolean(),
  eventId: z.string(),
  paymentKey: z.string(),
  weakKey: z.boolean(),
  source: z.string(),
  provider: z.string(),
  mappingVersion: z.int(),
  withdrawn: z.boolean(),
  callbackId: z.string(),
  element: z.int(),
  receivedAt: TIME,
  authenticity: z.array(z.string()),
  providerEventId: z.string().nullable(),
  naturalKey: z.string(),
  kind: KIND,
  relatesTo: z.string().nullable(),
  childKey: z.string().nullable(),
  status: STATUS,
  sourceStatus: z.string(),
  sourceSubStatus: z.string().nullable(),
  sourceAction: z.string().nullable(),
  unknownBecause: z.enum(['STATUS', 'CONTEXT']).nullable(),
  eventContext: z.string().nullable(),
  sourceType: z.string().nullable(),
  occurredAt: TIME.nullable(),
  occurredAtText: z.string().nullable(),
  occurredAtPrecision: z.enum(TIME_PRECISIONS),
  zoneAssumed: z.boolean(),
  timeUnreadable: z.boolean(),
  partialApproval: z.boolean(),
  reasonsOmitted: z.int(),
  unreadable: z.array(z.string()),
})

export const PAYMENT_DOCUMENT = z
  .strictObject({
    ...DETAILS,
    paymentKey: z.string(),
    incarnation: TIME,
    statusVersion: z.int(),
    status: STATUS,
    finality: z.enum(Object.keys(FINALITIES) as [keyof typeof FINALITIES]),
    decidedBy: z.string().nullable(),
    authenticity: z.array(z.string()),
    attention: ATTENTION,
    kind: KIND,
    relatesTo: z.string().nullable(),
    children: z.array(
      z.strictObject({
        paymentKey: z.string(),
        kind: KIND,
        status: STATUS,
        amount: AMOUNT.nullable(),
        requestAmount: AMOUNT.nullable(),
      }),
    ),
    statusChangedAt: TIME,
    touchedAt: TIME,
    overdueSince: TIME.nullable(),
    events: z.array(EVENT),
    eventsLeftOut: z.int(),
  })
  .describe('Everything known about a payment, as payments.status.current has it.')

export const STANDING_DOCUMENT = z
  .strictObject({
    paymentKey: z.string(),
    at: TIME,
    standing: z
      .strictObject({
        incarnation: TIME,
        statusVersion: z.int(),
        status: STATUS,
        attention: ATTENTION,
        recordedAt: TIME,
      })
      .nullable()
      .describe('Null: nothing was known by then, or the record of it was deleted by retention.'),
  })
  .describe('What had been published about a payment by a moment.')

export const SEARCH_DOCUMENT = z.strictObject({
  payments: z.array(
    z.strictObject({
      paymentKey: z.string(),
      incarnation: TIME,
      statusVersion: z.int(),
      status: STATUS,
      attention: ATTENTION,
      endToEndId: z.string().nullable(),
      statusChangedAt: TIME,
      matched: z.array(z.string()).describe('Which of its ids matched.'),
    }),
  ),
  next: z.string().nullable().describe('The cursor of the next page; null: this was the last one.'),
  complete: z
    .boolean()
    .describe("False while the index is being built: only key, provider's id and endToEndId are certain to be found."),
})

export const DEAD_LETTERS_DOCUMENT = z.strictObject({
  deadLetters: z.int(),
  groups: z.array(
    z.strictObject({
      topic: z.string(),
      provider: z.string(),
      source: z.string(),
      reason: z.string(),
      age: z.enum(['hour', 'day', 'week', 'older']),
      count: z.int(),
      oldestAt: z.iso.datetime(),
      newestAt: z.iso.datetime(),
      oldest: z.string().describe('The place of the oldest: topic[partition]@offset'),
    }),
  ),
  next: z.string().nullable(),
  ungrouped: z.int().describe('Dead letters of further groups, which are too many to list.'),
})

export const LAG_DOCUMENT = z.strictObject({
  at: TIME.nullable().describe('When it was read; null: not yet.'),
  partitions: z.array(
    z.strictObject({
      stage: z.string(),
      topic: z.string(),
      partition: z.int(),
      committed: z.string().nullable(),
      end: z.string(),
      records: z.int(),
      ageMs: z.int().nullable().describe('Age of the oldest record left; 0: none is left, null: not visible yet.'),
    }),
  ),
})

export const PROBLEM_DOCUMENT = z.strictObject({ title: z.string(), status: z.int(), detail: z.string() })
