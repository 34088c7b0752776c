import { expect, test } from 'vitest'
import type { AuditRecord } from '../../../src/tools/audit/audit-record.ts'
import { type ActCounts, recordAct } from '../../../src/tools/audit/record-act.ts'

const INTENT = { act: 'reprocess', by: 'ops', reason: 'a corrected mapping', scope: { source: 'bank' } } as const
const BEGUN = { ...INTENT, id: 'act-1', at: 1_000 }
const STARTED = { ...BEGUN, endedAt: null, outcome: 'started', counts: {} }

/** Runs an act. `refused`: the number of the append that fails. */
async function run(
  work: (counts: ActCounts) => Promise<string>,
  { refused, signal }: { refused?: number; signal?: AbortSignal } = {},
) {
  const records: AuditRecord[] = []
  let clock = 0
  let appends = 0
  const ports = {
    log: {
      append: async (record: AuditRecord) => {
        appends += 1
        if (appends === refused) {
          throw new Error('Kafka is away')
        }
        records.push(record)
      },
    },
    newId: () => 'act-1',
    now: () => {
      clock += 1_000
      return clock
    },
  }
  const end = await recordAct(ports, INTENT, signal, work).then(
    (result) => ({ result }),
    (error: Error & { code?: string }) => ({ error: error.message, code: error.code }),
  )
  return { end, records }
}

const half = async (counts: ActCounts): Promise<string> => {
  counts['published'] = 3
  throw new Error('half done')
}

test('an act is recorded before it begins and after it ended, under one id', async () => {
  const { end, records } = await run(async (counts) => {
    counts['published'] = 7
    return 'result'
  })
  expect(end).toEqual({ result: 'result' })
  expect(records).toEqual([STARTED, { ...BEGUN, endedAt: 2_000, outcome: 'done', counts: { published: 7 } }])
})

test('nothing is done if the beginning cannot be recorded', async () => {
  let ran = false
  const { end, records } = await run(
    async () => {
      ran = true
      return ''
    },
    { refused: 1 },
  )
  expect([end, ran, records]).toEqual([{ error: 'Kafka is away' }, false, []])
})

test('an act that fails or is interrupted is recorded as such, with what was done so far', async () => {
  const failed = await run(half)
  expect(failed.end).toEqual({ error: 'half done' })
  expect(failed.records.at(-1)).toMatchObject({ outcome: 'failed', endedAt: 2_000, counts: { published: 3 } })
  const interrupted = await run(half, { signal: AbortSignal.abort() })
  expect(interrupted.records.at(-1)).toMatchObject({ outcome: 'interrupted', counts: { published: 3 } })
})

test('an act that ended before it noticed the signal is done', async () => {
  const { records } = await run(async () => '', { signal: AbortSignal.abort() })
  expect(records.at(-1)).toMatchObject({ outcome: 'done' })
})

test('if the end cannot be recorded, the error of the act comes first; without one the error says that the act is done', async () => {
  expect((await run(half, { refused: 2 })).end).toEqual({ error: 'half done' })
  const { end, records } = await run(async () => '', { refused: 2 })
  expect(end).toMatchObject({ code: 'ACT_NOT_RECORDED', error: expect.stringContaining('reprocess is done') })
  expect(records).toEqual([STARTED])
})
