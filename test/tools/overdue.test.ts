import { describe, expect, test } from 'vitest'
import type { PaymentState } from '../../src/payment/apply-event.ts'
import type { InRecord } from '../../src/stream/record.ts'
import { currentStates } from '../../src/tools/current-states.ts'
import { type OverduePayment, overdueLines } from '../../src/tools/overdue.ts'
import { sampleState } from '../avro/samples.ts'
import { CODECS } from '../processor/status-world.ts'

describe('the wanted states in `current`', () => {
  const record = (offset: number, paymentKey: string, state: Partial<PaymentState> | null): InRecord => ({
    offset: BigInt(offset),
    key: Buffer.from(paymentKey),
    value: state === null ? null : CODECS.state.encode({ ...sampleState(), paymentKey, ...state }),
    headers: {},
    timestamp: 0,
  })

  test('are the last records of the payments, if these still match', async () => {
    const partitions = [
      [
        record(0, 'a', { overdueSince: 5 }),
        record(1, 'b', { overdueSince: 5 }),
        record(2, 'c', { overdueSince: 5 }),
        record(3, 'a', { overdueSince: null }),
        record(4, 'b', { overdueSince: 6 }),
        record(5, 'c', null),
      ],
      [record(0, 'd', { overdueSince: 7 })],
    ]
    const range = { start: 0n, end: 0n, highWatermark: 0n }
    const reader = {
      read: async (_topic: string, partition: number, _from: bigint, onRecords: (records: InRecord[]) => unknown) => {
        await onRecords(partitions[partition] ?? [])
        return range
      },
    }
    const states = await currentStates(reader, CODECS, 'current', 2, ({ overdueSince }) => overdueSince !== null)
    expect(states.map(({ paymentKey, overdueSince }) => [paymentKey, overdueSince])).toEqual([
      ['b', 6],
      ['d', 7],
    ])
  })
})

describe('the list', () => {
  const payment = (changes: Partial<OverduePayment>): OverduePayment => ({
    paymentKey: 'jpm:a',
    status: 'PROCESSING',
    provider: 'jpm-global-payments-v1',
    endToEndId: null,
    statusSince: '2026-01-01T00:00:00.000Z',
    overdueSince: '2026-01-04T00:00:00.000Z',
    attention: [],
    ...changes,
  })
  const at = (text: string) => Date.parse(text)

  test.each([
    ['2026-01-06T01:00:00.000Z', '5d'],
    ['2026-01-01T23:59:00.000Z', '23h'],
    ['2026-01-01T00:59:59.000Z', '59m'],
    ['2026-01-01T00:00:07.900Z', '7s'],
    ['2025-12-31T23:59:59.000Z', '0s'],
  ])('shows how long a payment has waited (%s: %s)', (now, wait) => {
    const [, , row, last] = overdueLines([payment({})], at(now))
    expect(row).toMatch(new RegExp(`jpm:a +PROCESSING +${wait} +2026-01-04`))
    expect(last).toBe('1 overdue')
  })

  test('says so if no payment is overdue', () => {
    expect(overdueLines([], 0)).toEqual(['no payment is overdue'])
  })
})
