import { expect, test } from 'vitest'
import { answerCountsIn } from '../../../src/tools/scorecard/answer-counts.ts'
import { scorecardDocument, scorecardLines } from '../../../src/tools/scorecard/scorecard-report.ts'

const SCORE = {
  source: 'bank',
  provider: 'p',
  callbacks: 40,
  retries: 4,
  deadLetters: 1,
  events: 50,
  duplicates: 5,
  late: 0,
  outOfOrder: 2,
  conflicts: 0,
  unknownStatuses: 0,
  unreadableDetails: 0,
  unreadableTimes: 0,
  latenessMs: { p50: 1_500, p99: null },
}
const METRICS = `# TYPE paystatus_gateway_requests_total counter
paystatus_gateway_requests_total{source="bank",code="200"} 30
paystatus_gateway_requests_total{source="bank",code="401"} 0
paystatus_gateway_requests_total{source="none",code="404"} 9
`

test('answers of several gateways add up; codes that never occurred are left out', () => {
  const counts = answerCountsIn([METRICS, METRICS.replace('} 30', '} 12').replace('"401"} 0', '"401"} 2')])
  expect(Object.fromEntries(counts)).toEqual({ bank: { 200: 42, 401: 2 }, none: { 404: 18 } })
})

test('the document has the answers of a source, or null if no gateway was asked', () => {
  const card = { since: 0, until: 1_000, scores: [SCORE], answers: answerCountsIn([METRICS]) }
  expect(scorecardDocument(card)).toMatchObject({
    since: '1970-01-01T00:00:00.000Z',
    sources: [{ source: 'bank', answers: { 200: 30 } }],
  })
  expect(scorecardDocument({ ...card, answers: null }).sources[0]?.answers).toBeNull()
})

test('lines for people', () => {
  const card = { since: 0, until: 1_000, scores: [SCORE, { ...SCORE, source: 'vault', retries: null }], answers: null }
  const text = scorecardLines(card).join('\n')
  expect(text).toMatch(/byte for byte repeated\s+4 \(10\.0 %\)\s+unknown \(encrypted\)/)
  expect(text).toMatch(/out of order\s+2 \(4\.0 %\)/)
  expect(text).toMatch(/lateness, median\s+1s/)
  expect(text).toContain('name the gateways with --process')
  expect(scorecardLines({ ...card, scores: [] })).toEqual([expect.stringContaining('no callbacks from 1970')])
})
