import { expect, test } from 'vitest'
import { providerById } from '../../src/providers/registry.ts'
import type { InRecord } from '../../src/stream/record.ts'
import { driftLines, scanForDrift } from '../../src/tools/drift.ts'

const V1 = providerById('jpm-global-payments-v1')
const SOURCES = new Map(
  V1 === undefined ? [] : [['jpm', { facts: { id: 'jpm', namespace: 'n', currency: null }, provider: V1 }]],
)

function record(source: string, time: string, element: object): InRecord {
  return {
    offset: 0n,
    timestamp: 0,
    key: null,
    value: Buffer.from(JSON.stringify({ callbacks: [{ firmRootId: 'SECRET', ...element }] })),
    headers: { ce_source: Buffer.from(source), ce_time: Buffer.from(time) },
  }
}

test('lists names with counts and times from all partitions, and no values', async () => {
  const partitions = [
    [
      record('jpm', '2026-01-02T00:00:00.000Z', { paymentStatus: 'NEW', newField: 'SECRET' }),
      record('gone', '2026-01-02T00:00:00.000Z', { newField: 'SECRET' }),
    ],
    [
      record('jpm', '2026-01-01T00:00:00.000Z', { paymentStatus: 'PENDING', newField: 'SECRET' }),
      record('jpm', '2026-01-03T00:00:00.000Z', { paymentStatus: 'PENDING' }),
    ],
  ]
  const reader = {
    read: async (_topic: string, partition: number, _from: bigint, onRecords: (records: InRecord[]) => unknown) => {
      await onRecords(partitions[partition] ?? [])
      return { start: 0n, end: 2n, highWatermark: 2n }
    },
  }
  const report = await scanForDrift(reader, { open: async (records) => records }, 'raw', 2, SOURCES)
  const provider = 'jpm-global-payments-v1'
  const [first, second] = [Date.UTC(2026, 0, 1), Date.UTC(2026, 0, 2)]
  expect(report).toEqual({
    rows: [
      { provider, kind: 'field', name: 'newField', count: 2, firstAt: first, lastAt: second },
      { provider, kind: 'status', name: 'NEW', count: 1, firstAt: second, lastAt: second },
    ],
    callbacks: 4,
    unknownSource: 1,
    unreadable: 0,
    truncated: false,
  })
  const lines = driftLines(report)
  expect(lines).toHaveLength(4)
  expect(lines.join('\n')).not.toContain('SECRET')
})
