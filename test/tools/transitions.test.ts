import { describe, expect, test } from 'vitest'
import { PAYMENT_STATUSES, type PaymentStatus } from '../../src/payment/payment-status.ts'
import { transitions } from '../../src/tools/transitions.ts'

const STATUSES = Object.keys(PAYMENT_STATUSES) as PaymentStatus[]
const ALL = transitions()
const find = (from: PaymentStatus, reported: PaymentStatus, time: 'later' | 'earlier' = 'later') =>
  ALL.find((step) => step.from === from && step.reported === reported && step.time === time)

test('has one transition for every pair of statuses, later and earlier', () => {
  expect(ALL).toHaveLength(STATUSES.length ** 2 * 2)
  expect(new Set(ALL.map(({ from, reported, time }) => `${from} ${reported} ${time}`)).size).toBe(ALL.length)
})

/** Rows of the table of legal transitions that the design is based on. */
describe('the transitions in the design', () => {
  test.each([
    ['PROCESSING', 'ON_HOLD'],
    ['ON_HOLD', 'PROCESSING'],
    ['SCHEDULED', 'PROCESSING'],
    ['PROCESSING', 'SCHEDULED'],
  ] as const)('%s to %s is legal if it is later', (from, reported) => {
    expect(find(from, reported)).toMatchObject({ statusAfter: reported, verdict: 'APPLIED', attention: [] })
    expect(find(from, reported, 'earlier')).toMatchObject({ statusAfter: from, verdict: 'LATE' })
  })

  test.each([
    ['PROCESSING', 'PENDING_POSTING'],
    ['RECEIVED', 'CREDITED'],
    ['SCHEDULED', 'REJECTED'],
    ['SENT_TO_CLEARING', 'REJECTED'],
    ['SENT_TO_CLEARING', 'RETURNED'],
    ['COMPLETED', 'CREDITED'],
    ['COMPLETED', 'RETURNED'],
    ['SETTLED', 'RETURNED'],
    ['AUTHORIZED', 'SETTLED'],
    ['AUTHORIZED', 'VOIDED'],
    ['AUTHORIZED', 'SETTLEMENT_FAILED'],
  ] as const)('%s to %s is legal', (from, reported) => {
    expect(find(from, reported)).toMatchObject({ statusAfter: reported, verdict: 'APPLIED', attention: [] })
  })

  test.each([
    ['SETTLED', 'VOIDED', 'negative-after-positive'],
    ['SETTLEMENT_FAILED', 'SETTLED', 'released'],
    ['BLOCKED', 'COMPLETED', 'released'],
  ] as const)('%s to %s is accepted and flagged', (from, reported, attention) => {
    expect(find(from, reported)).toMatchObject({ statusAfter: reported, attention: [attention] })
  })

  test.each([
    ['REJECTED', 'COMPLETED', 'positive-after-final'],
    ['RETURNED', 'CREDITED', 'positive-after-final'],
    ['REJECTED', 'CANCELED', 'contradictory-finals'],
  ] as const)('%s to %s is a conflict: recorded, not applied', (from, reported, attention) => {
    expect(find(from, reported)).toMatchObject({ statusAfter: from, verdict: 'CONFLICT', attention: [attention] })
  })

  test.each([
    ['COMPLETED', 'PROCESSING'],
    ['REJECTED', 'PROCESSING'],
    ['CREDITED', 'COMPLETED'],
  ] as const)('%s to %s is late', (from, reported) => {
    expect(find(from, reported)).toMatchObject({ statusAfter: from, verdict: 'LATE', attention: [] })
  })
})

test('an UNKNOWN event never moves the status', () => {
  for (const from of STATUSES) {
    expect(find(from, 'UNKNOWN')).toMatchObject({ statusAfter: from, verdict: 'UNKNOWN' })
  }
})
