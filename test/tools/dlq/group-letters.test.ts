import { describe, expect, test } from 'vitest'
import { LetterGroups } from '../../../src/tools/dlq/group-letters.ts'
import { isSelected } from '../../../src/tools/dlq/letter-filter.ts'
import { placeText, toPlace } from '../../../src/tools/dlq/letter-place.ts'
import type { OpenLetter } from '../../../src/tools/dlq/open-letters.ts'
import type { StoredLetter } from '../../../src/tools/dlq/stored-letter.ts'
import { topicNames } from '../../../src/topics.ts'

const NOW = Date.UTC(2026, 5, 1)
const HOUR_MS = 3_600_000
const TOPICS = topicNames('test.')

function open(changes: Partial<StoredLetter> = {}, reason = 'missing-status'): OpenLetter {
  const letter = {
    place: { topic: 'rawDeadLetters', partition: 0, offset: 1n },
    record: { offset: 1n, key: null, value: null, headers: {}, timestamp: 0 },
    reason: 'invalid-json',
    message: '',
    element: null,
    provider: 'instamed',
    source: 'clinic',
    at: NOW - 1,
    redrives: 0,
    ...changes,
  } as const
  return { letter, reason, redrives: 0, topicId: 'id' }
}

describe('groups', () => {
  test('have topic, provider, source, reason and age in common; the most numerous is first', () => {
    const groups = new LetterGroups(NOW)
    for (const letter of [
      open({ source: 'other' }),
      open({ provider: 'jpm-global-payments-v1' }),
      open({ place: { topic: 'eventDeadLetters', partition: 0, offset: 1n } }),
      open({}, 'forgotten'),
      open({ at: NOW - 2 * HOUR_MS, place: { topic: 'rawDeadLetters', partition: 1, offset: 7n } }),
      open({ at: NOW - 3 * HOUR_MS, place: { topic: 'rawDeadLetters', partition: 1, offset: 8n } }),
    ]) {
      groups.add(letter)
    }
    const { groups: found, count, ungrouped } = groups.grouped()
    expect([count, ungrouped, found.length]).toEqual([6, 0, 5])
    expect(found[0]).toEqual({
      topic: 'rawDeadLetters',
      provider: 'instamed',
      source: 'clinic',
      reason: 'missing-status',
      age: 'day',
      count: 2,
      oldestAt: NOW - 3 * HOUR_MS,
      newestAt: NOW - 2 * HOUR_MS,
      oldest: { topic: 'rawDeadLetters', partition: 1, offset: 8n },
    })
  })

  test.each([
    [0, 'hour'],
    [HOUR_MS - 1, 'hour'],
    [HOUR_MS, 'day'],
    [24 * HOUR_MS, 'week'],
    [7 * 24 * HOUR_MS, 'older'],
    [Number.POSITIVE_INFINITY, 'older'],
  ])('after %d ms the age is %s', (ms, age) => {
    const groups = new LetterGroups(NOW)
    groups.add(open({ at: NOW - ms }))
    expect(groups.grouped().groups).toMatchObject([{ age }])
  })

  test('I10: are at most 1,000; what is in no group is counted', () => {
    const groups = new LetterGroups(NOW)
    for (let source = 0; source < 1_500; source += 1) {
      groups.add(open({ source: `s${source}` }))
      groups.add(open({ source: `s${source}` }))
    }
    const { groups: found, count, ungrouped } = groups.grouped()
    expect([found.length, count, ungrouped]).toEqual([1_000, 3_000, 1_000])
  })
})

test('a filter selects what has all that it names; its reason is the latest one', () => {
  const { letter } = open()
  const selects = (filter: Parameters<typeof isSelected>[0]) => isSelected(filter, letter, 'missing-status')
  expect(selects({})).toBe(true)
  expect(
    selects({
      topic: 'rawDeadLetters',
      provider: 'instamed',
      source: 'clinic',
      reason: 'missing-status',
      since: NOW - 1,
      until: NOW,
    }),
  ).toBe(true)
  for (const other of [
    { topic: 'eventDeadLetters' } as const,
    { provider: 'jpm-global-payments-v1' },
    { source: 'other' },
    { reason: 'invalid-json' },
    { since: NOW },
    { until: NOW - 1 },
  ]) {
    expect([other, selects(other)]).toEqual([other, false])
  }
})

describe('a place', () => {
  const place = { topic: 'eventDeadLetters', partition: 2, offset: 41n } as const

  test('is written as topic, partition and offset, and read back', () => {
    expect(placeText(place, TOPICS)).toBe('test.payments.events.dlq[2]@41')
    expect(toPlace('test.payments.events.dlq[2]@41', TOPICS)).toEqual(place)
  })

  test.each(['payments.events.dlq[2]@41', 'test.payments.events[2]@41', 'test.payments.events.dlq[2]', 'x', ''])(
    '%j is none',
    (text) => {
      expect(toPlace(text, TOPICS)).toBeNull()
    },
  )
})
