import { expect, test } from 'vitest'
import { toDeadLetter } from '../../../src/stream/dead-letter.ts'
import type { ShownLetter } from '../../../src/tools/dlq/dlq.ts'
import {
  listDocument,
  listLines,
  redriveLines,
  redrivenLines,
  shownDocument,
  shownLines,
} from '../../../src/tools/dlq/dlq-lines.ts'
import type { RedrivenLetter } from '../../../src/tools/dlq/redrive-letters.ts'
import { toStoredLetter } from '../../../src/tools/dlq/stored-letter.ts'
import { topicNames } from '../../../src/topics.ts'

const TOPICS = topicNames('')
const PLACE = { topic: 'rawDeadLetters', partition: 2, offset: 41n } as const
const BODY = '{"name":"NAME"}'
const REDRIVEN: RedrivenLetter = {
  place: PLACE,
  provider: 'instamed',
  source: 'clinic',
  reason: 'unknown-source',
  outcome: 'partly',
  problem: { reason: 'missing-status', message: 'an element has no status' },
  redrives: 0,
  effects: [
    {
      paymentKey: 'a:1',
      eventId: '0011',
      status: 'COMPLETED',
      outcome: 'recorded',
      verdict: 'APPLIED',
      rule: 'status-changed',
      before: 'PROCESSING',
      after: 'COMPLETED',
    },
  ],
}

function shown(): ShownLetter {
  const read = { offset: 7n, key: Buffer.from('a:1'), value: Buffer.from(BODY), headers: {}, timestamp: 5 }
  const { headers = {}, ...rest } = toDeadLetter(read, {
    reason: 'missing-status',
    message: 'an element has no status',
    stage: 'normalizer',
    topic: TOPICS.raw,
    partition: 2,
    offset: 7n,
    element: 3,
    at: Date.UTC(2026, 5, 1),
  })
  const record = { ...rest, key: Buffer.from('a:1'), headers, offset: 41n, timestamp: 9 }
  const decided = { how: 'stays', at: 0, by: 'operator', reason: 'tried', redrives: 1, newReason: 'x' } as const
  return { letter: toStoredLetter(record, PLACE, null), decided, now: REDRIVEN, body: read.value }
}

test('I9: show prints the body only if asked to', () => {
  for (const withBody of [false, true]) {
    const text = `${shownLines(shown(), TOPICS, withBody).join('\n')}${JSON.stringify(shownDocument(shown(), TOPICS, withBody))}`
    expect(text.includes('NAME')).toBe(withBody)
  }
})

test('a body that is not UTF-8 is in base64', () => {
  const body = Buffer.from([0xff, 0x00])
  expect(shownDocument({ ...shown(), body }, TOPICS, true).body).toEqual({ base64: '/wA=' })
  expect(shownDocument({ ...shown(), body: null }, TOPICS, true).body).toBeNull()
})

test('show prints place, reason, decision, what it would become, and headers; numbers in hex digits', () => {
  const lines = shownLines(shown(), TOPICS, false)
  expect(lines).toEqual(
    expect.arrayContaining([
      'place       payments.callbacks.dlq[2]@41',
      'reason      missing-status: an element has no status (element 3)',
      'redriven    1 times',
      'decided     stays by operator at 1970-01-01T00:00:00.000Z: tried',
      '  kafka_dlt-original-offset: 0x0000000000000007',
      '  dlq_topic: payments.callbacks.raw',
    ]),
  )
})

test('redrive prints for each event the status before and after', () => {
  expect(redrivenLines(REDRIVEN, TOPICS)).toEqual([
    'partly    payments.callbacks.dlq[2]@41  was unknown-source: missing-status: an element has no status',
    '          a:1  COMPLETED, APPLIED (status-changed): PROCESSING -> COMPLETED',
  ])
})

test('a summary says what was done, or that nothing was', () => {
  const counts = { letters: 4, redriven: 1, partly: 1, stays: 1, refused: 1, events: 3, duplicates: 1, absent: 0 }
  expect(redriveLines({ ...counts, applied: true })).toEqual([
    '4 dead letters: 1 redriven, 1 in part, 1 stay, 1 refused',
    '3 events published, 1 of them known already',
  ])
  expect(redriveLines({ ...counts, applied: false }).at(-1)).toMatch(/^nothing was changed; run with --apply/)
})

test('a list without dead letters says so; JSON names places as text', () => {
  const nothing = { groups: [], count: 0, ungrouped: 0 }
  expect(listLines(nothing, TOPICS)).toEqual(['no dead letters are open'])
  const group = { topic: 'rawDeadLetters', provider: '', source: '', reason: 'x', age: 'hour', count: 2 } as const
  const some = { groups: [{ ...group, oldestAt: 0, newestAt: 5, oldest: PLACE }], count: 3, ungrouped: 1 }
  expect(listDocument(some, TOPICS)).toMatchObject({
    deadLetters: 3,
    ungrouped: 1,
    groups: [
      { topic: 'payments.callbacks.dlq', oldest: 'payments.callbacks.dlq[2]@41', oldestAt: '1970-01-01T00:00:00.000Z' },
    ],
  })
  expect(listLines(some, TOPICS).slice(-2)).toEqual([
    '1 more are in other groups: there are too many to list; use the filters',
    '3 dead letters are open',
  ])
})
