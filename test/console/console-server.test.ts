import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { addressSet } from '../../src/config/address-set.ts'
import { ReadLimitError } from '../../src/console/read-limit.ts'
import type { Route } from '../../src/console/route.ts'
import { PATH_TRICKS } from './attacks.ts'
import { fakeWorld, KEY, type RunningConsole, startFakeConsole, storyEvents } from './fake-world.ts'
import { answerOf, type RawAnswer, sendBytes, sendRaw } from './raw-request.ts'

/** What the server does with requests that no client of good will sends, over real connections. */

const busy = () => Promise.reject(new ReadLimitError('busy'))
const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/api/busy', needs: 'viewer', handle: busy },
  { method: 'GET', path: '/busy', needs: 'viewer', handle: busy },
  { method: 'POST', path: '/api/form', needs: 'viewer', handle: () => ({ kind: 'text', text: 'done' }) },
  {
    method: 'GET',
    path: '/api/events',
    needs: 'viewer',
    handle: () => ({
      kind: 'events',
      start: () => {
        throw new Error('no events')
      },
    }),
  },
]

const world = fakeWorld()
let open: RunningConsole
/** Nobody can sign in. */
let closed: RunningConsole
let limited: RunningConsole
/** Requests must arrive within half a second. */
let hasty: RunningConsole
beforeAll(async () => {
  world.add(storyEvents())
  const proxy = { userHeader: 'x-user', groupsHeader: 'x-groups', operators: [], viewers: [] }
  const signIn = { tokens: null, oidc: null, proxy: { ...proxy, addresses: { current: addressSet([]) } } }
  open = await startFakeConsole(world, null, { routes: ROUTES })
  closed = await startFakeConsole(world, signIn)
  limited = await startFakeConsole(world, null, { requestsPerSecondMax: 1 })
  hasty = await startFakeConsole(world, null, { routes: ROUTES, requestMsMax: 500 })
})
afterAll(() => Promise.all([open, closed, limited, hasty].map((one) => one?.stop())))

const LOCAL = 'Host: localhost'

describe('paths', () => {
  test.each(PATH_TRICKS)('%s is refused, and nothing is read', async (target) => {
    const answer = await sendRaw(open.port, target.replaceAll(' ', '%20'))
    expect([400, 404]).toContain(answer.status)
    expect(answer.body).not.toContain('no payment with this key')
    safe(answer)
  })

  test('a slash in a payment key is part of the key', async () => {
    for (const key of ['a%2fb', 'a%2f..%2f..%2flag']) {
      const answer = await sendRaw(open.port, `/api/payments/${key}`)
      expect(JSON.parse(answer.body).detail).toBe('There is no payment with this key.')
    }
  })

  test('another spelling of /api is the API, with the same access', async () => {
    expect((await sendRaw(open.port, '/%61pi/lag')).status).toBe(200)
    const answer = await sendRaw(closed.port, '/%61pi/lag')
    expect([answer.status, answer.headers.get('content-type')]).toEqual([401, 'application/problem+json'])
  })

  test('a URL longer than all headers may be is refused', async () => {
    const answer = await sendRaw(open.port, `/api/${'x'.repeat(20_000)}`)
    expect(answer.status).toBe(431)
    safe(answer)
  })
})

test('a request that reads topics while too many do is told when to come again', async () => {
  for (const [path, type] of [
    ['/api/busy', 'application/problem+json'],
    ['/busy', 'text/html; charset=utf-8'],
  ]) {
    const answer = await sendRaw(open.port, path ?? '')
    expect([answer.status, answer.headers.get('retry-after'), answer.headers.get('content-type')]).toEqual([
      503,
      '5',
      type,
    ])
    safe(answer)
  }
})

describe('methods', () => {
  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND'])('%s is refused', async (method) => {
    const answer = await sendRaw(open.port, '/api/lag', [LOCAL, 'X-HTTP-Method-Override: GET'], { method })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET'])
    safe(answer)
  })

  test('CONNECT opens nothing', async () => {
    expect(await sendBytes(open.port, 'CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('')
  })

  test('an upgrade is ignored', async () => {
    const headers = [
      LOCAL,
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    ]
    expect((await sendRaw(open.port, '/api/lag', headers)).status).toBe(200)
  })

  test('HEAD has the headers of GET, and no body', async () => {
    const [get, head] = [
      await sendRaw(open.port, '/api/lag'),
      await sendRaw(open.port, '/api/lag', [LOCAL], { method: 'HEAD' }),
    ]
    expect([head.status, head.body]).toEqual([200, ''])
    expect(head.headers.get('content-length')).toBe(get.headers.get('content-length'))
    safe(head)
  })
})

/** What keeps a browser safe, which every answer has. */
function safe({ headers }: Pick<RawAnswer, 'headers'>): void {
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toContain("default-src 'none'")
  expect(policy).toContain("frame-ancestors 'none'")
  expect(policy).not.toContain('unsafe')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('x-frame-options')).toBe('DENY')
  expect(headers.get('referrer-policy')).toBe('same-origin')
  expect(headers.get('cross-origin-resource-policy')).toBe('same-origin')
  expect(headers.get('cache-control')).toMatch(/^(no-store|private, no-cache|no-cache)$/)
  expect(headers.get('access-control-allow-origin')).toBeNull()
}

