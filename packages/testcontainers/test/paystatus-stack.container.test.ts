import { afterAll, beforeAll, expect, test } from 'vitest'
import { instamedPayment, jpmPayment } from '../src/callbacks.ts'
import { PaystatusStack, type StartedPaystatusStack } from '../src/paystatus-stack.ts'

let paystatus: StartedPaystatusStack

beforeAll(async () => {
  paystatus = await new PaystatusStack().start()
}, 300_000)

afterAll(() => paystatus?.stop(), 60_000)

test('I3: callbacks out of order and repeated end with the right status, once each', async () => {
  const payment = jpmPayment()
  await paystatus.outOfOrder([
    payment.callback('RECEIVED', 'RECEIVED'),
    payment.callback('PROCESSING', 'PENDING_POSTING'),
    payment.callback('COMPLETED', 'COMPLETED_BY_JPM'),
  ])
  await paystatus.awaitChange(payment.paymentKey, ({ statusVersion }) => statusVersion === 3)
  await paystatus.repeatEverything()
  const fence = jpmPayment()
  await paystatus.postCallback(fence.callback('RECEIVED', 'RECEIVED'))
  await paystatus.awaitStatus(fence.paymentKey, 'RECEIVED')
  expect(paystatus.changesOf(payment.paymentKey).map(({ statusAfter }) => statusAfter)).toEqual([
    'COMPLETED',
    'COMPLETED',
    'COMPLETED',
  ])
})

test('I5: a payment goes on where it was after Redis was lost', async () => {
  const sale = instamedPayment()
  await paystatus.postCallback(sale.callback('C'))
  await paystatus.awaitStatus(sale.paymentKey, 'AUTHORIZED')
  await paystatus.redisLost()
  await paystatus.postCallback(sale.callback('S'))
  expect(await paystatus.awaitStatus(sale.paymentKey, 'SETTLED')).toMatchObject({ statusVersion: 2 })
})

test('plays a scenario of the conformance kit', async () => {
  const { topics, rows } = await paystatus.playScenario('late-events')
  expect(topics.changes).toMatch(/^scenario-\d+\.payments\.status\.changes$/)
  expect(rows.map(({ status }) => status)).toContain('SETTLED')
})
