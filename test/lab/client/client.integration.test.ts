import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, expect, inject, test } from 'vitest'
import { type Change, type OpenOptions, open, type PaystatusClient } from '../../../packages/client/src/client.ts'
import { eventually } from '../harness/eventually.ts'
import { StatusPublisher } from './status-publisher.ts'

/** @paystatus/client on a real Kafka and registry: what it hands over, and what it knows. */

const stack = inject('stack')
let publisher: StatusPublisher
beforeAll(async () => {
  publisher = await StatusPublisher.create(stack)
})
afterAll(() => publisher.close())

const running: PaystatusClient[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((client) => client.stop()))
})

async function opened(groupId: string, options: Partial<OpenOptions> = {}) {
  const client = await open({
    brokers: stack.kafkaBrokers,
    registry: stack.registryUrl,
    groupId: publisher.prefix + groupId,
    topicPrefix: publisher.prefix,
    observe: (o) => (o.type === 'trouble' || o.type === 'handler-failed' ? console.log(o) : undefined),
    ...options,
  })
  running.push(client)
  return client
}

/** A client and what it was told. */
async function told(groupId: string, options: Partial<OpenOptions> = {}) {
  const changes: Change[] = []
  const client = await opened(groupId, options)
  await client.onChange((change) => {
    changes.push(change)
  })
  return { client, changes }
}

function newKey(): string {
  return `acme:${randomBytes(6).toString('hex')}`
}

test('a group that begins is told every payment, then every step', async () => {
  const [a, b] = [newKey(), newKey()]
  await publisher.publish([{ paymentKey: a, status: 'PROCESSING' }])
  await publisher.publish([{ paymentKey: b, status: 'COMPLETED' }])
  await publisher.publish([{ paymentKey: a, status: 'COMPLETED' }])
  const { client, changes } = await told('begins')
  const states = changes.filter(({ paymentKey }) => [a, b].includes(paymentKey))
  expect(states.map(({ kind, paymentKey, version }) => [kind, paymentKey, version.statusVersion]).toSorted()).toEqual(
    [
      ['state', a, 2],
      ['state', b, 1],
    ].toSorted(),
  )
  expect(client.get(a)).toMatchObject({ status: 'COMPLETED', statusVersion: 2 })
  await publisher.publish([{ paymentKey: a, status: 'RETURNED' }])
  await eventually(() =>
    expect(changes.at(-1)).toMatchObject({
      kind: 'step',
      paymentKey: a,
      version: { statusVersion: 3 },
      missed: 0,
      isReplay: false,
      step: { statusAfter: 'RETURNED' },
      payment: { status: 'RETURNED', statusVersion: 3 },
    }),
  )
  expect([...client.payments()].length).toBeGreaterThanOrEqual(2)
})
