import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  DEAD_LETTERS_DOCUMENT,
  LAG_DOCUMENT,
  PAYMENT_DOCUMENT,
  SEARCH_DOCUMENT,
  STANDING_DOCUMENT,
} from '../../src/console/api/api-documents.ts'
import { partitionOf } from '../../src/stream/partition-of.ts'
import { audit } from '../../src/tools/audit/audit.ts'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { Observer } from '../lab/harness/observer.ts'
import { RawBrowser } from './raw-browser.ts'

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
  await tell(UNREADABLE)
  await tell(bodyOf('PENDING', '2026-01-05T08:00:00.000Z'))
  await eventually(async () => expect((await get(PAYMENT)).status).toBe(200))
  await tell(bodyOf('COMPLETED', '2026-01-05T08:05:00.000Z'))
  await eventually(async () => expect((await payment()).statusVersion).toBe(2))
})

afterAll(() => deployment?.close())

const UNREADABLE = '{"callbacks":[{"not":"a status"}]}'
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

describe('acts', () => {
  let browser: RawBrowser
  let token: string
  beforeAll(async () => {
    browser = new RawBrowser(Number(new URL(paystatus.consoleUrl).port), ['Host: localhost'])
    token = await browser.tokenOn('/drift')
  })

  const acts = async () => (await audit(deployment.config, deployment.logger, {})).acts

  /** The page of the run that the form starts, once it has ended. */
  async function run(path: string, fields: Readonly<Record<string, string>>): Promise<string> {
    const started = await browser.post(path, fields, token)
    expect([path, started.status]).toEqual([path, 303])
    return eventually(async () => {
      const { body } = await browser.get(started.headers.get('location') ?? '')
      expect(body).toContain('>done</span>')
      return body
    })
  }

  test('each stands in payments.audit with who and why, and dry runs do not', async () => {
    const letters = { topic: 'callbacks', cause: 'missing-payment-id' }
    expect(await run('/dead-letters/dry-run', letters)).toContain('1 would stay')
    expect(await run('/reprocess/dry-run', { scope: 'all' })).toContain('3 callbacks')
    expect(await acts()).toEqual([])
    await run('/dead-letters/redrive', { ...letters, reason: 'first try' })
    await run('/dead-letters/close', { ...letters, reason: 'a test' })
    await run('/reprocess/apply', { scope: 'all', reason: 'to be sure' })
    const done = { by: expect.stringMatching(/./), outcome: 'done' }
    expect(await acts()).toEqual([
      expect.objectContaining({ ...done, act: 'redrive', reason: 'first try' }),
      expect.objectContaining({
        ...done,
        act: 'close',
        reason: 'a test',
        counts: expect.objectContaining({ closed: 1 }),
      }),
      expect.objectContaining({ ...done, act: 'reprocess', reason: 'to be sure' }),
    ])
    expect((await browser.get('/dead-letters')).body).toContain('No dead letters are open')
  })

  test('a body is on no page until it is opened, which is recorded', async () => {
    const { body: letter } = await browser.get(`/dead-letters/at/${encodeURIComponent(await placeOfLetter())}`)
    const why = await browser.get(`/payments/${encodeURIComponent(KEY)}/why`)
    const field = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(letter)?.[1] ?? ''
    expect(letter).not.toContain('a status')
    expect(why.body).not.toContain('firmRootId')
    const place = { topic: field('topic'), partition: field('partition'), offset: field('offset') }
    const opened = await browser.post('/bodies', { ...place, reason: 'to read it' }, token)
    expect([opened.status, opened.body]).toEqual([200, expect.stringContaining('&quot;not&quot;:&quot;a status&quot;')])
    const scope = { place: await placeOfLetter() }
    expect((await acts()).at(-1)).toMatchObject({ act: 'open-body', reason: 'to read it', outcome: 'done', scope })
  })

  async function placeOfLetter(): Promise<string> {
    const { offsets, topic } = { topic: deployment.topics.rawDeadLetters, offsets: [0, 1, 2] }
    for (const partition of offsets) {
      const place = `${topic}[${partition}]@0`
      if ((await browser.get(`/dead-letters/at/${encodeURIComponent(place)}`)).status === 200) {
        return place
      }
    }
    throw new Error('there is no dead letter')
  }
})

/** The last test, because it stops the processor, which would rebuild the view. */
test('a payment exists while the view is rebuilt: console, show and why read it from the topic', async () => {
  await paystatus.stop()
  paystatus = await deployment.start(['console'])
  await paystatus.ready()
  const observer = await Observer.create(deployment)
  try {
    const { environment, kafka, processor } = deployment.config
    const view = `{${environment}.${processor.group}.p${partitionOf(Buffer.from(KEY), kafka.partitions)}}:view`
    // As a processor leaves it that empties the view and stops.
    await observer.redis.run(async (client) => {
      const marker = JSON.parse((await client.hget(view, '#marker')) ?? '')
      await client.hset(view, '#marker', JSON.stringify({ ...marker, replaying: true }))
      await client.hdel(view, KEY)
    })
  } finally {
    await observer.close()
  }
  expect((await payment()).statusVersion).toBe(2)
  expect((await get('/api/payments/jpm-global-payments-v1:none')).status).toBe(404)
  for (const command of ['show', 'why']) {
    const { code, stdout, stderr } = await deployment.command([command, E2E, '--json'])
    expect([code, JSON.parse(stdout).from, JSON.parse(stdout).payments.length]).toEqual([0, 'topic', 1])
    expect(stderr).toContain('the view in Redis is not complete')
  }
})
