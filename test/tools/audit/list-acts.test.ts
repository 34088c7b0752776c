import { expect, test } from 'vitest'
import { auditLines } from '../../../src/tools/audit/audit.ts'
import { type AuditRecord, toAuditValue } from '../../../src/tools/audit/audit-record.ts'
import { AUDIT_PARTITION, listActs } from '../../../src/tools/audit/list-acts.ts'
import { MemoryKafka } from '../../lab/harness/memory-kafka.ts'

const TOPIC = 'audit'

function record(id: string, fields: Partial<AuditRecord> = {}): AuditRecord {
  return {
    act: 'forget',
    id,
    by: 'ops',
    at: Date.parse('2026-03-01T08:00:00Z'),
    endedAt: null,
    reason: null,
    scope: { payment: 'jpm:1' },
    outcome: 'started',
    counts: {},
    ...fields,
  }
}

function topicWith(...values: readonly (AuditRecord | string)[]) {
  const kafka = new MemoryKafka()
  for (const value of values) {
    const bytes = typeof value === 'string' ? Buffer.from(value) : toAuditValue(value)
    kafka.produce(TOPIC, AUDIT_PARTITION, { key: 'id', value: bytes })
  }
  // A record's offset serves as its time.
  return Object.assign(kafka.reader, { offsetAt: async (_: string, __: number, since: number) => BigInt(since) })
}

test('each act is listed once with its last record, in the order in which the acts began', async () => {
  const one = record('1')
  const two = record('2', { act: 'reprocess', scope: { all: 'yes' }, reason: 'a corrected mapping' })
  const done = { ...one, endedAt: one.at + 9, outcome: 'done', counts: { forgotten: 1 } } as const
  const report = await listActs(topicWith(one, two, 'not ours', done), TOPIC)
  expect(report).toEqual({ acts: [done, two], leftOut: 0, unreadable: 1 })
  const lines = auditLines(report)
  expect(lines[2]).toMatch(/^2026-03-01T08:00:00\.000Z +forget +ops +done +payment: jpm:1 +forgotten: 1 +1$/)
  expect(lines[3]).toMatch(/ reprocess +ops +started +all: yes +a corrected mapping +2$/)
  expect(lines.at(-1)).toBe('1 records in the topic are not audit records')
})

test('of one kind, and since a time', async () => {
  const reader = topicWith(record('1'), record('2', { act: 'close' }), record('3', { act: 'close' }))
  const ids = async (options: Parameters<typeof listActs>[2]) =>
    (await listActs(reader, TOPIC, options)).acts.map(({ id }) => id)
  expect(await ids({ act: 'close' })).toEqual(['2', '3'])
  expect(await ids({ since: 1, act: 'close' })).toEqual(['2', '3'])
  expect(await ids({ since: 2 })).toEqual(['3'])
})

test('I10: only the latest acts are kept; the report says how many were left out', async () => {
  const reader = topicWith(record('1'), record('2'), record('3'), record('4'))
  const report = await listActs(reader, TOPIC, {}, 2)
  expect(report.acts.map(({ id }) => id)).toEqual(['3', '4'])
  expect(auditLines(report)).toContain('2 earlier acts are not listed: use --since or --act')
})

test('an empty trail says so', async () => {
  expect(auditLines(await listActs(topicWith(), TOPIC))).toEqual(['no acts'])
})
