import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Needed, portionOf } from '../../src/processor/portion.ts'

const of = (paymentKey: string | null, bytes = 0): Needed => ({ paymentKey, bytes })
const SIZES: Readonly<Record<string, number>> = { a: 1_200_000, b: 1_200_000, c: 1_200_000, small: 100 }
const sizeOf = (paymentKey: string) => SIZES[paymentKey] ?? 0

describe('a portion of a batch (I10)', () => {
  test('ends before the state that would exceed the limit', () => {
    expect(portionOf([of('a'), of('b'), of('c')], 0, sizeOf, 2_500_000).until).toBe(2)
    expect(portionOf([of('a'), of('b'), of('c')], 2, sizeOf, 2_500_000).until).toBe(3)
  })

  test('counts a state once, however many events need it', () => {
    expect(
      portionOf(
        Array.from({ length: 500 }, () => of('a')),
        0,
        sizeOf,
        2_000_000,
      ).until,
    ).toBe(500)
  })

  test('counts the events themselves, including those of new payments and those that need no state', () => {
    expect(
      portionOf(
        Array.from({ length: 100 }, () => of('new', 7_000)),
        0,
        sizeOf,
        100_000,
      ).until,
    ).toBe(12)
    expect(
      portionOf(
        Array.from({ length: 100 }, () => of(null, 7_000)),
        0,
        sizeOf,
        100_000,
      ).until,
    ).toBe(12)
  })

  test('has at least one item, so that there is always progress', () => {
    expect(portionOf([of('a', 7_000), of('b')], 0, sizeOf, 1).until).toBe(1)
  })

  test('together cover all items, and none exceeds the limit unless it has one item', () => {
    const item = fc.record({ paymentKey: fc.constantFrom('a', 'small', 'new', null), bytes: fc.nat({ max: 7_000 }) })
    fc.assert(
      fc.property(fc.array(item, { maxLength: 100 }), fc.integer({ min: 1, max: 1_500_000 }), (items, bytesMax) => {
        let from = 0
        while (from < items.length) {
          const { until, bytes } = portionOf(items, from, sizeOf, bytesMax)
          expect(until).toBeGreaterThan(from)
          expect(bytes <= bytesMax || until === from + 1).toBe(true)
          const keys = new Set(items.slice(from, until).map(({ paymentKey }) => paymentKey))
          const needed = [...keys].reduce((sum, key) => sum + (key === null ? 0 : sizeOf(key)), 0)
          expect(bytes).toBeGreaterThanOrEqual(needed)
          from = until
        }
      }),
    )
  })
})
