import { expect, test } from 'vitest'
import { applyEvent, type PaymentState } from '../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { noTotals } from '../../src/payment/totals.ts'
import { addOutcome, emptyOutput, type OutputContext, outputOfTimers } from '../../src/processor/batch-output.ts'
import { foldBatch } from '../../src/processor/fold-batch.ts'
import { StepHeaders, VERSION_HEADERS, versionHeaders } from '../../src/processor/step-headers.ts'
import { sampleEvent } from '../avro/samples.ts'
import { CODECS, DAY_MS, DUE_POLICY, PARTITION, TOPICS } from './status-world.ts'

const CONTEXT: OutputContext = {
  codecs: CODECS,
  duePolicy: DUE_POLICY,
  topics: TOPICS,
  partition: PARTITION,
  stepHeaders: new StepHeaders(TOPICS.changes),
}
const NOW = 1_000 * DAY_MS
const EVENT = sampleEvent({ paymentKey: 'jpm:a', eventId: '1', status: 'ON_HOLD', requestedExecutionDate: null })

function stateAt(recordedAt: number): PaymentState {
  const applied = applyEvent(undefined, EVENT, recordedAt)
  if (applied.outcome !== 'recorded') {
    throw new TypeError('a first event is recorded')
  }
  return applied.change.state
}

test('an empty output publishes nothing, writes nothing and counts nothing', () => {
  expect(emptyOutput()).toEqual({ current: [], changes: [], deadLetters: [], writes: [], totals: noTotals(), seen: [] })
})

test('a state goes into the view as the bytes that go to `current` (I6)', () => {
  const record = { key: Buffer.from('jpm:a'), value: null, headers: {}, offset: 7n, timestamp: 0, leaderEpoch: 0 }
  const rejected = { ...record, offset: 8n, key: Buffer.from('jpm:z') }
  const output = emptyOutput()
  const outcome = foldBatch(
    [
      { record, event: EVENT },
      { record: rejected, rejected: 'undecodable' },
    ],
    () => undefined,
    NOW,
    output.totals,
  )
  addOutcome(output, outcome, CONTEXT, NOW)
  expect(output.writes).toEqual([
    {
      paymentKey: 'jpm:a',
      state: output.current[0]?.value,
      dueAt: NOW + 3 * DAY_MS,
      endToEndId: 'E2E-4711',
      referenceStays: false,
    },
  ])
  const value = CODECS.state.encode(stateAt(NOW))
  expect(output.current).toEqual([{ key: 'jpm:a', value, headers: versionHeaders(stateAt(NOW)) }])
  expect(output.changes.map(({ key }) => key)).toEqual(['jpm:a'])
  expect(output.deadLetters).toMatchObject([
    {
      key: rejected.key,
      headers: { dlq_reason: 'undecodable', dlq_offset: '8', dlq_time: new Date(NOW).toISOString() },
    },
  ])
  expect(output.totals).toEqual({ ...noTotals(), events: 2, applied: 1, deadLetter: 1 })
})

test('outputs carry their version, and the trace context of the event that caused them if its callback was sampled', () => {
  const traceparent = `00-${'a1'.repeat(16)}-${'b2'.repeat(8)}-01`
  const record = { key: Buffer.from('jpm:a'), value: null, headers: {}, offset: 7n, timestamp: 0 }
  const output = emptyOutput()
  const later = { ...EVENT, eventId: 'later', status: 'COMPLETED' } as const
  const inputs = [
    { record, event: EVENT },
    { record: { ...record, headers: { traceparent: Buffer.from(traceparent) } }, event: later },
  ]
  addOutcome(
    output,
    foldBatch(inputs, () => undefined, NOW, output.totals),
    CONTEXT,
    NOW,
  )
  expect(output.changes.map(({ headers }) => headers?.['traceparent'])).toEqual([undefined, traceparent])
  expect(output.current.map(({ headers }) => headers?.['traceparent'])).toEqual([traceparent])
  const versions = output.changes.map(({ headers }) => headers?.[VERSION_HEADERS.statusVersion])
  expect(versions).toEqual(['1', '2'])
  expect(output.changes.map(({ headers }) => headers?.['ce_id'])).toEqual(
    versions.map((version) => `jpm:a:${EVENT.receivedAt}:${version}`),
  )
  expect(output.current.map(({ headers }) => headers?.[VERSION_HEADERS.statusVersion])).toEqual(['2'])
  expect(output.seen.map(({ traceId }) => traceId)).toEqual([null, 'a1'.repeat(16)])
})

