import { describe, expect, test } from 'vitest'
import type { PaymentStatus } from '../../../src/payment/payment-status.ts'
import {
  awaitStatuses,
  type FoundPayment,
  findMismatches,
  mismatchLines,
} from '../../../src/tools/simulate/await-statuses.ts'
import type { SimulationReport } from '../../../src/tools/simulate/simulate.ts'

const EXPECTED = {
  lifecycle: 'a script',
  relatesTo: null,
  expectedKind: 'PAYMENT',
  expectedAttention: [],
  expectedAmount: null,
  delivered: true,
} as const
const REPORT = {
  payments: [
    { ...EXPECTED, paymentKey: 'a:1', expectedStatus: 'COMPLETED' },
    { ...EXPECTED, paymentKey: 'a:2', expectedStatus: 'REJECTED' },
    { ...EXPECTED, paymentKey: 'a:3', expectedStatus: 'REJECTED', delivered: false },
  ],
} as unknown as Pick<SimulationReport, 'payments'>

function found(status: PaymentStatus, more: Partial<FoundPayment> = {}): FoundPayment {
  return { status, kind: 'PAYMENT', attention: [], relatesTo: null, details: { amount: null }, ...more }
}

const RIGHT = new Map([
  ['a:1', found('COMPLETED')],
  ['a:2', found('REJECTED')],
])

describe('the expected state of simulated payments', () => {
  test('is compared per payment, also where nothing was published', () => {
    expect(findMismatches(REPORT, RIGHT)).toEqual([])
    expect(findMismatches(REPORT, new Map([['a:1', found('RECEIVED')]]))).toEqual([
      { paymentKey: 'a:1', lifecycle: 'a script', expected: 'COMPLETED', found: 'RECEIVED' },
      { paymentKey: 'a:2', lifecycle: 'a script', expected: 'REJECTED', found: null },
    ])
  })

  test('is the kind, the original, the amount and the attention, too', () => {
    const one = (expected: object) =>
      ({ payments: [{ ...EXPECTED, paymentKey: 'a:1', expectedStatus: 'COMPLETED', ...expected }] }) as never
    const differences: readonly [expected: object, text: string, state: Partial<FoundPayment>][] = [
      [{ expectedKind: 'REFUND' }, 'COMPLETED REFUND', { kind: 'REFUND' }],
      [{ relatesTo: 'a:0' }, 'COMPLETED of a:0', { relatesTo: 'a:0' }],
      [{ expectedAmount: '1.10' }, 'COMPLETED 1.10', { details: { amount: { value: '1.10', currency: 'USD' } } }],
      [{ expectedAttention: ['released'] }, 'COMPLETED (released)', { attention: ['released'] }],
    ]
    for (const [expected, text, state] of differences) {
      expect(findMismatches(one(expected), new Map([['a:1', found('COMPLETED', state)]]))).toEqual([])
      expect(findMismatches(one(expected), RIGHT)).toMatchObject([{ expected: text, found: 'COMPLETED' }])
      expect(findMismatches(one({}), new Map([['a:1', found('COMPLETED', state)]]))).toMatchObject([
        { expected: 'COMPLETED', found: text },
      ])
    }
  })

  test('does not depend on the order of attention codes', () => {
    const report = { payments: [{ ...EXPECTED, paymentKey: 'a:1', expectedStatus: 'COMPLETED' }] }
    const expectedAttention = ['weak-key', 'released'] as const
    const state = found('COMPLETED', { attention: ['released', 'weak-key'] })
    expect(
      findMismatches(
        { payments: report.payments.map((payment) => ({ ...payment, expectedAttention })) } as never,
        new Map([['a:1', state]]),
      ),
    ).toEqual([])
  })

  test('is not checked for a payment that was not completely accepted', () => {
    expect(findMismatches(REPORT, new Map([...RIGHT, ['a:3', found('RECEIVED')]]))).toEqual([])
  })

  test('is waited for until it is reached', async () => {
    const looks = [new Map(), new Map([['a:1', found('COMPLETED')]]), RIGHT]
    const mismatches = await awaitStatuses(REPORT, async () => looks.shift() ?? RIGHT, {
      timeoutMs: 10_000,
      everyMs: 1,
    })
    expect(mismatches).toEqual([])
    expect(looks).toEqual([])
  })

  test('that is not reached is reported when the time is over, or on an interrupt', async () => {
    const wrong = async () => new Map([['a:1', found('COMPLETED')]])
    const missing = [{ paymentKey: 'a:2', lifecycle: 'a script', expected: 'REJECTED', found: null }]
    expect(await awaitStatuses(REPORT, wrong, { timeoutMs: 20, everyMs: 1 })).toEqual(missing)
    const signal = AbortSignal.abort()
    expect(await awaitStatuses(REPORT, wrong, { timeoutMs: 60_000, everyMs: 60_000, signal })).toEqual(missing)
    expect(mismatchLines(missing)).toEqual([
      '1 mismatches against the expected statuses',
      '  a:2 is (nothing), expected REJECTED (a script)',
    ])
  })
})
