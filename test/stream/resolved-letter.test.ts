import { expect, test } from 'vitest'
import { fromResolvedRecord, type ResolvedLetter, toResolvedRecord } from '../../src/stream/resolved-letter.ts'

const POSITION = { topicId: 'kKT2hPb9R3eW-0zOHiY-7g', partition: 3, offset: 4_711n }
const LETTER: ResolvedLetter = {
  how: 'stays',
  at: Date.UTC(2026, 5, 1),
  by: 'operator',
  reason: 'the source is configured now',
  redrives: 2,
  newReason: 'invalid-json',
}

const read = (record: ReturnType<typeof toResolvedRecord>) =>
  fromResolvedRecord({ key: Buffer.from(record.key), value: record.value })

test('a decision is read back unchanged, and its key names the dead letter', () => {
  const record = toResolvedRecord(POSITION, LETTER)
  expect(record.key).toBe('kKT2hPb9R3eW-0zOHiY-7g/3/4711')
  expect(JSON.parse(String(record.value))).toMatchObject({ at: '2026-06-01T00:00:00.000Z', how: 'stays' })
  expect(read(record)).toEqual({ position: POSITION, letter: LETTER })
})

test('a tombstone withdraws a decision', () => {
  expect(read({ ...toResolvedRecord(POSITION, LETTER), value: null })).toEqual({ position: POSITION, letter: null })
})

test.each(['', 'x', '[]', 'null', '{"how":"burned"}'])('%j is not a decision', (text) => {
  expect(read({ ...toResolvedRecord(POSITION, LETTER), value: Buffer.from(text) })).toBeNull()
})

test.each(['', 'topic', 'topic/1', 'topic/x/1', 'topic/1/-1', 'topic/1/2/3'])(
  'the key %j names no dead letter',
  (key) => {
    expect(read({ ...toResolvedRecord(POSITION, LETTER), key })).toBeNull()
  },
)

test('fields of the wrong type get default values', () => {
  const value = Buffer.from('{"how":"closed","at":5,"by":null,"reason":{},"redrives":-1,"newReason":3}')
  expect(read({ ...toResolvedRecord(POSITION, LETTER), value })?.letter).toEqual({
    how: 'closed',
    at: Number.NaN,
    by: '',
    reason: '',
    redrives: 0,
    newReason: null,
  })
})
