import { expect, test } from 'vitest'
import { providerById } from '../../../src/providers/registry.ts'
import { TOPICS } from '../../../src/topics.ts'
import { callbackOf } from '../../../test/providers/callback-of.ts'
import { jpmPayment } from '../src/callbacks.ts'
import { STATUS_TOPICS } from '../src/paystatus-stack.ts'

test('the provider’s adapter translates the callbacks of a payment to the expected statuses, in order', () => {
  const provider = providerById('jpm-global-payments-v2')
  const payment = jpmPayment('ORDER-1')
  const events = [
    payment.callback('RECEIVED', 'RECEIVED'),
    payment.callback('COMPLETED', 'COMPLETED_BY_JPM'),
    payment.callback('RETURNED', 'RETURNED'),
  ].flatMap(({ body }) => {
    const outcome = provider?.translate(callbackOf(body as object, { namespace: 'jpm-global-payments-v2' }))
    return outcome?.events ?? []
  })
  expect(events.map(({ status }) => status)).toEqual(['RECEIVED', 'COMPLETED', 'RETURNED'])
  expect(new Set(events.map(({ paymentKey }) => paymentKey))).toEqual(new Set([payment.paymentKey]))
  const times = events.map(({ occurredAt }) => occurredAt ?? 0)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(new Set(times).size).toBe(3)
})

test('every payment has its own ids', () => {
  expect(jpmPayment().paymentKey).not.toBe(jpmPayment().paymentKey)
  expect(jpmPayment().endToEndId).not.toBe(jpmPayment().endToEndId)
})

test('the topic names agree with topics.ts', () => {
  expect(STATUS_TOPICS).toEqual({ changes: TOPICS.changes.name, current: TOPICS.current.name })
})
