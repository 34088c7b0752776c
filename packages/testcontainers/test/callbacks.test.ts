import { describe, expect, test } from 'vitest'
import type { PaymentState } from '../../../src/payment/apply-event.ts'
import { applyEvent } from '../../../src/payment/apply-event.ts'
import { withChildReports } from '../../../src/payment/child-report.ts'
import { providerById } from '../../../src/providers/registry.ts'
import { TOPICS } from '../../../src/topics.ts'
import { callbackOf } from '../../../test/providers/callback-of.ts'
import { type Callback, instamedPayment, jpmBatch, jpmPayment, jpmV1Payment } from '../src/callbacks.ts'
import { STATUS_TOPICS } from '../src/paystatus-stack.ts'

const PROVIDERS = { 'jpm-v1': 'jpm-global-payments-v1', 'jpm-v2': 'jpm-global-payments-v2', instamed: 'instamed' }

/** What paystatus makes of callbacks: the events, and every payment after them. */
function paystatusOf(...callbacks: readonly Callback[]) {
  const events = callbacks.flatMap(({ source, body, contentType = 'application/json' }) => {
    const namespace = PROVIDERS[source]
    const received = callbackOf(body, { namespace, contentType, currency: 'USD' })
    const { events: read, deadLetters, drift } = providerById(namespace)?.translate(received) ?? {}
    expect([deadLetters, drift]).toEqual([[], []])
    return read ?? []
  })
  const payments = new Map<string, PaymentState>()
  for (const event of withChildReports(events)) {
    const applied = applyEvent(payments.get(event.paymentKey), event, 0)
    if (applied.outcome === 'recorded') {
      payments.set(event.paymentKey, applied.change.state)
    }
  }
  return { events, payments }
}

describe('J.P. Morgan v2', () => {
  test('the callbacks of a payment give the expected statuses, in order', () => {
    const payment = jpmPayment('ORDER-1')
    const { events } = paystatusOf(
      payment.callback('RECEIVED', 'RECEIVED'),
      payment.callback('COMPLETED', 'COMPLETED_BY_JPM'),
      payment.callback('RETURNED', 'RETURNED'),
    )
    expect(events.map(({ status }) => status)).toEqual(['RECEIVED', 'COMPLETED', 'RETURNED'])
    expect(new Set(events.map(({ paymentKey }) => paymentKey))).toEqual(new Set([payment.paymentKey]))
    const times = events.map(({ occurredAt }) => occurredAt ?? 0)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    expect(new Set(times).size).toBe(3)
  })

  test('a payment return is a payment of its own and a child of the original', () => {
    const payment = jpmPayment()
    const returned = payment.paymentReturn('40.00', 'BRL')
    const { payments } = paystatusOf(
      payment.callback('COMPLETED', 'COMPLETED_BY_JPM'),
      returned.callback('COMPLETED', 'COMPLETED_BY_JPM'),
    )
    expect(payments.get(returned.paymentKey)).toMatchObject({
      kind: 'RETURN',
      status: 'COMPLETED',
      relatesTo: returned.relatesTo,
      details: { amount: { value: '40.00', currency: 'BRL' } },
    })
    expect(payments.get(payment.paymentKey)).toMatchObject({
      status: 'COMPLETED',
      children: [{ paymentKey: returned.paymentKey, kind: 'RETURN' }],
    })
  })

  test('one callback reports all payments of a batch, and each still has its own', () => {
    const batch = jpmBatch(3)
    const [first] = batch.payments
    const { payments } = paystatusOf(
      batch.callback('COMPLETED', 'COMPLETED_BY_JPM'),
      ...(first === undefined ? [] : [first.callback('RETURNED', 'RETURNED')]),
    )
    expect(batch.payments.map(({ paymentKey }) => payments.get(paymentKey)?.status)).toEqual([
      'RETURNED',
      'COMPLETED',
      'COMPLETED',
    ])
  })

  test('every payment has its own ids', () => {
    expect(jpmPayment().paymentKey).not.toBe(jpmPayment().paymentKey)
    expect(jpmPayment().endToEndId).not.toBe(jpmPayment().endToEndId)
  })
})

test('J.P. Morgan v1: the callbacks of a payment', () => {
  const payment = jpmV1Payment('ORDER-2')
  const { payments } = paystatusOf(payment.callback('PENDING'), payment.callback('COMPLETED'))
  expect(payments.get(payment.paymentKey)).toMatchObject({
    status: 'COMPLETED',
    statusVersion: 2,
    details: { endToEndId: 'ORDER-2' },
  })
})

describe.each(['json', 'form', 'xml'] as const)('InstaMed as %s', (format) => {
  test.each([
    ['A', 'AUTHORIZED'],
    ['C', 'AUTHORIZED'],
    ['S', 'SETTLED'],
    ['SE', 'SETTLEMENT_FAILED'],
    ['V', 'VOIDED'],
    ['D', 'DECLINED'],
  ])('a sale with code %s is %s', (code, status) => {
    const sale = instamedPayment({ format, amount: '75.50' })
    expect(paystatusOf(sale.callback(code)).payments.get(sale.paymentKey)).toMatchObject({
      kind: 'PAYMENT',
      status,
      relatesTo: null,
      details: { amount: { value: '75.50', currency: 'USD' } },
    })
  })

  test('what undoes a sale is a payment of its own and a child of the sale', () => {
    const sale = instamedPayment({ format })
    const undoing = [sale.refund('30.00'), sale.chargeback(), sale.returnedItem('20.00')] as const
    const { payments } = paystatusOf(sale.callback(), ...undoing.map((transaction) => transaction.callback()))
    expect(undoing.map(({ paymentKey }) => payments.get(paymentKey))).toMatchObject([
      { kind: 'REFUND', status: 'COMPLETED', relatesTo: sale.paymentKey, details: { amount: { value: '30.00' } } },
      { kind: 'CHARGEBACK', status: 'COMPLETED', details: { amount: { value: '100.00' } } },
      { kind: 'RETURN', status: 'COMPLETED', details: { amount: { value: '20.00' } } },
    ])
    expect(payments.get(sale.paymentKey)).toMatchObject({ status: 'AUTHORIZED' })
    expect(payments.get(sale.paymentKey)?.children).toHaveLength(3)
  })

  test('a partial approval has the approved amount', () => {
    const sale = instamedPayment({ format, amount: '100.00', approvedAmount: '60.00' })
    expect(paystatusOf(sale.callback()).payments.get(sale.paymentKey)).toMatchObject({
      attention: ['partial-approval'],
      details: { amount: { value: '60.00' }, requestAmount: { value: '100.00' } },
    })
  })
})

test('the topic names agree with topics.ts', () => {
  expect(STATUS_TOPICS).toEqual({ changes: TOPICS.changes.name, current: TOPICS.current.name })
})
