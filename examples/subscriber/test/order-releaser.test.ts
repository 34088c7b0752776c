import type { PaystatusClient } from '@paystatus/client'
import { PaystatusStack, type StartedPaystatusStack } from '@paystatus/testcontainers'
import { jpmPayment } from '@paystatus/testcontainers/callbacks'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startOrderReleaser } from '../src/order-releaser.ts'

let paystatus: StartedPaystatusStack
let releaser: PaystatusClient
const release = vi.fn()

beforeAll(async () => {
  paystatus = await new PaystatusStack().start()
  const { bootstrapServers, registryUrl } = paystatus
  const connection = { brokers: [bootstrapServers], registry: registryUrl }
  releaser = await startOrderReleaser({ ...connection, groupId: 'orders', release })
}, 300_000)

afterAll(async () => {
  await releaser?.stop()
  await paystatus?.stop()
}, 60_000)

test('releases an order once when its payment is completed, even if the provider repeats everything', async () => {
  const payment = jpmPayment('ORDER-4711')
  await paystatus.postCallback(payment.callback('RECEIVED', 'RECEIVED'))
  await paystatus.postCallback(payment.callback('COMPLETED', 'COMPLETED_BY_JPM'))
  await paystatus.repeatEverything()
  await paystatus.awaitStatus(payment.paymentKey, 'COMPLETED')
  await vi.waitFor(() => expect(release.mock.calls).toEqual([['ORDER-4711']]), 20_000)
})

test('does not release an order whose payment is rejected', async () => {
  const payment = jpmPayment('ORDER-4712')
  await paystatus.postCallback(payment.callback('RECEIVED', 'RECEIVED'))
  await paystatus.postCallback(payment.callback('REJECTED', 'REJECTED_BY_JPM'))
  await paystatus.awaitStatus(payment.paymentKey, 'REJECTED')
  await vi.waitFor(() => expect(releaser.get(payment.paymentKey)?.status).toBe('REJECTED'), 20_000)
  expect(release.mock.calls.flat()).not.toContain('ORDER-4712')
})

test('is right in a scenario of the conformance kit: a forgotten payment returns, and is then rejected', async () => {
  const { topics, rows } = await paystatus.playScenario('two-incarnations')
  const { bootstrapServers, registryUrl } = paystatus
  const connection = { brokers: [bootstrapServers], registry: registryUrl }
  await using scenario = await startOrderReleaser({
    ...connection,
    changesTopic: topics.changes,
    currentTopic: topics.current,
    groupId: 'orders-scenario',
    release: vi.fn(),
  })
  const statuses = () => rows.map(({ paymentKey }) => scenario.get(paymentKey)?.status)
  await vi.waitFor(() => expect(statuses()).toEqual(rows.map(({ status }) => status)), 20_000)
})
