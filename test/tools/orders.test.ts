import { describe, expect, test } from 'vitest'
import { EXHAUSTIVE_COUNT_MAX, ordersOf, SAMPLED_ORDERS } from '../../src/tools/orders.ts'

const distinct = (orders: readonly (readonly number[])[]) => new Set(orders.map((order) => order.join(' '))).size

describe('the orders of few items', () => {
  test('are complete, the given one first', () => {
    expect(ordersOf(3, 1, '')).toEqual({
      exhaustive: true,
      orders: [
        [0, 1, 2],
        [0, 2, 1],
        [1, 0, 2],
        [1, 2, 0],
        [2, 0, 1],
        [2, 1, 0],
      ],
    })
    expect(ordersOf(1, 1, '').orders).toEqual([[0]])
    const { orders, exhaustive } = ordersOf(EXHAUSTIVE_COUNT_MAX, 1, '')
    expect([distinct(orders), exhaustive]).toEqual([5_040, true])
  })
})

describe('the orders of many items', () => {
  const count = EXHAUSTIVE_COUNT_MAX + 1
  const { orders, exhaustive } = ordersOf(count, 1, 'a')

  test('are a thousand and are not reported as exhaustive', () => {
    expect([orders.length, exhaustive]).toEqual([SAMPLED_ORDERS, false])
    expect(distinct(orders)).toBeGreaterThan(900)
    for (const order of orders) {
      expect(order.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
    }
  })

  test('start with the given order and its reverse', () => {
    expect(orders.slice(0, 2)).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7],
      [7, 6, 5, 4, 3, 2, 1, 0],
    ])
  })

  test('depend only on the seed and the stream', () => {
    expect(ordersOf(count, 1, 'a').orders).toEqual(orders)
    expect(ordersOf(count, 2, 'a').orders).not.toEqual(orders)
    expect(ordersOf(count, 1, 'b').orders).not.toEqual(orders)
  })
})
