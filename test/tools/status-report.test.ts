import { expect, test } from 'vitest'
import { type InstallationStatus, problemsOf, statusDocument, statusLines } from '../../src/tools/status-report.ts'

const LATE_MS = 60_000
const LAG = { topic: 'payments.events', partition: 0, committed: 5n, end: 5n, records: 0n, ageMs: 0 }
const WELL: InstallationStatus = {
  at: 1_000_000,
  lags: [
    { ...LAG, stage: 'normalizer' },
    { ...LAG, stage: 'processor', records: 3n, ageMs: LATE_MS - 1 },
  ],
  members: { normalizer: 1, processor: 2 },
  callbacksPerMinute: 12.4,
  changesPerMinute: 0.4,
  sources: [
    { id: 'bank', lastCallbackAt: 940_000 },
    { id: 'clinic', lastCallbackAt: null },
  ],
  deadLetters: [],
  ungroupedLetters: 0,
  overdue: 0,
  processes: [{ url: 'http://gateway:9090', ready: true, reasons: [] }],
}
const problems = (changes: Partial<InstallationStatus>) =>
  problemsOf({ ...WELL, ...changes }, LATE_MS).map(({ problem }) => problem)

test('nothing to look at', () => {
  expect(problems({})).toEqual([])
  expect(statusLines(WELL, LATE_MS)[0]).toEqual({ tone: 'good', text: 'all is well' })
  const text = statusLines(WELL, LATE_MS).map((line) => line.text)
  expect(text).toContain('processor      2 running, 3 records waiting, the oldest 59s old')
  expect(text.join('\n')).toMatch(/bank: 1m ago\n.*clinic: none among the last callbacks/)
  expect(text.join('\n')).toContain('12 per minute (last 5 minutes)')
})

test('a stage without a process is a problem, before anything else', () => {
  const found = problems({ members: { normalizer: 0, processor: 1 }, overdue: 1 })
  expect(found).toEqual([expect.stringContaining('no normalizer is running'), '1 payment is overdue'])
})

test.each<[string, Partial<InstallationStatus>, string]>([
  [
    'a late stage',
    { lags: [{ ...LAG, stage: 'processor', records: 9n, ageMs: LATE_MS }] },
    'the processor is late: 9 records waiting, the oldest 1m old',
  ],
  [
    'a stage whose records are not visible yet',
    { lags: [{ ...LAG, stage: 'processor', records: 4_990n, ageMs: null }] },
    'the processor is late: 4990 records waiting, not visible yet',
  ],
  [
    'dead letters',
    {
      deadLetters: [
        { topic: 'events', reason: 'too-large', count: 2 },
        { topic: 'rawDeadLetters', reason: 'too-large', count: 1 },
      ] as never,
    },
    '3 dead letters need a decision',
  ],
  [
    'dead letters of more groups than are listed',
    { deadLetters: [{ topic: 'events', reason: 'too-large', count: 1_000 }] as never, ungroupedLetters: 20 },
    '1020 dead letters need a decision',
  ],
  ['overdue payments', { overdue: 4 }, '4 payments are overdue'],
  [
    'a process that is not ready',
    { processes: [{ url: 'http://a:1', ready: false, reasons: ['redis: away'] }] },
    'http://a:1 is not ready: redis: away',
  ],
  [
    'a process that does not answer',
    { processes: [{ url: 'http://a:1', ready: null, reasons: ['does not answer (ECONNREFUSED)'] }] },
    'http://a:1 is not ready: does not answer (ECONNREFUSED)',
  ],
])('%s is a problem', (_name, changes, problem) => {
  expect(problems(changes)).toEqual([problem])
  const status = { ...WELL, ...changes }
  expect(statusLines(status, LATE_MS)[0]).toMatchObject({ tone: 'bad', text: expect.stringContaining(problem) })
  expect(JSON.parse(JSON.stringify(statusDocument(status, LATE_MS))).problems).toHaveLength(1)
})
