import { expect, test } from 'vitest'
import { type AuditRecord, fromAuditValue, toAuditValue } from '../../../src/tools/audit/audit-record.ts'

const RECORD: AuditRecord = {
  act: 'forget',
  id: '0190a000-0000-7000-8000-000000000000',
  by: 'ops',
  at: Date.parse('2026-03-01T08:00:00.123Z'),
  endedAt: Date.parse('2026-03-01T08:00:09Z'),
  reason: 'a request',
  scope: { payment: 'jpm:1' },
  outcome: 'done',
  counts: { forgotten: 2 },
}

test.each<Partial<AuditRecord>>([{}, { endedAt: null, outcome: 'started', counts: {} }, { reason: null, scope: {} }])(
  'a record is read as it was written, with times that people can read: %o',
  (fields) => {
    const record = { ...RECORD, ...fields }
    const value = toAuditValue(record)
    expect(fromAuditValue(value)).toEqual(record)
    expect(value.toString()).toContain('"at":"2026-03-01T08:00:00.123Z"')
  },
)

test.each([
  ['a tombstone', null],
  ['no JSON', 'forget'],
  ['no object', '7'],
  ['null', 'null'],
  ['an unknown act', { act: 'verify' }],
  ['an unknown outcome', { outcome: 'maybe' }],
  ['no id', { id: 7 }],
  ['no user', { by: null }],
  ['no start', { at: null }],
  ['a time that is none', { endedAt: 'soon' }],
  ['a reason that is no text', { reason: {} }],
  ['a scope that is not flat', { scope: { since: { at: 1 } } }],
  ['counts that are no numbers', { counts: { published: '1' } }],
])('a value that is not an audit record is not read: %s', (_, found) => {
  const written = JSON.parse(toAuditValue(RECORD).toString()) as object
  const value = typeof found === 'object' && found !== null ? JSON.stringify({ ...written, ...found }) : found
  expect(fromAuditValue(value === null ? null : Buffer.from(value))).toBeNull()
})
