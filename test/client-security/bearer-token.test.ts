import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { TokenError, tokenSource } from '../../src/client-security/bearer-token.ts'

let server: Server | undefined
afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

async function endpoint(
  answer: (asked: number, body: string, authorization: string) => { status: number; body: string },
) {
  let asked = 0
  const started = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    asked += 1
    const reply = answer(asked, body, request.headers.authorization ?? '')
    response.writeHead(reply.status).end(reply.body)
  })
  server = started
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(started.address() as AddressInfo).port}/token`
  return { from: 'endpoint', url, clientId: 'we & us', clientSecret: () => 'p:w', scope: 'kafka' } as const
}

test('shares a token for most of its lifetime, then replaces it', async () => {
  let now = 0
  const seen: string[] = []
  const place = await endpoint((asked, body, authorization) => {
    seen.push(`${body} ${Buffer.from(authorization.slice(6), 'base64')}`)
    return { status: 200, body: JSON.stringify({ access_token: `t${asked}`, expires_in: 10 }) }
  })
  const token = tokenSource(place, () => now)
  expect(await Promise.all([token(), token()])).toEqual(['t1', 't1'])
  now = 7_999
  expect(await token()).toBe('t1')
  now = 8_000
  expect(await token()).toBe('t2')
  expect(seen[0]).toBe('grant_type=client_credentials&scope=kafka we%20%26%20us:p%3Aw')
})

test.each([
  [401, '{"error":"invalid_client"}', false, 'status 401, invalid_client'],
  [503, '', true, 'status 503'],
  [200, '<html>', false, 'without an access_token'],
])(
  'reports status %s and whether a retry can help; the next call asks again',
  async (status, body, retriable, says) => {
    const place = await endpoint((asked) =>
      asked === 1 ? { status, body } : { status: 200, body: '{"access_token":"t"}' },
    )
    const token = tokenSource(place, Date.now)
    const error: unknown = await token().catch((caught: unknown) => caught)
    expect(error).toBeInstanceOf(TokenError)
    expect(error).toMatchObject({ retriable, message: expect.stringContaining(says) })
    expect(String(error)).not.toContain('p:w')
    expect(await token()).toBe('t')
  },
)
