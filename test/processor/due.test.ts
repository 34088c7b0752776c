import { describe, expect, test } from 'vitest'
import type { PaymentState, RecordedEvent } from '../../src/payment/apply-event.ts'
import { PAYMENT_STATUSES, type PaymentStatus } from '../../src/payment/payment-status.ts'
import {
  type DuePolicy,
  dueAction,
  dueAt,
  fingerprintOf,
  markOverdue,
  type NextStatusWithin,
} from '../../src/processor/due.ts'
import { sampleState } from '../avro/samples.ts'

const DAY_MS = 86_400_000
const POLICY: DuePolicy = {
  retentionMs: 400 * DAY_MS,
  nextStatusWithin: { default: 2 * DAY_MS, providers: {} },
}
/** 2024-11-19T00:00:00Z. */
const DAY_0 = Date.UTC(2024, 10, 19)

function state(changes: Partial<PaymentState> = {}, requestedExecutionDate: string | null = null): PaymentState {
  const sample = sampleState()
  return {
    ...sample,
    status: 'PROCESSING',
    statusChangedAt: DAY_0,
    touchedAt: DAY_0,
    overdueSince: null,
    details: { ...sample.details, requestedExecutionDate },
    ...changes,
  }
}

describe('an open payment', () => {
  test('is overdue when its status has not changed for the configured time', () => {
    expect(dueAt(state(), POLICY)).toBe(DAY_0 + 2 * DAY_MS)
    expect(dueAction(state(), DAY_0 + 2 * DAY_MS - 1, POLICY)).toBe('wait')
    expect(dueAction(state(), DAY_0 + 2 * DAY_MS, POLICY)).toBe('overdue')
  })

  test.each(['2024-11-22', '20241122', '2024-11-22T23:30:00-05:00', '2024-11-22 10:00'])(
    'is not overdue before the day of %s is over, however the date is written',
    (date) => {
      expect(dueAt(state({}, date), POLICY)).toBe(DAY_0 + 4 * DAY_MS + 2 * DAY_MS)
    },
  )

  test('stays overdue despite late events, which are recorded without changing the status', () => {
    expect(dueAt(state({ touchedAt: DAY_0 + DAY_MS }), POLICY)).toBe(DAY_0 + 2 * DAY_MS)
  })

  test('with a future execution date is not overdue before that day is over', () => {
    expect(dueAt(state({}, '2024-11-29'), POLICY)).toBe(Date.UTC(2024, 10, 30) + 2 * DAY_MS)
  })

  test('is not affected by a date that is past or unreadable', () => {
    expect(dueAt(state({}, '2024-01-01'), POLICY)).toBe(DAY_0 + 2 * DAY_MS)
    expect(dueAt(state({}, 'soon'), POLICY)).toBe(DAY_0 + 2 * DAY_MS)
  })

  test('is reported once', () => {
    const marked = markOverdue(state({ statusVersion: 4 }), DAY_0 + 3 * DAY_MS)
    expect(marked).toMatchObject({ statusVersion: 5, overdueSince: DAY_0 + 3 * DAY_MS, status: 'PROCESSING' })
    expect(dueAction(marked, DAY_0 + 50 * DAY_MS, POLICY)).toBe('wait')
    expect(dueAt(marked, POLICY)).toBe(DAY_0 + 400 * DAY_MS)
  })
})

test.each(Object.keys(PAYMENT_STATUSES) as PaymentStatus[])('%s can be overdue only if it is open', (status) => {
  const action = dueAction(state({ status }), DAY_0 + 3 * DAY_MS, POLICY)
  expect(action).toBe(PAYMENT_STATUSES[status].finality === 'open' ? 'overdue' : 'wait')
})

