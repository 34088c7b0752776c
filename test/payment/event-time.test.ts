import { describe, expect, test } from 'vitest'
import {
  areComparable,
  compareAsRead,
  type EventTime,
  isCertainlyLater,
  isPossiblyLater,
  timeClassOf,
} from '../../src/payment/event-time.ts'
import { sourceTimeOf, UNTIMED } from '../../src/providers/source-time.ts'

/** Domain 9.7: times are compared exactly as precisely as they are given. */

type Answer = 'later' | 'not later' | 'unknown'

function answerOf(a: EventTime, b: EventTime): Answer {
  if (isCertainlyLater(a, b)) {
    // Certainly later implies possibly later in this order, and not even possibly in the other.
    expect([isPossiblyLater(a, b), isPossiblyLater(b, a), isCertainlyLater(b, a)]).toEqual([true, false, false])
    return 'later'
  }
  return isPossiblyLater(a, b) ? 'unknown' : 'not later'
}

const MORE_EXACT = '2026-01-12T12:00:00.0000001'

test.each<[string, string, Answer]>([
  // Both with a zone: compared directly.
  ['2026-01-12T12:00:00Z', '2026-01-12T11:59:59Z', 'later'],
  ['2026-01-12T12:00:00Z', '2026-01-12T12:00:00Z', 'not later'],
  ['2026-01-12T12:00:00+01:00', '2026-01-12T11:30:00Z', 'not later'],
  // Below a millisecond, however many digits there are.
  ['2026-01-12T12:00:00.2779Z', '2026-01-12T12:00:00.2770143Z', 'later'],
  ['2026-01-12T12:00:00.2770143Z', '2026-01-12T12:00:00.277Z', 'later'],
  ['2026-01-12T12:00:00.277Z', '2026-01-12T12:00:00.2770143Z', 'not later'],
  ['2026-01-12T12:00:00.27701430Z', '2026-01-12T12:00:00,2770143Z', 'not later'],
  ['2026-01-12T12:00:00.2770000Z', '2026-01-12T12:00:00.277Z', 'not later'],
  ['2026-01-12T12:00:00.27701Z', '2026-01-12T12:00:00.2770099999Z', 'later'],
  ['2026-01-12T12:00:00.0000000000000000001Z', '2026-01-12T12:00:00Z', 'later'],
  // Both without a zone: the same zone.
  ['2026-01-12T12:00:01', '2026-01-12T12:00:00', 'later'],
  ['2026-01-12T12:00:00', '2026-01-12T12:00:00', 'not later'],
  ['1/12/2026 12:00:00.2779 PM', '1/12/2026 12:00:00.2770143 PM', 'later'],
  // One without a zone: between UTC+14, the earliest, and UTC-12, the latest.
  ['2026-01-13T00:00:00Z', '2026-01-12T12:00:00', 'unknown'],
  ['2026-01-13T00:00:00.001Z', '2026-01-12T12:00:00', 'later'],
  ['2026-01-13T00:00:00.0000001Z', '2026-01-12T12:00:00', 'later'],
  ['2026-01-13T00:00:00.0000001Z', MORE_EXACT, 'unknown'],
  ['2026-01-13T00:00:00.0000002Z', MORE_EXACT, 'later'],
  ['2026-01-11T22:00:00Z', '2026-01-12T12:00:00', 'not later'],
  ['2026-01-11T22:00:00.001Z', '2026-01-12T12:00:00', 'unknown'],
  ['2026-01-11T22:00:00.0000001Z', MORE_EXACT, 'not later'],
  ['2026-01-11T22:00:00.0000002Z', MORE_EXACT, 'unknown'],
  ['2026-01-12T12:00:00', '2026-01-11T21:59:59.999Z', 'later'],
  ['2026-01-12T12:00:00', '2026-01-11T22:00:00Z', 'unknown'],
  ['2026-01-12T12:00:00', '2026-01-12T23:59:59.999Z', 'unknown'],
  ['2026-01-12T12:00:00', '2026-01-13T00:00:00Z', 'not later'],
  // A date stands for its whole day.
  ['2026-01-13T12:00:00Z', '2026-01-12', 'later'],
  ['2026-01-13T11:59:59.999Z', '2026-01-12', 'unknown'],
  ['2026-01-11T10:00:00.001Z', '2026-01-12', 'unknown'],
  ['2026-01-11T10:00:00Z', '2026-01-12', 'not later'],
  ['2026-01-12', '2026-01-11T09:59:59.999Z', 'later'],
  ['2026-01-12', '2026-01-11T10:00:00Z', 'unknown'],
  ['2026-01-12', '2026-01-13T11:59:59.999Z', 'unknown'],
  ['2026-01-12', '2026-01-13T12:00:00Z', 'not later'],
  ['2026-01-12', '2026-01-13T11:59:59.9999999Z', 'unknown'],
  // Compared with a time in the same zone, it is exactly that day.
  ['2026-01-13T00:00:00', '2026-01-12', 'later'],
  ['2026-01-12T23:59:59.9999999', '2026-01-12', 'unknown'],
  ['2026-01-12T00:00:00.0000001', '2026-01-12', 'unknown'],
  ['2026-01-12T00:00:00', '2026-01-12', 'not later'],
  ['2026-01-12', '2026-01-12T00:00:00', 'unknown'],
  ['2026-01-12', '2026-01-12T23:59:59', 'unknown'],
  ['2026-01-12', '2026-01-11T23:59:59.9999999', 'later'],
  ['2026-01-12', '2026-01-13T00:00:00', 'not later'],
  ['2026-01-13', '2026-01-12', 'later'],
  ['2026-01-12', '2026-01-12', 'unknown'],
  ['2026-01-12', '2026-01-13', 'not later'],
  // At the epoch: 0 is a time like any other.
  ['1970-01-01T00:00:00.001Z', '1970-01-01T00:00:00Z', 'later'],
  ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00Z', 'not later'],
  ['1970-01-01T00:00:00Z', '1970-01-01T00:00:00', 'unknown'],
])('%s beside %s is %s', (a, b, expected) => {
  expect(answerOf(sourceTimeOf(a), sourceTimeOf(b))).toBe(expected)
})

