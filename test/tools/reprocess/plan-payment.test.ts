import { expect, test } from 'vitest'
import { EVENT_BYTES_MAX } from '../../../src/payment/payment-event.ts'
import { planPayment } from '../../../src/tools/reprocess/plan-payment.ts'
import type { Remedies } from '../../../src/tools/reprocess/remedies-of.ts'
import { evidenceOf, NOW, told } from '../verify/evidence.ts'

const small = () => 100
const known = told('RECEIVED', NOW - 5_000)
const said = { ...known, status: 'COMPLETED', mappingVersion: known.mappingVersion + 1 } as const
const restated: Remedies = { remedies: [{ rule: 'restated', event: said, known }], left: [] }

test('shows a payment before and after, and what each event was read as', () => {
  const { payment, left } = planPayment(evidenceOf([known]), restated, small, NOW)
  expect(left).toEqual([])
  expect(payment).toMatchObject({
    before: { status: 'RECEIVED', attention: [], statusVersion: 1 },
    after: { status: 'COMPLETED', attention: [], statusVersion: 2 },
    steps: [
      {
        rule: 'restated',
        status: 'COMPLETED',
        statusBefore: 'RECEIVED',
        mappingVersionBefore: known.mappingVersion,
        mappingVersion: said.mappingVersion,
      },
    ],
  })
})

test('shows a payment that is not there yet', () => {
  const lost: Remedies = { remedies: [{ rule: 'lost', event: said, known: null }], left: [] }
  const { payment } = planPayment({ ...evidenceOf([known]), current: { kind: 'none' } }, lost, small, NOW)
  expect(payment).toMatchObject({ before: null, after: { status: 'COMPLETED', statusVersion: 1 } })
})

test('does not publish what the processor would take for a duplicate', () => {
  const same: Remedies = { remedies: [{ rule: 'lost', event: known, known: null }], left: [] }
  expect(planPayment(evidenceOf([known]), same, small, NOW)).toEqual({ payment: null, left: [] })
})

test('does not publish what would become a dead letter', () => {
  const evidence = evidenceOf([known])
  const tooLarge = planPayment(evidence, restated, () => EVENT_BYTES_MAX + 1, NOW)
  expect(tooLarge).toEqual({ payment: null, left: [{ reason: 'too-large', event: said }] })
  // Of equal events a full history keeps the oldest, and the one that decides.
  const full = evidenceOf(Array.from({ length: 256 }, (_, at) => told('PROCESSING', 10 * at)))
  const late = told('PROCESSING', 2_545)
  const lost: Remedies = { remedies: [{ rule: 'lost', event: late, known: null }], left: [] }
  expect(planPayment(full, lost, small, NOW)).toEqual({
    payment: null,
    left: [{ reason: 'history-full', event: late }],
  })
})
