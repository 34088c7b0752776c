import { describe, expect, test } from 'vitest'
import { paymentEventCodec } from '../../src/avro/payment-codecs.ts'
import { withChildReports } from '../../src/payment/child-report.ts'
import { EVENT_BYTES_MAX } from '../../src/payment/payment-event.ts'
import { instamed } from '../../src/providers/instamed/translate.ts'
import { jpmGlobalPaymentsV1 } from '../../src/providers/jpm-global-payments-v1/translate.ts'
import { jpmGlobalPaymentsV2 } from '../../src/providers/jpm-global-payments-v2/translate.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { callbackOf } from './callback-of.ts'

const CODEC = paymentEventCodec({
  schemaId: 1,
  subject: 'a-value',
  fetchSchema: async () => ({ found: 'none' }) as const,
  now: () => 0,
})

/** The longest texts of each kind, three bytes for each character where any character is allowed. */
const ID = '振'.repeat(128)
const ANOTHER_ID = '水'.repeat(128)
const WORD = '振'.repeat(64)
const DECIMAL = '9'.repeat(64)
const TIME = `2025-12-12T16:22:16.${'2'.repeat(43)}Z`
const EXCEPTION = {
  code: 'C'.repeat(64),
  errorCode: 'C'.repeat(64),
  location: 'L'.repeat(64),
  field: 'f'.repeat(128),
  ruleDefinition: ID,
}

const LARGEST_ENVELOPE = {
  source: 's'.repeat(63),
  namespace: 'n'.repeat(63),
  authenticity: ['basic', 'header', 'hmac', 'ip-allow-list', 'mtls', 'mtls-proxy', 'path-token', 'standard-webhooks'],
}

const payment = {
  paymentId: ID,
  paymentStatus: WORD,
  paymentSubStatus: WORD,
  statusUpdatedAt: TIME,
  paymentIdentifiers: {
    endToEndId: ID,
    paymentBatchId: ID,
    achTraceNumber: ID,
    otherPaymentReferences: { relatedReferenceId: ID, uetr: ID, transactionIdentifier: ID },
  },
  clearingSystem: { name: WORD, reference: ID },
  paymentType: WORD,
  transferType: WORD,
  requestedExecutionDate: TIME,
  valueDate: TIME,
  gpi: { status: WORD, reason: 'AC04' },
  fxInformation: { appliedRate: DECIMAL },
}
const ofReturn = {
  returnId: ID,
  returnStatus: WORD,
  returnSubStatus: WORD,
  paymentType: WORD,
  paymentIdentifiers: { endToEndId: ID },
  originalPaymentIdentifiers: { paymentId: ANOTHER_ID, bankReferenceNumber: ID, clearingSystemReference: ID },
  value: { amount: DECIMAL, currency: 'USD' },
}
const ofV1 = {
  firmRootId: ID,
  endToEndId: ID,
  paymentStatus: WORD,
  clearingSystemReference: ID,
  createDateTime: TIME,
  fx: { appliedRate: DECIMAL },
}
const ofInstamed = {
  PaymentTransactionID: ID,
  OriginalTransactionID: ANOTHER_ID,
  TransactionAction: WORD,
  CurrentTransactionStatusCode: WORD,
  primaryTransactionStatus: WORD,
  TransactionType: WORD,
  CLMREF: ID,
  ResponseDateTime: TIME,
  Amount: DECIMAL,
  RequestAmount: DECIMAL,
  IsPartiallyApproved: 'true',
  ReasonCode: 'C'.repeat(64),
  ResponseCode: 'C'.repeat(64),
}
const envelope = { id: ID, type: ID, time: TIME, eventcontext: WORD }

/** A callback with so many reasons. */
const LARGEST: Readonly<Record<string, readonly [Provider, (exceptions: readonly object[]) => object]>> = {
  'a payment of v2': [
    jpmGlobalPaymentsV2,
    (exceptions) => ({ ...envelope, data: { payments: [{ ...payment, exceptions }] } }),
  ],
  'a payment of v2 that was understood': [
    jpmGlobalPaymentsV2,
    (exceptions) => ({
      id: ID,
      type: 'Payment.Rejected',
      data: { payments: [{ ...payment, paymentStatus: 'REJECTED', exceptions }] },
    }),
  ],
  'a return of v2, and its report': [
    jpmGlobalPaymentsV2,
    (exceptions) => ({ ...envelope, data: { returns: [{ ...ofReturn, exceptions }] } }),
  ],
  'a payment of v1': [jpmGlobalPaymentsV1, (exceptions) => ({ callbacks: [{ ...ofV1, exceptions }] })],
  'a refund of InstaMed, and its report': [instamed, () => ofInstamed],
}

describe('I10: the largest event that an adapter makes is not too large for the processor', () => {
  test.each(Object.entries(LARGEST))('%s', (_, [provider, bodyOf]) => {
    for (let length = 0; length <= 20; length += 1) {
      const exceptions = Array.from({ length }, () => EXCEPTION)
      const { events, deadLetters } = provider.translate(callbackOf(bodyOf(exceptions), LARGEST_ENVELOPE))
      const sizes = withChildReports(events).map((event) => CODEC.encode(event).length)
      expect(deadLetters).toEqual([])
      expect(Math.max(...sizes)).toBeLessThanOrEqual(EVENT_BYTES_MAX)
    }
  })
})

describe('reasons beyond the size of an event', () => {
  const translated = (count: number, changes: object = {}, envelopeId = 'an envelope') => {
    const exceptions = Array.from({ length: count }, (_, index) => ({ ...EXCEPTION, code: `${index}`.repeat(32) }))
    const body = { id: envelopeId, type: 'Payment.X', data: { payments: [{ ...payment, ...changes, exceptions }] } }
    const [event] = jpmGlobalPaymentsV2.translate(callbackOf(body)).events
    return event
  }

  test('are counted, and the first ones stay', () => {
    const event = translated(16)
    expect(event?.reasons.map(({ code }) => code[0])).toEqual(['0', '1', '2'])
    expect(event?.reasonsOmitted).toBe(14)
  })

  test('are the same in any envelope', () => {
    expect(translated(16, {}, ID)).toMatchObject({
      eventId: translated(16)?.eventId,
      reasons: translated(16)?.reasons as [],
    })
  })

  test('do not exist in an event of the usual size', () => {
    const usual = { code: '12000', location: 'BODY', field: '$.creditor.account.accountNumber' }
    const exceptions = Array.from({ length: 16 }, () => usual)
    const body = { data: { payments: [{ paymentId: 'p', paymentStatus: 'REJECTED', exceptions }] } }
    expect(jpmGlobalPaymentsV2.translate(callbackOf(body)).events[0]).toMatchObject({ reasonsOmitted: 0 })
  })
})