describe('an event without a time', () => {
  const timed = sourceTimeOf('2026-01-12T12:00:00')

  test('is neither certainly later nor earlier than any other, and as read older than every timed one', () => {
    const epoch = sourceTimeOf('1970-01-01T00:00:00Z')
    // No adapter reads a time before the epoch; the order does not depend on that.
    const before = { ...epoch, occurredAt: -1, occurredAtText: '1969-12-31T23:59:59.999Z' }
    expect([answerOf(epoch, before), answerOf(before, epoch)]).toEqual(['later', 'not later'])
    for (const time of [epoch, before]) {
      expect(compareAsRead(UNTIMED, time)).toBeLessThan(0)
      expect(compareAsRead(time, UNTIMED)).toBeGreaterThan(0)
      expect(timeClassOf(time)).toBe('zoned')
    }
    for (const other of [timed, epoch, before, UNTIMED, sourceTimeOf('yesterday')]) {
      expect([answerOf(UNTIMED, other), answerOf(other, UNTIMED)]).toEqual(['not later', 'not later'])
      expect([areComparable(UNTIMED, other), areComparable(other, UNTIMED)]).toEqual([true, true])
    }
    expect(compareAsRead(UNTIMED, timed)).toBeLessThan(0)
    expect(compareAsRead(timed, UNTIMED)).toBeGreaterThan(0)
    expect(compareAsRead(UNTIMED, sourceTimeOf('yesterday'))).toBe(0)
  })
})

test.each<[string, string, boolean]>([
  ['2026-01-12T12:00:00Z', '2026-01-12T12:00:00Z', true],
  ['2026-01-12T12:00:00', '2026-01-12T12:00:00', true],
  ['2026-01-12', '2026-01-12', false],
  ['2026-01-12', '2026-01-13', true],
  ['2026-01-12', '2026-01-12T12:00:00', false],
  ['2026-01-12', '2026-01-13T00:00:00', true],
  ['2026-01-12T12:00:00', '2026-01-13T00:00:00Z', false],
  ['2026-01-12T12:00:00', '2026-01-13T00:00:00.001Z', true],
  ['2026-01-12T12:00:00', '2026-01-11T22:00:00Z', false],
  ['2026-01-12T12:00:00', '2026-01-11T21:59:59.999Z', true],
])('%s and %s are comparable: %s', (a, b, expected) => {
  const [one, other] = [sourceTimeOf(a), sourceTimeOf(b)]
  expect([areComparable(one, other), areComparable(other, one)]).toEqual([expected, expected])
})

test('as read, a date is the start of its day, and a time without a zone is UTC', () => {
  const read = (text: string) => sourceTimeOf(text)
  expect(compareAsRead(read('2026-01-12'), read('2026-01-12T00:00:00Z'))).toBe(0)
  expect(compareAsRead(read('2026-01-12T00:00:01'), read('2026-01-12T00:00:00.9999Z'))).toBeGreaterThan(0)
  expect(compareAsRead(read('2026-01-12T00:00:00.0001'), read('2026-01-12T00:00:00.0001001Z'))).toBeLessThan(0)
  expect(compareAsRead(read('2026-01-12T00:00:00.0001'), read('2026-01-12'))).toBeGreaterThan(0)
})

test('a time without its text has no digits below a millisecond', () => {
  const exact = sourceTimeOf('2026-01-12T00:00:00.0001Z')
  const lost = { ...exact, occurredAtText: null }
  expect(compareAsRead(lost, exact)).toBeLessThan(0)
  expect(compareAsRead(lost, { ...exact, occurredAtText: 'no digits' })).toBe(0)
})

test.each([
  ['2026-01-12T12:00:00Z', 'zoned'],
  ['2026-01-12T12:00:00', 'without-zone'],
  ['2026-01-12', 'date'],
  ['yesterday', 'untimed'],
])('%s is %s', (text, expected) => {
  expect(timeClassOf(sourceTimeOf(text))).toBe(expected)
})
