import { expect, test } from 'vitest'
import { playPhases } from '../../../src/tools/conformance/play-phases.ts'
import type { Subscriber } from '../../../src/tools/conformance/subscriber-process.ts'
import type { TableRow } from '../../../src/tools/conformance/table-row.ts'
import type { Expectation, Story } from '../../../src/tools/conformance/tell-story.ts'

const BEFORE = row(1)
const AFTER = row(2)

test('a step that is acted on a moment after the row is right is waited for', async () => {
  const { snapshots } = await play([[BEFORE], [AFTER], [{ ...AFTER, steps: [[7, 2]] }]])
  expect(snapshots.live?.get('a')?.steps).toEqual([[7, 2]])
})

test('steps are not waited for if the table shows none at all', async () => {
  const { steps: _, ...silentBefore } = BEFORE
  const { steps: __, ...silent } = AFTER
  const { snapshots, reads } = await play([[silentBefore], [silent], [silent], [{ ...silent, steps: [[7, 2]] }]])
  expect(snapshots.live?.get('a')?.steps).toBeUndefined()
  expect(reads['live']).toBe(1)
})

/** One payment, which has version 1 at the start and gets version 2 while the subscriber runs. Each read gives the next table. */
async function play(tables: readonly (readonly TableRow[])[]) {
  const at = (table: TableRow): Expectation => ({
    scenario: 'repeats',
    paymentKey: 'a',
    presence: 'row',
    row: table,
    steps: { live: [[7, 2]] },
  })
  const start = new Map([['a', at(BEFORE)]])
  const after = new Map([['a', at(AFTER)]])
  const story: Story = {
    writes: [],
    expectedAfter: { start, live: after, newer: after, away: after, closing: after },
    lastWritten: new Set(['a']),
  }
  const subscriber: Subscriber = { start: async () => {}, kill: null, ended: () => null, stop: async () => {} }
  const reads: Record<string, number> = {}
  let phaseNow = ''
  let read = 0
  const { snapshots } = await playPhases({
    story,
    write: async () => {},
    subscriber,
    readTable: async () => {
      reads[phaseNow] = (reads[phaseNow] ?? 0) + 1
      const table = tables[Math.min(read, tables.length - 1)] ?? []
      read += 1
      return table.map((one) => `${JSON.stringify(one)}\n`).join('')
    },
    timeoutMs: 6_000,
    onPhase: (phase) => {
      phaseNow = phase
    },
    signal: new AbortController().signal,
  })
  return { snapshots, reads }
}

function row(statusVersion: number): TableRow {
  return { paymentKey: 'a', incarnation: 7, statusVersion, status: 'COMPLETED', steps: [] }
}
