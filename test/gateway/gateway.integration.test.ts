import { randomUUID } from 'node:crypto'
import http from 'node:http'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { partitionOf } from '../../src/stream/partition-of.ts'
import type { SimulatedSource } from '../../src/tools/simulate/simulate.ts'
import { simulatedSources } from '../../src/tools/simulated-sources.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { Observer } from '../lab/harness/observer.ts'

/** A real gateway process with real brokers. */

let deployment: Deployment
let observer: Observer
let gateway: RoleProcess

beforeAll(async () => {
  deployment = await Deployment.create(inject('stack'), { config: { gateway: { port: 0, bodyBytesMax: 300_000 } } })
  observer = await Observer.create(deployment)
  gateway = await deployment.start(['gateway'])
  await gateway.ready()
})

afterAll(async () => {
  await observer?.close()
  await deployment?.close()
})

describe('a refused callback is not in raw', () => {
  test.each([
    ['without the secret', 401, 'jpm-v1', { headers: { 'x-callback-secret': '' } }],
    ['with a wrong password', 401, 'jpm-v2', { headers: { authorization: 'Basic anBtOndyb25n' } }],
    ['to another path', 404, 'jpm-v1', { suffix: '/other' }],
    ['to a suffix that the provider does not have', 404, 'jpm-v2', { suffix: '/status' }],
    ['with GET', 405, 'jpm-v1', { method: 'GET' }],
    ['with PUT', 405, 'instamed', { method: 'PUT' }],
    ['of more than the limit', 413, 'jpm-v1', { body: Buffer.alloc(300_001, 'x') }],
    ['of a picture', 415, 'jpm-v1', { headers: { 'content-type': 'image/png' } }],
    ['in gzip', 415, 'jpm-v1', { headers: { 'content-encoding': 'gzip' } }],
  ] as const)('%s: %d', async (_what, code, sourceId, changes) => {
    const before = (await observer.records('raw')).length
    const { status, body } = await send(sourceId, changes)
    expect(status).toBe(code)
    expect(body.split('\n').length).toBe(1)
    expect((await observer.records('raw')).length).toBe(before)
  })
})

describe('an accepted callback is in raw, byte for byte, whatever it is', () => {
  test.each([
    ['JSON', 'jpm-v2', Buffer.from('{"data":{"payments":[]}}'), 204],
    ['no JSON', 'jpm-v1', Buffer.from('{"callbacks":['), 200],
    ['nothing', 'jpm-v1', Buffer.alloc(0), 200],
    ['invalid UTF-8 and zeros', 'instamed', Buffer.from([0xff, 0x00, 0xfe, 0x0a, 0x0d]), 200],
    ['deep nesting', 'jpm-v1', Buffer.from('['.repeat(100_000)), 200],
    ['the largest body', 'jpm-v2', Buffer.alloc(300_000, '{'), 204],
  ])('I1 %s', async (_what, sourceId, body, code) => {
    expect((await send(sourceId, { body })).status).toBe(code)
    const raw = await observer.records('raw')
    const found = raw.filter((record) => record.value?.equals(body) && String(record.headers['ce_source']) === sourceId)
    expect(found.length).toBe(1)
  })

  test('v1 may call the registered URL with /status appended', async () => {
    const body = Buffer.from(`{"callbacks":[],"by":"${randomUUID()}"}`)
    expect((await send('jpm-v1', { suffix: '/status', body })).status).toBe(200)
    expect((await observer.records('raw')).filter((record) => record.value?.equals(body)).length).toBe(1)
  })

  test('callbacks of one payment are in the partition of its key', async () => {
    const firmRootId = randomUUID()
    for (const status of ['PENDING', 'COMPLETED']) {
      await send('jpm-v1', {
        body: Buffer.from(JSON.stringify({ callbacks: [{ firmRootId, paymentStatus: status }] })),
      })
    }
    const key = `jpm-global-payments-v1:${firmRootId}`
    const found = (await observer.records('raw')).filter((record) => String(record.key) === key)
    const partition = partitionOf(Buffer.from(key), deployment.config.kafka.partitions)
    expect(found.map((record) => record.partition)).toEqual([partition, partition])
  })
})

test('I1 a stop under load: every callback answered with success is in raw, byte for byte, and no connection is cut off', async () => {
  const stopping = await deployment.start(['gateway'])
  await stopping.ready()
  const sent = new Map<string, Outcome>()
  const agent = new http.Agent({ keepAlive: true, maxSockets: 32 })
  let exited = false
  const caller = async (): Promise<void> => {
    while (!exited) {
      const body = `{"callbacks":[],"id":"${randomUUID()}","padding":"${'x'.repeat(2_000)}"}`
      sent.set(body, await outcomeOf(stopping, agent, body))
    }
  }
  const callers = Array.from({ length: 24 }, caller)
  await eventually(() =>
    expect([...sent.values()].filter((outcome) => outcome === 'accepted').length).toBeGreaterThan(300),
  )
  expect(await stopping.stop()).toBe(0)
  exited = true
  await Promise.all(callers)
  agent.destroy()

  const raw = new Set((await observer.records('raw')).map(({ value }) => String(value)))
  const bodiesOf = (wanted: Outcome) => [...sent].filter(([, outcome]) => outcome === wanted).map(([body]) => body)
  expect(bodiesOf('accepted').length).toBeGreaterThan(300)
  expect(bodiesOf('accepted').filter((body) => !raw.has(body)).length).toBe(0)
  expect(bodiesOf('refused').length).toBe(0)
  expect(bodiesOf('cut').length).toBe(0)
  // The kernel refuses callers that connect at the very end; nothing of their requests was read.
  expect(bodiesOf('never served').filter((body) => raw.has(body)).length).toBe(0)
})

/** `cut`: a used connection ended without an answer. `never served`: a new connection was refused. */
type Outcome = 'accepted' | 'refused' | 'cut' | 'never served'

interface SendOptions {
  readonly method?: string
  readonly suffix?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer
}

async function send(sourceId: string, options: SendOptions): Promise<{ status: number; body: string }> {
  const source = sourceOf(gateway, sourceId)
  const method = options.method ?? 'POST'
  const response = await fetch(source.url + (options.suffix ?? ''), {
    method,
    headers: { 'content-type': 'application/json', ...source.headers, ...options.headers },
    ...(method !== 'GET' && { body: new Uint8Array(options.body ?? Buffer.from('{}')) }),
  })
  return { status: response.status, body: await response.text() }
}

function sourceOf(process: RoleProcess, id: string): SimulatedSource {
  const source = simulatedSources(deployment.config, process.gatewayUrl).find((candidate) => candidate.id === id)
  if (source === undefined) {
    throw new Error(`there is no source ${id}`)
  }
  return source
}

function outcomeOf(process: RoleProcess, agent: http.Agent, body: string): Promise<Outcome> {
  const { url, headers } = sourceOf(process, 'jpm-v1')
  const { promise, resolve } = Promise.withResolvers<Outcome>()
  const request = http.request(url, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json', ...headers },
  })
  request.on('response', (response) => {
    response.resume()
    response.on('end', () => resolve(response.statusCode === 200 ? 'accepted' : 'refused'))
    response.on('error', () => resolve('cut'))
  })
  request.on('error', () => resolve(request.reusedSocket ? 'cut' : 'never served'))
  request.end(body)
  return promise
}
