import { expect, test } from 'vitest'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { ScoreSheet } from '../../../src/tools/scorecard/score-sheet.ts'
import { sampleEvent } from '../../avro/samples.ts'

const BASE = {
  source: 'bank',
  provider: 'p',
  childKey: null,
  unknownBecause: null,
  unreadable: [],
  timeUnreadable: false,
  occurredAt: 10_000,
  occurredAtPrecision: 'SECOND',
  zoneAssumed: false,
  receivedAt: 12_000,
} as const satisfies Partial<PaymentEvent>
const event = (changes: Partial<PaymentEvent> = {}) => sampleEvent({ ...BASE, ...changes })
const scoreOf = (sheet: ScoreSheet) => {
  const scores = sheet.scores()
  expect(scores).toHaveLength(1)
  return scores[0]
}

test('callbacks with the same body of the same source are retries; of encrypted bodies nothing is known', () => {
  const sheet = new ScoreSheet()
  for (const [source, body] of [
    ['bank', 'a'],
    ['bank', 'b'],
    ['bank', 'a'],
    ['clinic', 'a'],
  ] as const) {
    sheet.callback(source, 'p', Buffer.from(body))
  }
  sheet.callback('vault', 'p', null)
  expect(sheet.scores().map(({ source, callbacks, retries }) => [source, callbacks, retries])).toEqual([
    ['bank', 3, 1],
    ['clinic', 1, 0],
    ['vault', 1, null],
  ])
})

test('what was processed and not recorded is a duplicate; reports about children are not counted', () => {
  const sheet = new ScoreSheet()
  for (let n = 0; n < 3; n += 1) {
    sheet.event(event())
  }
  sheet.event(event({ childKey: 'jpm:child' }))
  sheet.change({ paymentKey: 'a', verdict: 'APPLIED', event: event() })
  sheet.change({ paymentKey: 'a', verdict: 'REVISION', event: event({ childKey: 'jpm:child' }) })
  sheet.change({ paymentKey: 'a', verdict: 'OVERDUE', event: null })
  expect(scoreOf(sheet)).toMatchObject({ events: 3, duplicates: 2 })
})

test('late, conflicting, unknown and unreadable events count by what they are', () => {
  const sheet = new ScoreSheet()
  const change = (verdict: 'LATE' | 'CONFLICT' | 'UNKNOWN' | 'RESTATED', changes: Partial<PaymentEvent> = {}) =>
    sheet.change({ paymentKey: 'a', verdict, event: event(changes) })
  change('LATE')
  change('CONFLICT', { unreadable: ['amount'] })
  change('UNKNOWN', { unknownBecause: 'STATUS', timeUnreadable: true })
  change('UNKNOWN', { unknownBecause: 'CONTEXT' })
  change('RESTATED', { unreadable: ['amount'], timeUnreadable: true })
  expect(scoreOf(sheet)).toMatchObject({
    late: 1,
    conflicts: 1,
    unknownStatuses: 1,
    unreadableDetails: 1,
    unreadableTimes: 1,
  })
})

test('an event is out of order if an event of its payment with a later time was recorded before it', () => {
  const sheet = new ScoreSheet()
  for (const [paymentKey, occurredAt] of [
    ['a', 1_000],
    ['a', 5_000],
    ['a', 3_000],
    ['a', 5_000],
    ['b', 2_000],
    ['b', null],
  ] as const) {
    sheet.change({ paymentKey, verdict: 'APPLIED', event: event({ occurredAt }) })
  }
  expect(scoreOf(sheet)).toMatchObject({ outOfOrder: 1 })
})

test('lateness is that of events whose time is known to the second, to 1 %', () => {
  const sheet = new ScoreSheet()
  for (let second = 1; second <= 100; second += 1) {
    sheet.change({ paymentKey: `${second}`, verdict: 'APPLIED', event: event({ receivedAt: 10_000 + second * 1_000 }) })
  }
  for (const vague of [{ zoneAssumed: true }, { occurredAtPrecision: 'DAY' }, { occurredAt: null }] as const) {
    sheet.change({ paymentKey: 'x', verdict: 'APPLIED', event: event({ ...vague, receivedAt: 9e9 }) })
  }
  const { p50, p99 } = scoreOf(sheet)?.latenessMs ?? {}
  expect(Math.abs((p50 ?? 0) - 50_000)).toBeLessThanOrEqual(500)
  expect(Math.abs((p99 ?? 0) - 99_000)).toBeLessThanOrEqual(990)
})

test('a clock ahead of ours gives no negative lateness, and no events give none', () => {
  const sheet = new ScoreSheet()
  expect(sheet.scores()).toEqual([])
  sheet.change({ paymentKey: 'a', verdict: 'APPLIED', event: event({ receivedAt: 1 }) })
  expect(scoreOf(sheet)?.latenessMs).toEqual({ p50: 0, p99: 0 })
  const untimed = new ScoreSheet()
  untimed.change({ paymentKey: 'a', verdict: 'APPLIED', event: event({ occurredAt: null }) })
  expect(scoreOf(untimed)?.latenessMs).toEqual({ p50: null, p99: null })
})
