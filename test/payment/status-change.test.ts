import { describe, expect, test } from 'vitest'
import { applyEvent, type Change, type PaymentState } from '../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { overdueChange, publishedFinalityOf, toStatusChange } from '../../src/payment/status-change.ts'
import { sampleEvent } from '../avro/samples.ts'

const ACCEPTED = sampleEvent({ eventId: 'a' })
const RECEIVED = sampleEvent({ eventId: 'b', status: 'RECEIVED', naturalKey: 'RECEIVED' })

describe('the change of an event', () => {
  test('that is the first has no previous status', () => {
    const { state, recorded } = applied(undefined, ACCEPTED)
    expect(toStatusChange(applied(undefined, ACCEPTED))).toStrictEqual({
      paymentKey: ACCEPTED.paymentKey,
      incarnation: ACCEPTED.receivedAt,
      statusVersion: 1,
      verdict: 'APPLIED',
      rule: 'first-event',
      statusBefore: null,
      statusAfter: 'ACCEPTED',
      statusChanged: true,
      finality: 'OPEN',
      kind: 'PAYMENT',
      relatesTo: null,
      endToEndId: state.details.endToEndId,
      attention: [],
      overdueSince: null,
      recordedAt: recorded.recordedAt,
      mappingVersionBefore: null,
      event: ACCEPTED,
    })
  })

  test('that changed nothing says so and keeps the status', () => {
    const change = toStatusChange(applied(applied(undefined, ACCEPTED).state, RECEIVED))
    expect(change).toMatchObject({
      statusVersion: 2,
      verdict: 'LATE',
      statusBefore: 'ACCEPTED',
      statusAfter: 'ACCEPTED',
      statusChanged: false,
      event: { status: 'RECEIVED' },
    })
  })
})

describe('the change of becoming overdue', () => {
  const { state } = applied(undefined, ACCEPTED)

  test('has no event, and the time of the mark', () => {
    const overdue = { ...state, statusVersion: 2, overdueSince: 1_732_300_000_000 }
    expect(overdueChange(overdue)).toMatchObject({
      statusVersion: 2,
      verdict: 'OVERDUE',
      rule: 'overdue',
      statusBefore: 'ACCEPTED',
      statusAfter: 'ACCEPTED',
      statusChanged: false,
      overdueSince: 1_732_300_000_000,
      recordedAt: 1_732_300_000_000,
      event: null,
    })
  })

  test('requires the mark', () => {
    expect(() => overdueChange(state)).toThrow(new TypeError('overdueChange needs a state that is marked overdue'))
  })
})

test('finality is published in upper case', () => {
  expect([publishedFinalityOf('RECEIVED'), publishedFinalityOf('CREDITED'), publishedFinalityOf('VOIDED')]).toEqual([
    'OPEN',
    'SOFT',
    'FINAL',
  ])
})

function applied(state: PaymentState | undefined, event: PaymentEvent): Change {
  const result = applyEvent(state, event, 1_732_000_000_500)
  if (result.outcome !== 'recorded') {
    throw new Error(result.outcome)
  }
  return result.change
}
