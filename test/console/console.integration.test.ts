import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  DEAD_LETTERS_DOCUMENT,
  LAG_DOCUMENT,
  PAYMENT_DOCUMENT,
  SEARCH_DOCUMENT,
  STANDING_DOCUMENT,
} from '../../src/console/api/api-documents.ts'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'

/** The role `console` on a real Kafka, Redis and registry, beside the stages. */

const ID = randomUUID()
const E2E = `e2e-${ID}`
const KEY = `jpm-global-payments-v1:${ID}`
const PAYMENT = `/api/payments/${encodeURIComponent(KEY)}`

let deployment: Deployment
let paystatus: RoleProcess

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'))
  paystatus = await deployment.start(['gateway', 'normalizer', 'processor', 'console'])
  await paystatus.ready()
  await tell('{"callbacks":[{"not":"a status"}]}')
  await tell(bodyOf('PENDING', '2026-01-05T08:00:00.000Z'))
  await eventually(async () => expect((await get(PAYMENT)).status).toBe(200))
  await tell(bodyOf('COMPLETED', '2026-01-05T08:05:00.000Z'))
  await eventually(async () => expect((await payment()).statusVersion).toBe(2))
})

afterAll(() => deployment?.close())

const bodyOf = (paymentStatus: string, createDateTime: string) =>
  JSON.stringify({ callbacks: [{ firmRootId: ID, endToEndId: E2E, paymentStatus, createDateTime }] })

async function tell(body: string): Promise<void> {
  const source = simulatedSources(deployment.config, paystatus.gatewayUrl).find(({ id }) => id === 'jpm-v1')
  const headers = { 'content-type': 'application/json', ...source?.headers }
  expect((await fetch(source?.url ?? '', { method: 'POST', headers, body })).status).toBe(200)
}

const get = (path: string) => fetch(paystatus.consoleUrl + path)
const payment = async () => PAYMENT_DOCUMENT.parse(await (await get(PAYMENT)).json())

describe('the read API', () => {
  test('has a payment as soon as it is published, by every id, also by that of a callback', async () => {
    const { status, events } = await payment()
    expect([status, events.length]).toEqual(['COMPLETED', 2])
    for (const id of [ID, E2E, events[1]?.callbackId]) {
      await eventually(async () => {
        const found = SEARCH_DOCUMENT.parse(await (await get(`/api/search?id=${id}`)).json())
        expect(found.payments.map(({ paymentKey }) => paymentKey)).toEqual([KEY])
        expect(found.complete).toBe(true)
      })
    }
  })

  test('knows the past', async () => {
    const { events } = await payment()
    const at = new Date((events[1]?.recordedAt ?? 0) - 1).toISOString()
    const { standing } = STANDING_DOCUMENT.parse(await (await get(`${PAYMENT}/history?at=${at}`)).json())
    expect(standing).toMatchObject({ status: 'PROCESSING', statusVersion: 1 })
  })

  test('has dead letters and lag', async () => {
    const { deadLetters } = DEAD_LETTERS_DOCUMENT.parse(await (await get('/api/dead-letters')).json())
    expect(deadLetters).toBe(1)
    await eventually(async () => {
      const { partitions } = LAG_DOCUMENT.parse(await (await get('/api/lag')).json())
      expect(partitions).toHaveLength(6)
      expect(partitions.reduce((sum, { records }) => sum + records, 0)).toBe(0)
    })
  })
})
