import { describe, expect, test } from 'vitest'
import type { RecordedEvent } from '../../../src/payment/apply-event.ts'
import { foldPayment } from '../../../src/payment/fold-payment.ts'
import { HISTORY_EVENTS_MAX } from '../../../src/payment/keep-within-bound.ts'
import type { StatusChangeRecord } from '../../../src/payment/status-change.ts'
import { judgePayment } from '../../../src/tools/verify/judge-payment.ts'
import type { ChangeRecord, Circumstances, PaymentEvidence } from '../../../src/tools/verify/payment-evidence.ts'
import { LIGHT, sampleEvent } from '../../avro/samples.ts'
import { type Arrival, AT_REST, DAY_MS, type Evidence, evidenceOf, NOW, told } from './evidence.ts'

const received = told('RECEIVED', 1)
const processing = told('PROCESSING', 2)
const completed = told('COMPLETED', 3)

/** Kinds and texts of the differences. */
function found(evidence: PaymentEvidence, circumstances: Partial<Circumstances> = {}) {
  const { differences } = judgePayment(evidence, { ...AT_REST, ...circumstances })
  expect(differences.every(({ paymentKey }) => paymentKey === sampleEvent().paymentKey)).toBe(true)
  return differences.map(({ kind, text }) => `${kind}: ${text}`)
}

function withChanges(evidence: Evidence, change: (records: ChangeRecord[]) => ChangeRecord[]): Evidence {
  return { ...evidence, changes: change([...evidence.changes]) }
}

function recordAt(evidence: Evidence, index: number): { offset: bigint; change: StatusChangeRecord } {
  const record = evidence.changes[index]
  if (record === undefined || record.change === null) {
    throw new TypeError(`there is no record ${index}`)
  }
  return { offset: record.offset, change: record.change }
}

describe('correct evidence', () => {
  test.each([
    ['in order', [received, processing, completed]],
    ['late', [completed, received, processing]],
    ['with repeats', [received, completed, received, completed]],
    ['overdue in between', [received, 'overdue', processing, 'overdue', completed]],
    ['two finals', [told('REJECTED', 4), completed, told('CANCELED', 5)]],
    ['only an UNKNOWN event', [told('UNKNOWN', 1, { unknownBecause: 'STATUS' })]],
  ] as const)('%s: no difference', (_, arrivals) => {
    const evidence = evidenceOf(arrivals)
    const events = new Set<Arrival>(arrivals.filter((one) => one !== 'overdue')).size
    expect(judgePayment(evidence, AT_REST)).toEqual({ differences: [], lost: [], events, partial: false })
  })

  test('more events than a payment keeps, with dead letters for the rest', () => {
    const many = Array.from({ length: HISTORY_EVENTS_MAX + 20 }, (_, index) => told('PROCESSING', index + 10, LIGHT))
    const pushedOut = many[HISTORY_EVENTS_MAX + 5] as Arrival
    const evidence = evidenceOf([...many, told('PROCESSING', HISTORY_EVENTS_MAX + 15.5, LIGHT), pushedOut])
    expect(evidence.state.events).toHaveLength(HISTORY_EVENTS_MAX)
    expect(evidence.deadLetters.size).toBe(2)
    expect(found(evidence)).toEqual([])
  })

  const bulk = { sourceSubStatus: 'x'.repeat(6_000) }
  const large = Array.from({ length: 60 }, (_, index) => told(index % 3 === 0 ? 'ON_HOLD' : 'PROCESSING', index, bulk))

  test('more bytes than a payment keeps: some events are left out, others have lost their details', () => {
    const evidence = evidenceOf([...large, told('RECEIVED', 100, bulk), told('PROCESSING', 30.5, bulk)])
    expect(evidence.state.eventsLeftOut).toBeGreaterThan(30)
    expect(evidence.state.events.some(({ detailsDropped }) => detailsDropped)).toBe(true)
    expect(evidence.deadLetters.size).toBe(1)
    expect(found(evidence)).toEqual([])
    expect(
      found(
        withChanges(evidence, (records) => records.slice(-1)),
        { changesFromStart: false },
      ),
    ).toEqual([])
  })

  test('a payment of an older release, which bounded only the number of events, and that had no event since', () => {
    const evidence = evidenceOf(large)
    const kept = new Map(evidence.state.events.map((one) => [one.statusVersion, one]))
    const events = large.map((event, index) => ({
      ...(kept.get(index + 1) ?? (evidence.state.events[0] as RecordedEvent)),
      event,
      detailsDropped: false,
      statusVersion: index + 1,
    }))
    const state = { ...evidence.state, ...foldPayment(large), events, eventsLeftOut: 0 }
    expect(found({ ...evidence, current: { kind: 'state', state } })).toEqual([])
    const wrong = { ...state, status: 'RECEIVED' as const }
    expect(found({ ...evidence, current: { kind: 'state', state: wrong } })).toEqual([
      `wrongStatus: current has RECEIVED, its events fold to ${state.status}`,
    ])
  })
})

