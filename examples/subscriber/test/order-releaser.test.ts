import { PaystatusStack, type StartedPaystatusStack } from '@paystatus/testcontainers'
import { jpmPayment } from '@paystatus/testcontainers/callbacks'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { OrderReleaser } from '../src/order-releaser.ts'

let paystatus: StartedPaystatusStack
let releaser: OrderReleaser
const release = vi.fn()

beforeAll(async () => {
  paystatus = await new PaystatusStack().start()
  const { bootstrapServers, registryUrl } = paystatus
  releaser = new OrderReleaser({ brokers: [bootstrapServers], registryUrl, groupId: 'orders', release })
  await releaser.start()
}, 300_000)

afterAll(async () => {
  await releaser?.stop()
  await paystatus?.stop()
}, 60_000)

test('releases an order once when its payment is completed, even if the provider repeats the callback', async () => {
  const payment = jpmPayment('ORDER-4711')
  const completed = payment.callback('COMPLETED', 'COMPLETED_BY_JPM')
  await paystatus.postCallback(payment.callback('RECEIVED', 'RECEIVED'))
  await paystatus.postCallback(completed)
  await paystatus.postCallback(completed)
  await paystatus.awaitStatus(payment.paymentKey, 'COMPLETED')
  await vi.waitFor(() => expect(release.mock.calls).toEqual([['ORDER-4711']]), 20_000)
})

test('does not release an order whose payment is rejected', async () => {
  const payment = jpmPayment('ORDER-4712')
  await paystatus.postCallback(payment.callback('RECEIVED', 'RECEIVED'))
  await paystatus.postCallback(payment.callback('REJECTED', 'REJECTED_BY_JPM'))
  const { statusVersion } = await paystatus.awaitStatus(payment.paymentKey, 'REJECTED')
  await vi.waitFor(() => expect(releaser.seenVersion(payment.paymentKey)).toBe(statusVersion), 20_000)
  expect(release.mock.calls.flat()).not.toContain('ORDER-4712')
})