test('the times of an event are seen once: not for corrections, reports about children and repeats, nor if they are vague', () => {
  const seenOf = (...events: PaymentEvent[]) => {
    const inputs = events.map((event, at) => ({
      record: { key: Buffer.from('jpm:a'), value: null, headers: {}, offset: BigInt(at), timestamp: 0 },
      event,
    }))
    const output = emptyOutput()
    const outcome = foldBatch(inputs, () => undefined, NOW, output.totals)
    addOutcome(output, outcome, CONTEXT, NOW)
    return output.seen
  }
  const timed = { ...EVENT, occurredAt: 5_000, occurredAtPrecision: 'SECOND', zoneAssumed: false } as const
  const { provider, receivedAt } = EVENT
  expect(seenOf(timed, timed)).toEqual([{ provider, receivedAt, occurredAt: 5_000, traceId: null }])
  expect(seenOf(timed, { ...timed, mappingVersion: 9, status: 'REJECTED' })).toHaveLength(1)
  expect(seenOf({ ...timed, childKey: 'jpm:child' })).toEqual([])
  for (const vague of [
    { zoneAssumed: true },
    { occurredAtPrecision: 'DAY' },
    { occurredAtPrecision: 'NONE' },
  ] as const) {
    expect(seenOf({ ...timed, ...vague })).toEqual([{ provider, receivedAt, occurredAt: null, traceId: null }])
  }
})

test.each([
  ['stays', 'E2E-4711', true],
  ['is another one', 'E2E-0', false],
  ['is new', null, false],
])('I6: the view is told whether the reference of a payment stays: it %s', (_, former, stays) => {
  const before = stateAt(NOW - 1)
  const output = emptyOutput()
  const state = { ...before, statusVersion: 2 }
  const outcome = {
    changes: [],
    state,
    deadLetters: [],
    before: { ...before, details: { ...before.details, endToEndId: former } },
  }
  addOutcome(output, outcome, CONTEXT, NOW)
  expect(output.writes).toMatchObject([{ endToEndId: 'E2E-4711', referenceStays: stays }])
})

test('timers report, forget or correct, each in the outputs it belongs to (I4, I8)', () => {
  const states = new Map([
    ['overdue', { ...stateAt(NOW - 4 * DAY_MS), paymentKey: 'overdue' }],
    ['forgotten', { ...stateAt(NOW - 400 * DAY_MS), paymentKey: 'forgotten' }],
    ['early', { ...stateAt(NOW - DAY_MS), paymentKey: 'early' }],
  ])
  const output = outputOfTimers(['overdue', 'forgotten', 'early', 'gone'], (key) => states.get(key), CONTEXT, NOW)
  expect(output.changes.map(({ value }) => CODECS.change.decode(value as Buffer))).toMatchObject([
    { paymentKey: 'overdue', verdict: 'OVERDUE', statusVersion: 2, overdueSince: NOW },
  ])
  expect(output.current.map(({ key, value }) => [key, value === null])).toEqual([
    ['overdue', false],
    ['forgotten', true],
  ])
  const lives = output.current.map(({ headers }) => headers)
  expect(lives).toEqual([2, 1].map((statusVersion) => versionHeaders({ ...stateAt(NOW), statusVersion })))
  expect(output.writes.map(({ paymentKey, state, dueAt }) => [paymentKey, state === null, dueAt])).toEqual([
    ['overdue', false, NOW + 396 * DAY_MS],
    ['forgotten', true, 0],
    ['early', false, NOW + 2 * DAY_MS],
    ['gone', true, 0],
  ])
  expect(output.totals).toEqual({ ...noTotals(), overdue: 1, forgotten: 1 })
})