describe('a withdrawn event', () => {
  const readBefore = told('COMPLETED', 3, { mappingVersion: 1 })
  const withdrawn = { ...readBefore, mappingVersion: 2, withdrawn: true }
  const evidence = evidenceOf([received, readBefore, withdrawn])

  test('needs no callback that reports it', () => {
    expect(evidence.state.status).toBe('RECEIVED')
    expect(judgePayment({ ...evidence, raw: evidence.raw.slice(0, 1) }, AT_REST)).toMatchObject({
      differences: [],
      partial: false,
    })
  })

  test('is judged by this release only if it was not withdrawn by a newer one', () => {
    const rawAs = (mappingVersion: number) =>
      evidence.raw.map((one) => ({ ...one, event: { ...one.event, mappingVersion, withdrawn: false } }))
    expect(found({ ...evidence, raw: rawAs(1) })).toEqual([])
    expect(found({ ...evidence, raw: rawAs(2) })).toEqual([
      `wrongStatus: event ${readBefore.eventId} was recorded with withdrawn true instead of false from its callback`,
    ])
  })

  test('must not be deleted with its payment', () => {
    expect(found({ ...evidence, raw: evidence.raw.slice(0, 1), current: { kind: 'tombstone' } })).toContain(
      'lost: the payment was removed from current, although changes has v3 RECEIVED and its retention has not ended',
    )
  })
})

describe('lost', () => {
  test('an event of a callback without a record; names the status that it would have given', () => {
    const evidence = evidenceOf([received, processing])
    const raw = [...evidence.raw, { event: completed, position: 'raw[2]@17', dueAt: NOW - 1 }]
    expect(found({ ...evidence, raw })).toEqual([
      'lost: event COMPLETED@3 (COMPLETED) of the callback at raw[2]@17 has no record in changes',
      'wrongStatus: current has PROCESSING, its events fold to COMPLETED, including the lost ones',
    ])
    expect(judgePayment({ ...evidence, raw }, AT_REST).lost).toEqual([completed])
  })

  test('a payment without any records', () => {
    const raw = [{ event: received, position: 'raw[2]@17', dueAt: NOW - 1 }]
    expect(found({ ...evidenceOf([]), current: { kind: 'none' }, raw })).toEqual([
      'lost: event RECEIVED@1 (RECEIVED) of the callback at raw[2]@17 has no record in changes',
    ])
  })

  test('not pending events, dead letters, or events that do not fit our schema', () => {
    const evidence = evidenceOf([received])
    const raw = (dueAt: number | null) => [...evidence.raw, { event: completed, position: '', dueAt }]
    expect(found({ ...evidence, raw: raw(null) })).toEqual([])
    expect(found({ ...evidence, raw: raw(NOW), deadLetters: new Map([[completed.eventId, 'too-large']]) })).toEqual([])
    expect(found({ ...evidence, raw: raw(NOW) }, { canBeWritten: () => false })).toEqual([])
  })

  test('a history-full dead letter that would decide the status', () => {
    const evidence = evidenceOf([received])
    const raw = [...evidence.raw, { event: completed, position: '', dueAt: NOW }]
    const deadLetters = new Map([[completed.eventId, 'history-full']])
    expect(found({ ...evidence, raw, deadLetters })[0]).toBe(
      'lost: event COMPLETED@3 (COMPLETED) is missing from the history in current',
    )
  })

  test('a payment that left current too early', () => {
    const evidence = evidenceOf([received])
    expect(found({ ...evidence, current: { kind: 'tombstone' } })).toEqual([
      'lost: the payment was removed from current, although changes has v1 RECEIVED and its retention has not ended',
    ])
    expect(found({ ...evidence, current: { kind: 'none' } })).toEqual([
      'lost: the payment is not in current, although changes has v1 RECEIVED and its retention has not ended',
    ])
  })

  test('an event that a full history dropped for a reading that has been replaced since', () => {
    const many = Array.from({ length: HISTORY_EVENTS_MAX }, (_, index) => told('PROCESSING', 10 * (index + 1), LIGHT))
    const strong = told('COMPLETED', 1, { ...LIGHT, eventId: 'reread' })
    const weak = { ...strong, mappingVersion: 2, status: 'PROCESSING' as const, occurredAt: 2_555 }
    expect(found(evidenceOf([...many, strong]))).toEqual([])
    expect(found(evidenceOf([...many, strong, weak]))).toEqual([
      'lost: event PROCESSING@2550 (PROCESSING) is missing from the history in current',
    ])
  })

  test('an event in current but not in changes', () => {
    const evidence = withChanges(evidenceOf([received, processing, completed]), ([first, , third]) =>
      [first, third].filter((one) => one !== undefined),
    )
    expect(found(evidence)).toEqual([
      'wrongVersion: changes has v3 at offset 12, expected v2',
      'lost: event PROCESSING@2 is in current but has no record in changes',
    ])
  })

  test('an event in changes but not in the history in current', () => {
    const evidence = evidenceOf([received, processing, completed])
    const events = evidence.state.events.filter(({ event }) => event.status !== 'RECEIVED')
    expect(found({ ...evidence, current: { kind: 'state', state: { ...evidence.state, events } } })).toEqual([
      'lost: event RECEIVED@1 (RECEIVED) is missing from the history in current',
    ])
  })
})

