import { describe, expect, test } from 'vitest'
import { awaitStatuses, findMismatches, mismatchLines } from '../../../src/tools/simulate/await-statuses.ts'
import type { SimulationReport } from '../../../src/tools/simulate/simulate.ts'

const REPORT = {
  payments: [
    { paymentKey: 'a:1', expectedStatus: 'COMPLETED', delivered: true },
    { paymentKey: 'a:2', expectedStatus: 'REJECTED', delivered: true },
    { paymentKey: 'a:3', expectedStatus: 'REJECTED', delivered: false },
  ],
} as unknown as Pick<SimulationReport, 'payments'>
const RIGHT = new Map([
  ['a:1', 'COMPLETED'],
  ['a:2', 'REJECTED'],
])

describe('the statuses that the simulated payments must come to', () => {
  test('are compared payment by payment, also those of which nothing was published', () => {
    expect(findMismatches(REPORT, RIGHT)).toEqual([])
    expect(findMismatches(REPORT, new Map([['a:1', 'RECEIVED']]))).toEqual([
      { paymentKey: 'a:1', expected: 'COMPLETED', found: 'RECEIVED' },
      { paymentKey: 'a:2', expected: 'REJECTED', found: null },
    ])
  })

  test('of a payment that was not wholly accepted may be anything', () => {
    expect(findMismatches(REPORT, new Map([...RIGHT, ['a:3', 'RECEIVED']]))).toEqual([])
  })

  test('are waited for', async () => {
    const looks = [new Map(), new Map([['a:1', 'COMPLETED']]), RIGHT]
    const mismatches = await awaitStatuses(REPORT, async () => looks.shift() ?? RIGHT, {
      timeoutMs: 10_000,
      everyMs: 1,
    })
    expect(mismatches).toEqual([])
    expect(looks).toEqual([])
  })

  test('that do not come are told when the time is over, or when somebody interrupts', async () => {
    const wrong = async () => new Map([['a:1', 'COMPLETED']])
    const missing = [{ paymentKey: 'a:2', expected: 'REJECTED', found: null }]
    expect(await awaitStatuses(REPORT, wrong, { timeoutMs: 20, everyMs: 1 })).toEqual(missing)
    const signal = AbortSignal.abort()
    expect(await awaitStatuses(REPORT, wrong, { timeoutMs: 60_000, everyMs: 60_000, signal })).toEqual(missing)
    expect(mismatchLines(missing as never)).toEqual([
      '1 mismatches against the expected statuses',
      '  a:2 is (nothing), expected REJECTED',
    ])
  })
})