describe('every answer has the headers that keep a browser safe', () => {
  const payment = `/api/payments/${encodeURIComponent(KEY)}`
  const host = [LOCAL]

  test.each<[number, string, () => RunningConsole, string, readonly string[], { method?: string }?]>([
    [200, 'a document', () => open, '/api/lag', host],
    [200, 'a payment', () => open, payment, host],
    [304, 'a payment that did not change', () => open, payment, [...host, 'If-None-Match: *']],
    [200, 'a file', () => open, '/assets/console.css', host],
    [400, 'a wrong parameter', () => open, '/api/search', host],
    [400, 'no Host', () => open, '/api/lag', []],
    [400, 'a malformed header', () => open, '/api/lag', [LOCAL, 'bad header']],
    [400, 'a length and chunks', () => open, '/api/lag', [LOCAL, 'Content-Length: 1', 'Transfer-Encoding: chunked']],
    [401, 'nobody', () => closed, '/api/lag', host],
    [401, 'a wrong token', () => closed, '/api/lag', [...host, 'Authorization: Bearer x']],
    [403, 'a foreign name', () => open, '/api/lag', ['Host: attacker.example']],
    [403, 'a foreign proxy', () => closed, '/api/lag', [...host, 'X-User: alex']],
    [404, 'no path of the API', () => open, '/api/nothing', host],
    [404, 'no page', () => open, '/nothing', host],
    [405, 'a wrong method', () => open, '/api/lag', host, { method: 'DELETE' }],
    [417, 'an unknown expectation', () => open, '/api/lag', [...host, 'Expect: x']],
    [431, 'too many headers', () => open, '/api/lag', [...host, `X: ${'x'.repeat(20_000)}`]],
  ])('%d, %s', async (status, _, server, target, headers, options) => {
    const answer = await sendRaw(server().port, target, headers, options)
    expect(answer.status).toBe(status)
    safe(answer)
  })

  test('400, what is not HTTP', async () => {
    const answer = answerOf(await sendBytes(open.port, '\x16\x03\x01 hello\r\n\r\n'))
    expect(answer.status).toBe(400)
    safe(answer)
  })

  test('429', async () => {
    const codes: number[] = []
    for (let index = 0; index < 6; index += 1) {
      const answer = await sendRaw(limited.port, '/api/lag')
      codes.push(answer.status)
      safe(answer)
    }
    expect(codes).toContain(429)
  })

  test('503, a server that does not answer', async () => {
    world.down = true
    try {
      const answer = await sendRaw(open.port, payment)
      expect(answer.status).toBe(503)
      safe(answer)
    } finally {
      world.down = false
    }
  })
})

describe('bodies (I10)', () => {
  const form = 'Content-Type: application/x-www-form-urlencoded'

  test('a GET is answered without waiting for its body, and its connection ends', async () => {
    const bytes = `GET /api/lag HTTP/1.1\r\n${LOCAL}\r\nContent-Length: 1000000000\r\n\r\nx`
    const answer = answerOf(await sendBytes(open.port, bytes))
    expect([answer.status, answer.headers.get('connection')]).toEqual([200, 'close'])
  })

  test('what follows a body that was not read is not taken for a request', async () => {
    const inner = `GET /api/openapi.json HTTP/1.1\r\n${LOCAL}\r\n\r\n`
    const bytes = `DELETE /api/lag HTTP/1.1\r\n${LOCAL}\r\nContent-Length: ${inner.length + 1}\r\n\r\n${inner}`
    const text = await sendBytes(open.port, bytes)
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 405'])
  })

  test.each([
    ['a length', `Content-Length: ${1 << 20}`, 'x'.repeat(70_000)],
    ['chunks', 'Transfer-Encoding: chunked', `${(70_000).toString(16)}\r\n${'x'.repeat(70_000)}\r\n`],
  ])('a form that is too large is refused while it arrives, with %s', async (_, header, body) => {
    const answer = await sendRaw(open.port, '/api/form', [LOCAL, form, header], { method: 'POST', body })
    expect(answer.status).toBe(413)
    safe(answer)
  })

  test.each([
    ['without the token of the form', [form], 403, 'was not made for you'],
    ['from another site', [form, 'Origin: http://attacker.example'], 403, 'not sent from this site'],
    ['from another site, as a browser says', [form, 'Sec-Fetch-Site: cross-site'], 403, 'not sent from this site'],
    ['of another type', ['Content-Type: application/json'], 415, 'Send a form'],
  ])('a form %s is refused', async (_, headers, status, detail) => {
    const all = [LOCAL, 'Content-Length: 3', ...headers]
    const answer = await sendRaw(open.port, '/api/form', all, { method: 'POST', body: 'a=b' })
    expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(detail)])
  })
})

describe('requests that arrive slowly are ended', () => {
  test.each([
    ['a head', `GET /api/lag HTTP/1.1\r\n${LOCAL}\r\nX: `],
    [
      'a body',
      `POST /api/form HTTP/1.1\r\n${LOCAL}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 9\r\n\r\na`,
    ],
  ])('%s', async (_, bytes) => {
    const answer = answerOf(await sendBytes(hasty.port, bytes))
    expect(answer.status).toBe(408)
    safe(answer)
  })

  test('a head that gets some byte now and then', async () => {
    const socket = connect({ port: hasty.port, host: '127.0.0.1' })
    const ended = new Promise((resolve) => socket.once('close', resolve))
    socket.on('error', () => {})
    socket.resume()
    socket.write(`GET /api/lag HTTP/1.1\r\n${LOCAL}\r\nX: `)
    const drip = setInterval(() => socket.write('x'), 50)
    try {
      await ended
    } finally {
      clearInterval(drip)
    }
  })
})

test('a stream that fails after its head ends its connection, and the server goes on', async () => {
  await sendRaw(open.port, '/api/events')
  expect((await sendRaw(open.port, '/api/lag')).status).toBe(200)
})