describe('duplicated', () => {
  test('a repeated record', () => {
    const evidence = evidenceOf([received, processing])
    const copy = { ...recordAt(evidence, 0), offset: 99n }
    expect(found(withChanges(evidence, (records) => [...records, copy]))).toEqual([
      'duplicated: event RECEIVED@1 is repeated in changes, as v1 at offset 99',
    ])
  })

  test('the same event in a further version', () => {
    const evidence = evidenceOf([received, processing])
    const { change } = recordAt(evidence, 1)
    const again = { offset: 99n, change: { ...change, statusVersion: 3, statusBefore: change.statusAfter } }
    const state = { ...evidence.state, statusVersion: 3 }
    expect(
      found({ ...withChanges(evidence, (records) => [...records, again]), current: { kind: 'state', state } }),
    ).toEqual(['duplicated: event PROCESSING@2 is repeated in changes, as v3 at offset 99'])
  })
})

describe('wrong status', () => {
  test('in current', () => {
    const evidence = evidenceOf([received, completed])
    expect(
      found({ ...evidence, current: { kind: 'state', state: { ...evidence.state, status: 'CANCELED' } } }),
    ).toEqual(['wrongStatus: current has CANCELED, its events fold to COMPLETED'])
  })

  test('other details or attention in current', () => {
    const evidence = evidenceOf([received, completed])
    const details = { ...evidence.state.details, amount: { value: '1.00', currency: 'USD' } }
    const state = { ...evidence.state, details, attention: ['released' as const] }
    expect(found({ ...evidence, current: { kind: 'state', state } })).toEqual([
      'wrongStatus: current differs from the fold of its events in attention, details',
    ])
  })

  test('in changes, and a step that does not start where the previous one ended', () => {
    const evidence = withChanges(evidenceOf([received, processing]), ([first, second]) => [
      { offset: 10n, change: { ...(first?.change as StatusChangeRecord), statusAfter: 'ON_HOLD' } },
      second as ChangeRecord,
    ])
    expect(found(evidence)).toEqual([
      'wrongStatus: changes v1 has ON_HOLD, its events fold to RECEIVED',
      'wrongStatus: changes v2 starts from RECEIVED, but v1 ended at ON_HOLD',
    ])
  })

  test('an event that differs from its callback', () => {
    const evidence = evidenceOf([received, completed])
    const raw = evidence.raw.map((one) => ({ ...one, event: { ...one.event, status: 'REJECTED' as const } })).slice(1)
    expect(found({ ...evidence, raw: [...evidence.raw.slice(0, 1), ...raw] })).toEqual([
      'wrongStatus: event COMPLETED@3 was recorded with status COMPLETED instead of REJECTED from its callback',
    ])
  })

  test('an event whose time precision differs from its callback', () => {
    const evidence = evidenceOf([received, completed])
    const raw = evidence.raw.map((one) => ({
      ...one,
      event: { ...one.event, zoneAssumed: true, occurredAtPrecision: 'DAY' as const },
    }))
    expect(found({ ...evidence, raw: [...evidence.raw.slice(0, 1), ...raw.slice(1)] })).toEqual([
      'wrongStatus: event COMPLETED@3 was recorded with occurredAtPrecision SECOND instead of DAY, zoneAssumed false instead of true from its callback',
    ])
  })

  test('an event that differs between current and changes', () => {
    const evidence = evidenceOf([received, completed])
    const events = evidence.state.events.map((one) => ({ ...one, event: { ...one.event, status: 'SETTLED' as const } }))
    const state = {
      ...evidence.state,
      status: 'SETTLED' as const,
      events: [evidence.state.events[0] as never, events[1] as never],
    }
    expect(found({ ...evidence, current: { kind: 'state', state } })).toContain(
      'wrongStatus: event COMPLETED@3 differs between current and changes in status',
    )
  })
})