test('a payment known only from its refund is never overdue: no further status was announced', () => {
  const [recorded] = state().events as [RecordedEvent]
  const report = { ...recorded, event: { ...recorded.event, childKey: 'jpm:refund' } }
  const onlyChild = state({ status: 'UNKNOWN', events: [report] })
  expect(dueAt(onlyChild, POLICY)).toBe(DAY_0 + 400 * DAY_MS)
  expect(dueAt(state({ status: 'UNKNOWN', events: [report, recorded] }), POLICY)).toBe(DAY_0 + 2 * DAY_MS)
})

test('a payment whose events are all withdrawn is never overdue, and is forgotten like any other', () => {
  const withdrawn = state().events.map((recorded) => ({ ...recorded, event: { ...recorded.event, withdrawn: true } }))
  const [first, ...others] = withdrawn as [RecordedEvent, ...RecordedEvent[]]
  expect(dueAt(state({ status: 'UNKNOWN', decidedBy: null, events: withdrawn }), POLICY)).toBe(DAY_0 + 400 * DAY_MS)
  const one = { ...first, event: { ...first.event, withdrawn: false } }
  expect(dueAt(state({ status: 'UNKNOWN', decidedBy: null, events: [...others, one] }), POLICY)).toBe(
    DAY_0 + 2 * DAY_MS,
  )
})

describe('how long a status may last', () => {
  const { provider } = (sampleState().events[0] as RecordedEvent).event
  const overdueAfter = (nextStatusWithin: NextStatusWithin, status: PaymentStatus): number | null => {
    const policy = { ...POLICY, nextStatusWithin }
    const at = dueAt(state({ status }), policy)
    return dueAction(state({ status }), at, policy) === 'overdue' ? (at - DAY_0) / DAY_MS : null
  }
  const within = (ofProvider: NextStatusWithin['providers'][string]): NextStatusWithin => ({
    default: 2 * DAY_MS,
    providers: { [provider]: ofProvider, other: { default: DAY_MS, PROCESSING: DAY_MS, SETTLED: DAY_MS } },
  })

  test.each<[string, NextStatusWithin, PaymentStatus, number | null]>([
    ['is the common default', within({}), 'PROCESSING', 2],
    ['is the default of the provider', within({ default: 5 * DAY_MS }), 'PROCESSING', 5],
    ['is the setting of the status', within({ default: 5 * DAY_MS, PROCESSING: 7 * DAY_MS }), 'PROCESSING', 7],
    ['is unlimited if the status is set to null', within({ PROCESSING: null }), 'PROCESSING', null],
    ['is unlimited if the provider is set to null', within({ default: null }), 'PROCESSING', null],
    ['is unlimited for a status that is not open', within({ default: DAY_MS }), 'SETTLED', null],
    ['unless that status is named', within({ SETTLED: 9 * DAY_MS }), 'SETTLED', 9],
  ])('%s', (_what, allowed, status, days) => {
    expect(overdueAfter(allowed, status)).toBe(days)
  })

  test('changes the fingerprint', () => {
    expect(fingerprintOf(POLICY)).toBe(fingerprintOf(structuredClone(POLICY)))
    expect(fingerprintOf({ ...POLICY, nextStatusWithin: within({}) })).not.toBe(fingerprintOf(POLICY))
  })
})

describe('any payment', () => {
  test('is forgotten when nothing was recorded for the retention, overdue or not', () => {
    const touched = state({ touchedAt: DAY_0 + DAY_MS })
    expect(dueAction(touched, DAY_0 + 401 * DAY_MS - 1, POLICY)).toBe('overdue')
    expect(dueAction(touched, DAY_0 + 401 * DAY_MS, POLICY)).toBe('forget')
    expect(dueAction(state({ status: 'RETURNED' }), DAY_0 + 400 * DAY_MS, POLICY)).toBe('forget')
  })

  test('waits exactly until its due time: a check that is too early never leads to an immediate repeat', () => {
    for (const one of [state(), state({ status: 'COMPLETED' }), state({}, '2025-01-01')]) {
      const at = dueAt(one, POLICY)
      expect(dueAction(one, at - 1, POLICY)).toBe('wait')
      expect(dueAction(one, at, POLICY)).not.toBe('wait')
    }
  })
})
