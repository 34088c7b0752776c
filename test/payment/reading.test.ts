import { describe, expect, test } from 'vitest'
import type { PaymentEvent } from '../../src/payment/payment-event.ts'
import { readingThatCounts, restatementBy, saysTheSame } from '../../src/payment/reading.ts'
import { sourceTimeOf, UNTIMED } from '../../src/providers/source-time.ts'
import { sampleEvent } from '../avro/samples.ts'

/** I5: exactly one reading of an event counts, whatever their order of arrival. */

const reading = (mappingVersion: number, time: string | null, changes: Partial<PaymentEvent> = {}) =>
  sampleEvent({ mappingVersion, ...(time === null ? UNTIMED : sourceTimeOf(time)), ...changes })

const TEN = '2026-03-01T10:00:00Z'

describe('of two readings of one event', () => {
  test('the greater mapping version counts, whatever the times', () => {
    expect(restatementBy(reading(2, '2026-03-01T12:00:00Z'), reading(1, TEN))).toBe('newer-mapping')
    expect(restatementBy(reading(1, TEN), reading(2, '2026-03-01T12:00:00Z'))).toBeNull()
    expect(restatementBy(reading(1, null), reading(0, TEN))).toBe('newer-mapping')
  })

  test.each([
    [TEN, '2026-03-01T10:00:00.001Z'],
    ['2026-03-01T10:00:00.0000001Z', '2026-03-01T10:00:00.0000002Z'],
    [TEN, null],
    [TEN, 'yesterday'],
    // Equal moments as read: a time with a zone comes before one without, then the text decides.
    [TEN, '2026-03-01T10:00:00'],
    ['2026-03-01T10:00:00+00:00', TEN],
  ])('of the same version %s counts before %s', (first, second) => {
    const [one, other] = [reading(1, first), reading(1, second)]
    expect(restatementBy(one, other)).toBe('earlier-time')
    expect(restatementBy(other, one)).toBeNull()
    expect(readingThatCounts(other, one)).toBe(one)
    expect(readingThatCounts(one, other)).toBe(one)
  })

  const of = (value: string, currency: string | null) => ({ amount: { value, currency } })
  test.each<[Partial<PaymentEvent>, Partial<PaymentEvent>]>([
    [of('50.00', 'BRL'), of('50.00', null)],
    [of('50.00', 'BRL'), of('50.00', 'USD')],
    [{ requestAmount: { value: '50.00', currency: 'USD' } }, { requestAmount: { value: '50.00', currency: null } }],
    [{ timeUnreadable: true }, { timeUnreadable: false }],
    [{ ...of('50.00', null), timeUnreadable: true }, of('50.00', 'USD')],
    [{ timeUnreadable: true, occurredAtText: '24:99' }, {}],
  ])('of the same version and time %j counts before %j', (first, second) => {
    const [one, other] = [reading(1, null, first), reading(1, null, second)]
    expect(restatementBy(one, other)).toBe('other-content')
    expect(restatementBy(other, one)).toBeNull()
    expect(readingThatCounts(other, one)).toBe(one)
    expect(readingThatCounts(one, other)).toBe(one)
  })

  test('that are equal, the first to arrive counts', () => {
    const [one, other] = [reading(1, TEN), reading(1, TEN, { callbackId: 'another' })]
    expect(restatementBy(other, one)).toBeNull()
    expect(readingThatCounts(one, other)).toBe(one)
  })
})

describe('a withdrawal', () => {
  const [first, gone] = [reading(1, TEN), reading(2, TEN, { withdrawn: true })]

  test('counts in place of an older reading, and a newer reading in its place', () => {
    expect(restatementBy(gone, first)).toBe('no-longer-read')
    expect(restatementBy(first, gone)).toBeNull()
    expect(restatementBy(reading(3, TEN), gone)).toBe('read-again')
    expect(restatementBy(gone, reading(3, TEN))).toBeNull()
  })

  test('does not count beside a reading of the same version, whatever the times', () => {
    const later = reading(2, '2026-03-01T12:00:00Z')
    expect(restatementBy(gone, later)).toBeNull()
    expect(restatementBy(later, gone)).toBe('read-again')
  })

  test('says the same as any other, and does not replace one of its version', () => {
    const other = reading(2, null, { withdrawn: true, status: 'COMPLETED' })
    expect(saysTheSame(gone, other)).toBe(true)
    expect(restatementBy(gone, other)).toBeNull()
    expect(restatementBy(other, gone)).toBeNull()
    expect(saysTheSame(gone, first)).toBe(false)
    expect(saysTheSame(first, gone)).toBe(false)
  })
})

describe('two readings say the same', () => {
  test('regardless of who delivered them and which mapping version read them', () => {
    const other = {
      callbackId: 'another',
      element: 9,
      receivedAt: 1,
      source: 'another',
      authenticity: [],
      providerEventId: null,
      naturalKey: 'another',
    }
    expect(saysTheSame(reading(1, TEN), reading(2, TEN, other))).toBe(true)
  })

  test.each<Partial<PaymentEvent>>([
    { status: 'COMPLETED' },
    { kind: 'RETURN' },
    { occurredAt: 1 },
    { amount: { value: '1', currency: null } },
    { references: [{ type: 'uetr', value: 'x' }] },
    { unreadable: ['rail'] },
  ])('unless they differ in %j', (changes) => {
    expect(saysTheSame(reading(1, TEN), reading(1, TEN, changes))).toBe(false)
  })

  test('even if their lists and amounts are different objects', () => {
    const parts = () => ({
      amount: { value: '1.00', currency: 'USD' },
      reasons: [{ scheme: 'JPM' as const, code: '1', rule: null, location: null, field: null }],
    })
    expect(saysTheSame(reading(1, TEN, parts()), reading(1, TEN, parts()))).toBe(true)
  })
})
