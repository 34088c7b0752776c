import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Webhook } from 'standardwebhooks'
import { afterEach, expect, test } from 'vitest'
import { type FixtureOptions, GatewayFixture, NOW, source } from './gateway-fixture.ts'

const TOKEN = 'x'.repeat(22)
const secret = (value: string) => ({ value, file: null })

const started: GatewayFixture[] = []
async function start(options: FixtureOptions): Promise<GatewayFixture> {
  const fixture = await GatewayFixture.start(options)
  started.push(fixture)
  return fixture
}
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ gateway }) => gateway.stop()))
})

function kinds(fixture: GatewayFixture): unknown[] {
  return fixture.appendLog.appended.map(({ record }) => record.headers?.['paystatus_authentication'])
}

test('all requirements of a source must hold, and the record names them, sorted', async () => {
  const fixture = await start({
    trustedProxies: { addresses: { lines: ['127.0.0.1'] }, clientCertificate: null },
    sources: [
      source('all', {
        authentication: [
          { type: 'header', header: 'X-Key', secrets: [secret('key')] },
          { type: 'ip-allow-list', addresses: { lines: ['203.0.113.0/24'] } },
          { type: 'basic', username: 'u', passwords: [secret('p')] },
        ],
      }),
    ],
  })
  const right = {
    'x-key': 'key',
    'x-forwarded-for': '203.0.113.7',
    authorization: `Basic ${Buffer.from('u:p').toString('base64')}`,
  }
  const code = async (headers: Record<string, string>) =>
    (await fixture.call({ path: '/callbacks/all', headers, body: '{}' })).code
  expect(await code(right)).toBe(200)
  expect(await code({ ...right, 'x-key': 'other' })).toBe(401)
  expect(await code({ ...right, 'x-forwarded-for': '203.0.113.7, 198.51.100.1' })).toBe(401)
  expect(await code({ ...right, authorization: '' })).toBe(401)
  expect(kinds(fixture)).toEqual(['basic,header,ip-allow-list'])
})

test('a wrong path token is answered like an unknown path, with every method, and is never logged (I9)', async () => {
  const fixture = await start({
    sources: [
      source('secret', { provider: 'suffixed', authentication: [{ type: 'path-token', tokens: [secret(TOKEN)] }] }),
      source('plain'),
    ],
  })
  const answer = (path: string, method = 'POST') => fixture.call({ path, method, body: '{}' })
  expect((await answer(`/callbacks/secret/${TOKEN}`)).code).toBe(200)
  expect((await answer(`/callbacks/secret/${TOKEN}/status?x=1`)).code).toBe(200)
  const unknown = await answer('/callbacks/nobody/zzz')
  for (const path of [
    'secret',
    'secret/',
    'secret/status',
    'secret/zzz',
    `secret/${TOKEN}x`,
    `secret/${TOKEN}/other`,
  ]) {
    for (const method of ['POST', 'GET']) {
      const { code, body, headers } = await answer(`/callbacks/${path}`, method)
      expect([code, body, Object.keys(headers)]).toEqual([404, '', Object.keys(unknown.headers)])
    }
  }
  expect((await answer(`/callbacks/secret/${'y'.repeat(500)}`)).code).toBe(404)
  expect(kinds(fixture)).toEqual(['path-token', 'path-token'])
  expect(fixture.log.join('\n') + (await fixture.metrics.registry.metrics())).not.toMatch(/zzz|xxx/)
})

test('a signature is checked against the body as received, and a forged callback is not published', async () => {
  const key = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
  const fixture = await start({
    sources: [
      source('signed', {
        authentication: [{ type: 'standard-webhooks', secrets: [secret(key)], toleranceSeconds: 300 }],
      }),
    ],
  })
  const sent = '{ "amount" : 1 }'
  const headers = {
    'webhook-id': 'msg_1',
    'webhook-timestamp': String(NOW / 1_000),
    'webhook-signature': new Webhook(key).sign('msg_1', new Date(NOW), sent),
  }
  const code = async (body: string) => (await fixture.call({ path: '/callbacks/signed', headers, body })).code
  expect(await code(sent)).toBe(200)
  expect(await code('{ "amount" : 2 }')).toBe(401)
  expect(await code('')).toBe(401)
  expect(kinds(fixture)).toEqual(['standard-webhooks'])
  expect(fixture.log).toEqual([expect.stringContaining('standard-webhooks: wrong-signature')])
})

test('a secret that changes in its file is required from then on', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'paystatus-secret-'))
  try {
    const file = join(directory, 'secret')
    writeFileSync(file, 'old\n')
    const fixture = await start({
      sources: [
        source('keyed', {
          authentication: [{ type: 'header', header: 'X-Key', secrets: [{ value: 'old', file }, secret('spare')] }],
        }),
      ],
    })
    const code = async (key: string) =>
      (await fixture.call({ path: '/callbacks/keyed', headers: { 'x-key': key }, body: '{}' })).code
    expect([await code('old'), await code('new'), await code('spare')]).toEqual([200, 401, 200])
    writeFileSync(file, 'new\n')
    await fixture.access.files.check()
    expect([await code('old'), await code('new'), await code('spare')]).toEqual([401, 200, 200])
    writeFileSync(file, '\n')
    await fixture.access.files.check()
    expect([await code(''), await code('new')]).toEqual([401, 200])
  } finally {
    rmSync(directory, { recursive: true })
  }
})