describe('wrong version', () => {
  test('a repeated version with a new event', () => {
    const evidence = evidenceOf([received, 'overdue', processing])
    const copy = { ...recordAt(evidence, 1), offset: 99n }
    expect(found(withChanges(evidence, (records) => [...records, copy]))).toEqual([
      'wrongVersion: changes repeats v2 at offset 99, expected v4',
    ])
  })

  test('current behind changes, and ahead of it', () => {
    const before = evidenceOf([received])
    const after = evidenceOf([received, processing])
    const behind = { ...after, current: before.current }
    expect(found(behind)).toContain('wrongVersion: current has v1 RECEIVED, changes has v2 PROCESSING')
    const ahead = { ...after, changes: before.changes }
    expect(found(ahead)).toContain('wrongVersion: current has v2 PROCESSING, changes ends at v1 RECEIVED')
  })

  test('not if the change was published after current was read', () => {
    const before = evidenceOf([received])
    const after = evidenceOf([received, processing])
    const live = { ...after, current: before.current, raw: before.raw }
    expect(found(live, { changesSettledTo: 11n, startedAt: NOW - 2 * DAY_MS })).toEqual([])
  })

  test('a payment that starts at v2', () => {
    const evidence = withChanges(evidenceOf([received, processing]), (records) => records.slice(1))
    expect(found(evidence)).toContain('wrongVersion: changes starts at v2, v1 is missing')
  })
})

describe('unexplained', () => {
  test('an event that no callback reports', () => {
    const evidence = evidenceOf([received, completed])
    expect(found({ ...evidence, raw: evidence.raw.slice(0, 1) })).toEqual([
      'unexplained: event COMPLETED@3 (COMPLETED) was recorded, but no callback in raw reports it',
    ])
  })

  test('not if it was received after verify started', () => {
    const evidence = evidenceOf([received, told('COMPLETED', 3, { receivedAt: NOW + 1 })])
    expect(found({ ...evidence, raw: evidence.raw.slice(0, 1) })).toEqual([])
  })

  test('a record that cannot be read or is about another payment', () => {
    const evidence = evidenceOf([received])
    const { change } = recordAt(evidence, 0)
    const foreign = { offset: 98n, change: { ...change, paymentKey: 'jpm:other' } }
    const corrupted = withChanges(evidence, (records) => [...records, foreign, { offset: 99n, change: null }])
    expect(found(corrupted)).toEqual([
      'unexplained: the record of changes at offset 98 is about jpm:other',
      'unexplained: the record of changes at offset 99 cannot be read',
    ])
    expect(found({ ...evidence, current: { kind: 'unreadable' } })).toEqual([
      'wrongStatus: the record in current cannot be read',
    ])
  })
})

