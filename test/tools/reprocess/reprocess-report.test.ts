import { expect, test } from 'vitest'
import type { PlannedPayment } from '../../../src/tools/reprocess/plan-payment.ts'
import type { LeftReason } from '../../../src/tools/reprocess/remedies-of.ts'
import {
  isLeft,
  paymentDocument,
  paymentLines,
  ReprocessTally,
  reprocessLines,
} from '../../../src/tools/reprocess/reprocess-report.ts'
import { type ReprocessScope, unknownName } from '../../../src/tools/reprocess/reprocess-scope.ts'
import { sampleEvent } from '../../avro/samples.ts'

const event = sampleEvent({ status: 'COMPLETED', mappingVersion: 2, callbackId: 'c-1' })
const PAYMENT: PlannedPayment = {
  paymentKey: 'bank:1',
  provider: 'instamed',
  before: { status: 'UNKNOWN', attention: ['time-uncertain'], statusVersion: 3 },
  after: { status: 'COMPLETED', attention: [], statusVersion: 5 },
  steps: [
    {
      rule: 'restated',
      eventId: event.eventId,
      callbackId: 'c-1',
      status: 'COMPLETED',
      statusBefore: 'UNKNOWN',
      mappingVersion: 2,
      mappingVersionBefore: 1,
      event,
      known: { ...event, status: 'UNKNOWN', mappingVersion: 1 },
    },
    {
      rule: 'lost',
      eventId: 'e-2',
      callbackId: 'c-2',
      status: 'RECEIVED',
      statusBefore: null,
      mappingVersion: 2,
      mappingVersionBefore: null,
      event,
      known: null,
    },
  ],
}
const COMPARED = {
  callbacks: 9,
  events: 8,
  payments: 7,
  partial: 0,
  rawReachesBackTo: null,
  unknownSource: 0,
  forgotten: 0,
  undecryptable: 0,
  inFlight: { callbacks: 0, events: 0 },
  seconds: 1.5,
}

test('prints a payment for people, and as JSON without the events themselves', () => {
  expect(paymentLines(PAYMENT)).toEqual([
    'bank:1  UNKNOWN ! time-uncertain -> COMPLETED  v3 -> v5',
    '  restated   UNKNOWN -> COMPLETED  mapping 1 -> 2  callback c-1',
    '  lost       RECEIVED  mapping 2  callback c-2',
  ])
  expect(paymentLines({ ...PAYMENT, before: null })[0]).toBe('bank:1  (new) -> COMPLETED  v0 -> v5')
  const document = paymentDocument(PAYMENT)
  expect(document).toMatchObject({ paymentKey: 'bank:1', steps: [{ rule: 'restated' }, { rule: 'lost' }] })
  expect(document.steps.some((step) => 'event' in step || 'known' in step)).toBe(false)
})

test('something is left after a dry run that found corrections, and whenever an event is in flight', () => {
  const report = new ReprocessTally().report(COMPARED, null)
  const applied = { published: 3, processed: true } as const
  const left = (reason: LeftReason) => ({ left: [{ reason, events: 1 }] })
  expect(isLeft(report)).toBe(false)
  expect(isLeft({ ...report, changed: 1 })).toBe(true)
  expect(isLeft({ ...report, changed: 1, applied })).toBe(false)
  expect(isLeft({ ...report, applied, ...left('retention') })).toBe(false)
  expect(isLeft({ ...report, applied, ...left('in-flight') })).toBe(true)
})

test('a payment or source that does not exist is named; a configured source can be without payments', () => {
  const sources = [{ id: 'bank' }]
  const of = (scope: ReprocessScope, payments = 0) => unknownName(scope, payments, sources)
  expect(of({ kind: 'payment', payment: 'bank:typo' })).toBe('no payment with this key')
  expect(of({ kind: 'source', source: 'bnak' })).toBe('no source with this id, and no payment with a callback of it')
  expect(of({ kind: 'source', source: 'bank' })).toBeNull()
  expect(of({ kind: 'source', source: 'former' }, 1)).toBeNull()
  expect(of({ kind: 'payment', payment: 'bank:1' }, 1)).toBeNull()
  expect([of({ kind: 'all' }), of({ kind: 'time', since: 0, until: null })]).toEqual([null, null])
})

test('adds up the payments by provider and status, the events by rule, and what was left', () => {
  const tally = new ReprocessTally()
  tally.add(PAYMENT)
  tally.add({ ...PAYMENT, paymentKey: 'bank:2' })
  tally.add({ ...PAYMENT, paymentKey: 'bank:3', before: null })
  tally.addLeft([{ reason: 'retention', event }])
  tally.addLeft([{ reason: 'retention', event }])
  const report = tally.report(COMPARED, null)
  expect(report).toMatchObject({
    changed: 3,
    rules: { lost: 3, restated: 3, withdrawn: 0 },
    transitions: [
      { provider: 'instamed', from: 'UNKNOWN', to: 'COMPLETED', payments: 2 },
      { provider: 'instamed', from: null, to: 'COMPLETED', payments: 1 },
    ],
    left: [{ reason: 'retention', events: 2 }],
    applied: null,
  })
  expect(reprocessLines(report)).toEqual([
    'provider  from     to         payments',
    '--------  -------  ---------  --------',
    'instamed  UNKNOWN  COMPLETED  2',
    'instamed  (new)    COMPLETED  1',
    '3 of 7 payments would change: 3 events lost, 3 events restated, 0 events withdrawn; 9 callbacks, 1.5 s',
    '2 events left as they are: its callback is no longer in raw',
    'nothing was published: run it with --apply --reason "…"',
  ])
})

test('says what was published, and what could not be read', () => {
  const tally = new ReprocessTally()
  const compared = { ...COMPARED, forgotten: 2, undecryptable: 1, unknownSource: 3 }
  expect(reprocessLines(tally.report(compared, { published: 0, processed: true }))).toEqual([
    '0 of 7 payments changed: 0 events lost, 0 events restated, 0 events withdrawn; 9 callbacks, 1.5 s',
    '2 callbacks are forgotten and 1 cannot be decrypted: they were not read again',
    '3 callbacks have an unknown source: they were not read',
    '0 events published to payments.events, processed',
  ])
  const unwaited = tally.report(COMPARED, { published: 4, processed: null })
  expect(reprocessLines(unwaited).at(-1)).toBe('4 events published to payments.events, not waited for')
})
