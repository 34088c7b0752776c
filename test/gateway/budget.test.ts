import { expect, test } from 'vitest'
import { Budget } from '../../src/gateway/budget.ts'

test('as many requests as allowed may be open; one more exceeds the budget until one closes (I10)', () => {
  const budget = new Budget(2, 10)
  budget.requestOpened()
  budget.requestOpened()
  expect(budget.isExceeded).toBe(false)
  budget.requestOpened()
  expect(budget.isExceeded).toBe(true)
  budget.requestClosed()
  expect(budget.isExceeded).toBe(false)
})

test('bytes fit up to the limit, and again once they are released (I10)', () => {
  const budget = new Budget(2, 10)
  budget.hold(7)
  expect([budget.fits(3), budget.fits(4)]).toEqual([true, false])
  budget.release(7)
  expect(budget.fits(10)).toBe(true)
})