describe('payments older than raw reaches', () => {
  const old = told('RECEIVED', 1, { receivedAt: NOW - 50 * DAY_MS })
  const evidence = evidenceOf([old, processing, completed])
  const cut = { rawReachesBackTo: NOW - 30 * DAY_MS }

  test('are judged from the older part in current, and counted as partial', () => {
    const judgement = judgePayment({ ...evidence, raw: evidence.raw.slice(1) }, { ...AT_REST, ...cut })
    expect(judgement).toEqual({ differences: [], lost: [], events: 3, partial: true })
  })

  test('also if the beginning of changes was deleted', () => {
    const withoutFirst = withChanges({ ...evidence, raw: evidence.raw.slice(1) }, (records) => records.slice(1))
    const circumstances = { ...AT_REST, ...cut, changesFromStart: false }
    expect(judgePayment(withoutFirst, circumstances)).toEqual({ differences: [], lost: [], events: 3, partial: true })
    const withoutAll = withChanges({ ...evidence, raw: [] }, () => [])
    expect(judgePayment(withoutAll, { ...circumstances, rawReachesBackTo: NOW })).toEqual({
      differences: [],
      lost: [],
      events: 3,
      partial: true,
    })
  })

  test('steps are not judged if current has only a part of the beginning', () => {
    const many = Array.from({ length: HISTORY_EVENTS_MAX + 5 }, (_, index) => told('PROCESSING', index + 10, LIGHT))
    const full = evidenceOf([told('ON_HOLD', 5), ...many, told('ON_HOLD', 1_000), received, told('ON_HOLD', 3_000)])
    expect(full.state.events.some(({ event }) => event.occurredAt === 1_000)).toBe(false)
    const withoutBeginning = withChanges(full, (records) => records.slice(-2))
    expect(found(withoutBeginning, { changesFromStart: false })).toEqual([])
  })

  test('a wrong status is still found', () => {
    const state = { ...evidence.state, status: 'PROCESSING' as const }
    const corrupted = { ...evidence, raw: evidence.raw.slice(1), current: { kind: 'state' as const, state } }
    expect(found(corrupted, cut)).toEqual(['wrongStatus: current has PROCESSING, its events fold to COMPLETED'])
  })

  test('an event of a removed source needs no callback in raw', () => {
    const judgement = judgePayment({ ...evidence, raw: [] }, { ...AT_REST, sourceIds: new Set(['another']) })
    expect(judgement).toEqual({ differences: [], lost: [], events: 3, partial: true })
  })
})

describe('a forgotten payment', () => {
  const first = told('COMPLETED', 3, { receivedAt: NOW - 500 * DAY_MS })
  const again = { ...first, receivedAt: NOW - DAY_MS }

  test('is correctly absent from current', () => {
    expect(found(evidenceOf([first, 'forgotten']))).toEqual([])
    expect(found({ ...evidenceOf([first, 'forgotten']), current: { kind: 'none' } })).toEqual([])
  })

  test('starts again at version 1, even with an event that it had before', () => {
    expect(found(evidenceOf([first, 'forgotten', again, told('RETURNED', 9)]))).toEqual([])
  })

  test('does not need events of the earlier life in the later one, even if raw still has them', () => {
    const evidence = evidenceOf([first, 'forgotten', told('RETURNED', 9)])
    expect(evidence.raw).toHaveLength(2)
    expect(found(evidence)).toEqual([])
  })

  test('needs events that are repeated in its later life', () => {
    const evidence = evidenceOf([first, 'forgotten', told('RETURNED', 9, { receivedAt: NOW - 2 * DAY_MS })])
    const raw = evidence.raw.map((one) => (one.event.eventId === first.eventId ? { ...one, dueAt: NOW - 1 } : one))
    expect(found({ ...evidence, raw })[0]).toBe(
      'lost: event COMPLETED@3 (COMPLETED) was repeated at raw[0]@1 in a later life, but has no record in it',
    )
  })

  test('does not return to its earlier life', () => {
    const evidence = evidenceOf([first, 'overdue', 'forgotten', again])
    const overdue = { ...recordAt(evidence, 1), offset: 99n }
    expect(found(withChanges(evidence, (records) => [...records, overdue]))).toEqual([
      'wrongVersion: changes returns to an earlier life with v2 at offset 99',
    ])
  })

  test('may have left its earlier events only in raw', () => {
    const evidence = { ...evidenceOf([first, 'forgotten']), changes: [] }
    expect(found(evidence, { changesFromStart: false })).toEqual([])
  })
})

test('the time for a payment is proportional to its events, not to their square', () => {
  const cpuMsOf = (count: number) => {
    const evidence = evidenceOf(Array.from({ length: count }, (_, index) => told('PROCESSING', 1_000_000 - index)))
    const before = process.cpuUsage()
    expect(found(evidence)).toEqual([])
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  }
  // The first run includes compilation.
  cpuMsOf(500)
  const [some, many] = [cpuMsOf(500), cpuMsOf(2_500)]
  // Five times as many events; quadratic time would be 25 times as long.
  expect(many / some).toBeLessThan(14)
}, 60_000)
