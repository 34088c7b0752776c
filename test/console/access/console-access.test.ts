import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { addressSet, liveAddressSet } from '../../../src/config/address-set.ts'
import { LiveFiles } from '../../../src/config/live-files.ts'
import { liveTokenList } from '../../../src/config/token-list.ts'
import type { ConsoleAccessOptions, ProxySignIn } from '../../../src/console/access/console-access.ts'
import { ConsoleAccess } from '../../../src/console/access/console-access.ts'
import { apiRoutes } from '../../../src/console/api/api-routes.ts'
import type { Route } from '../../../src/console/route.ts'
import { tokenLine } from '../../config/token-line.ts'
import { fakeWorld, type RunningConsole, startFakeConsole } from '../fake-world.ts'
import { type RawAnswer, sendRaw } from '../raw-request.ts'

/** Who is let in, over real connections. `/who` says who somebody is, `/act` needs an operator. */

const ROUTES: readonly Route[] = [
  { method: 'GET', path: '/api/who', needs: 'viewer', handle: ({ who }) => ({ kind: 'json', document: who }) },
  { method: 'GET', path: '/api/act', needs: 'operator', handle: ({ who }) => ({ kind: 'json', document: who }) },
]
const LOCAL = 'Host: localhost'
const ELSEWHERE = 'Host: console.example'
/** Containers often have none. */
const HAS_IPV6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'))

let running: RunningConsole[]
let directory: string
beforeEach(() => {
  running = []
  directory = mkdtempSync(join(tmpdir(), 'paystatus-access-'))
})
afterEach(async () => {
  await Promise.all(running.map((one) => one.stop()))
  rmSync(directory, { recursive: true })
})

async function start(signIn: ConsoleAccessOptions['signIn'], host = '127.0.0.1'): Promise<RunningConsole> {
  const started = await startFakeConsole(fakeWorld(), signIn, { host, routes: ROUTES })
  running.push(started)
  return started
}

const detailOf = ({ body }: RawAnswer) => JSON.parse(body).detail as string

describe('without sign-in', () => {
  test.each(['localhost', 'localhost:8090', '127.0.0.1', '127.0.0.1:1', '[::1]', '[::1]:8090'])(
    'answers this machine under %s',
    async (name) => {
      const { port } = await start(null)
      const answer = await sendRaw(port, '/api/who', [`Host: ${name}`])
      expect([answer.status, JSON.parse(answer.body).role]).toEqual([200, 'operator'])
    },
  )

  test.each([
    'attacker.example',
    'attacker.example:8090',
    'localhost.attacker.example',
    '127.0.0.1.attacker.example',
    'localhost:8090.attacker.example',
    'attacker.example:8090:8090',
    'localhost@attacker.example',
    '127.1',
    '2130706433',
    '0.0.0.0',
    '192.0.2.1',
    '[::ffff:192.0.2.1]',
    '',
  ])('refuses the foreign name %j, which may have been rebound to this machine', async (name) => {
    const { port } = await start(null)
    for (const path of ['/api/who', '/api/lag', '/api/openapi.json']) {
      const answer = await sendRaw(port, path, [`Host: ${name}`])
      expect([path, answer.status]).toEqual([path, 403])
      expect(detailOf(answer)).toContain('answers only under localhost')
    }
  })

  test('refuses a request with two names, or none', async () => {
    const { port } = await start(null)
    for (const headers of [[LOCAL, ELSEWHERE], [ELSEWHERE, LOCAL], []]) {
      expect((await sendRaw(port, '/api/who', headers)).status).toBe(400)
    }
  })

  test.each([
    'X-Forwarded-For: 127.0.0.1',
    'X-Forwarded-For:',
    'x-FORWARDED-for: 192.0.2.1',
    'Forwarded: for=127.0.0.1',
    'X-Forwarded-Host: localhost',
    'X-Forwarded-Proto: https',
    'X-Real-IP: 127.0.0.1',
    'Via: 1.1 proxy',
  ])(
    'refuses what a proxy forwarded: %s',
    async (header) => {
      const { port } = await start(null)
      const answer = await sendRaw(port, '/api/who', [LOCAL, header])
      expect([answer.status, detailOf(answer)]).toEqual([403, expect.stringContaining('A proxy forwarded')])
    },
    10_000,
  )

  test('sees the header of a proxy behind thousands of others', async () => {
    const { port } = await start(null)
    const junk = Array.from({ length: 2_100 }, () => 'a:')
    expect((await sendRaw(port, '/api/who', [LOCAL, ...junk])).status).toBe(200)
    expect((await sendRaw(port, '/api/who', [LOCAL, ...junk, 'Via: 1.1 proxy'])).status).toBe(403)
  })

  test.each([
    ['127.0.0.1', true],
    ['127.8.9.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['192.0.2.1', false],
    ['::ffff:192.0.2.1', false],
    ['2001:db8::1', false],
    ['::', false],
    ['127.0.0.1.example', false],
    [undefined, false],
  ])('a connection from %s is let in: %s', (remoteAddress, isLetIn) => {
    const access = new ConsoleAccess({ signIn: null, localName: 'somebody', now: () => 0 })
    const request = { headers: { host: 'localhost' }, headersDistinct: {}, socket: { remoteAddress } }
    const identified = access.identify(request as never, new Map())
    expect('who' in identified && identified.who?.role === 'operator').toBe(isLetIn)
  })
})

describe('with tokens', () => {
  const file = () => join(directory, 'tokens')
  let log: string[]
  let files: LiveFiles

  async function startWithTokens(...lines: readonly string[]): Promise<number> {
    writeFileSync(file(), lines.join('\n'))
    log = []
    const line = (fields: object, text: string) => void log.push(`${text} ${JSON.stringify(fields)}`)
    files = new LiveFiles({ info: line, warn: line } as never, 1_000)
    const tokens = liveTokenList(files, 'console.signIn.tokens', file())
    return (await start({ tokens, proxy: null, oidc: null })).port
  }

  const ask = (port: number, path: string, ...headers: readonly string[]) =>
    sendRaw(port, path, [ELSEWHERE, ...headers])
  const bearer = (token: string) => `Authorization: Bearer ${token}`
  const statusWith = async (port: number, token: string, path = '/api/who') =>
    (await ask(port, path, bearer(token))).status

  test('a viewer may read, an operator may act, and both have their names', async () => {
    const port = await startWithTokens(tokenLine('billing', 'viewer', 'v'), tokenLine('alex', 'operator', 'o'))
    expect(JSON.parse((await ask(port, '/api/who', bearer('v'))).body)).toEqual({
      name: 'billing',
      role: 'viewer',
      how: 'token',
    })
    expect(JSON.parse((await ask(port, '/api/act', bearer('o'))).body)).toMatchObject({
      name: 'alex',
      role: 'operator',
    })
    expect(await statusWith(port, 'v', '/api/act')).toBe(403)
    expect((await ask(port, '/api/who', 'authorization: bearer v')).status).toBe(200)
  })

  test.each([
    ['no token', []],
    ['a wrong token', [bearer('x')]],
    ['a token with another case', [bearer('V')]],
    ['the start of a token', [bearer('viewer-toke')]],
    ['the hash of a token', [bearer(tokenLine('a', 'viewer', 'v').split(' ')[2] ?? '')]],
    ['the scheme alone', ['Authorization: Bearer']],
    ['an empty token', ['Authorization: Bearer  ']],
    ['no scheme', ['Authorization: v']],
    ['another scheme', [`Authorization: Basic ${Buffer.from('v:v').toString('base64')}`]],
    ['a scheme that begins the same', ['Authorization: Bearerv v']],
    ['two tokens', ['Authorization: Bearer v v']],
    ['a list', ['Authorization: Bearer v,Bearer v']],
    ['two headers, both right', [bearer('v'), bearer('v')]],
    ['a tab', ['Authorization: Bearer\tv']],
    ['another header', ['X-Authorization: Bearer v']],
    ['a cookie', ['Cookie: paystatus_session=v']],
    ['a forged session', [`Cookie: paystatus_session=${'A'.repeat(43)}`]],
    ['the header of a proxy, which is not configured', ['X-Forwarded-User: alex', 'X-Forwarded-Groups: ops']],
  ])('refuses %s, as not signed in', async (_, headers) => {
    const port = await startWithTokens(tokenLine('billing', 'viewer', 'v'), tokenLine('b', 'viewer', 'viewer-token'))
    const answer = await ask(port, '/api/who', ...headers)
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Bearer'])
    expect(answer.body).not.toContain('billing')
  })

  test('a token in the URL is none', async () => {
    const port = await startWithTokens(tokenLine('billing', 'viewer', 'v'))
    expect((await ask(port, '/api/who?access_token=v&token=v')).status).toBe(401)
  })

  test('being at this machine is not enough', async () => {
    const port = await startWithTokens(tokenLine('billing', 'viewer', 'v'))
    expect((await sendRaw(port, '/api/who', [LOCAL])).status).toBe(401)
  })

  test('a name may have two tokens; each is valid until its line is removed', async () => {
    const old = tokenLine('billing', 'viewer', 'old')
    const port = await startWithTokens(old, tokenLine('billing', 'viewer', 'new'))
    expect([await statusWith(port, 'old'), await statusWith(port, 'new')]).toEqual([200, 200])
    writeFileSync(file(), tokenLine('billing', 'viewer', 'new'))
    await files.check()
    expect([await statusWith(port, 'old'), await statusWith(port, 'new')]).toEqual([401, 200])
  })

  test('a file that is replaced counts from then on, also for sessions that a token opened', async () => {
    writeFileSync(file(), tokenLine('alex', 'operator', 'o'))
    files = new LiveFiles({ info: () => {}, warn: () => {} } as never, 1_000)
    const tokens = liveTokenList(files, 'console.signIn.tokens', file())
    const access = new ConsoleAccess({ signIn: { tokens, proxy: null, oidc: null }, localName: '', now: () => 0 })
    const session = access.signInWithToken('o') ?? ''
    const request = { headers: {}, headersDistinct: {}, socket: {} } as never
    const who = () => access.identify(request, new Map([['paystatus_session', session]]))
    expect(who()).toMatchObject({ who: { name: 'alex', role: 'operator' } })
    writeFileSync(file(), tokenLine('alex', 'viewer', 'o'))
    await files.check()
    expect(who()).toEqual({ who: null })
  })

  test.each([
    ['is removed', null, 'cannot be read (ENOENT)'],
    ['is empty', '', 'contains no entry'],
    ['has an unknown role', `${tokenLine('billing', 'viewer', 'v')}\n${tokenLine('alex', 'admin', 'o')}`, 'entry 2'],
    ['has a token instead of its hash', 'billing viewer v', 'entry 1'],
  ])('while the file %s, no token is valid, and the log says why', async (_, content, reason) => {
    const good = tokenLine('billing', 'viewer', 'v')
    const port = await startWithTokens(good)
    expect(await statusWith(port, 'v')).toBe(200)
    if (content === null) {
      unlinkSync(file())
    } else {
      writeFileSync(file(), content)
    }
    await files.check()
    expect(await statusWith(port, 'v')).toBe(401)
    expect(log).toEqual([expect.stringMatching(/^console\.signIn\.tokens: .*lets nobody in/)])
    expect(log[0]).toContain(reason)
    writeFileSync(file(), good)
    await files.check()
    expect(await statusWith(port, 'v')).toBe(200)
  })
})

describe('behind a proxy that signs people in', () => {
  async function startBehind(addresses: readonly string[], host = '127.0.0.1', more: Partial<ProxySignIn> = {}) {
    const proxy: ProxySignIn = {
      userHeader: 'x-user',
      groupsHeader: 'x-groups',
      operators: ['ops'],
      viewers: ['staff'],
      addresses: { current: addressSet(addresses) },
      ...more,
    }
    return (await start({ tokens: null, proxy, oidc: null }, host)).port
  }

  const ask = (port: number, headers: readonly string[], host = '127.0.0.1', path = '/api/who') =>
    sendRaw(port, path, [ELSEWHERE, ...headers], { host })

  test.for([
    ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
    ['127.0.0.0/8', '127.0.0.1', '127.0.0.1'],
    ['::1', '::1', '::1'],
    // A server for both families sees IPv4 callers under their IPv4-mapped addresses.
    ['127.0.0.1', '::', '127.0.0.1'],
    ['::ffff:127.0.0.1', '127.0.0.1', '127.0.0.1'],
  ])(
    'the address %s, listening on %s, is that of the proxy at %s',
    async ([address = '', listen = '', from], { skip }) => {
      skip(listen.includes(':') && !HAS_IPV6, 'this machine has no IPv6')
      const port = await startBehind([address], listen)
      const answer = await ask(port, ['X-User: alex', 'X-Groups: staff'], from)
      expect(JSON.parse(answer.body)).toEqual({ name: 'alex', role: 'viewer', how: 'proxy' })
    },
  )

  test.for([
    ['127.0.0.2', '127.0.0.1', '127.0.0.1'],
    ['192.0.2.0/24', '::', '127.0.0.1'],
    ['::1', '::', '127.0.0.1'],
    ['127.0.0.1', '::1', '::1'],
    ['2001:db8::/32', '::1', '::1'],
  ])(
    'the header is worth nothing if %s is the proxy, listening on %s, and it comes from %s',
    async ([address = '', listen = '', from], { skip }) => {
      skip(listen.includes(':') && !HAS_IPV6, 'this machine has no IPv6')
      const port = await startBehind([address], listen)
      for (const path of ['/api/who', '/api/lag', '/api/openapi.json']) {
        const answer = await ask(port, ['X-User: alex', 'X-Groups: ops', 'X-Forwarded-For: 127.0.0.2'], from, path)
        expect([path, answer.status]).toEqual([path, 403])
      }
    },
  )

  test.each([
    ['no name', ['X-Groups: staff'], 401],
    ['an empty name', ['X-User:', 'X-Groups: ops'], 403],
    ['a blank name', ['X-User:   ', 'X-Groups: ops'], 403],
    ['two names', ['X-User: alex', 'X-User: chris', 'X-Groups: ops'], 403],
    ['the same name twice', ['X-User: alex', 'x-user: alex', 'X-Groups: ops'], 403],
    ['groups twice', ['X-User: alex', 'X-Groups: ops', 'X-Groups: staff'], 403],
    ['no groups', ['X-User: alex'], 403],
    ['empty groups', ['X-User: alex', 'X-Groups: ,,'], 403],
    ['unknown groups', ['X-User: alex', 'X-Groups: admin,operator,viewer,*'], 403],
    ['a group with another case', ['X-User: alex', 'X-Groups: OPS'], 403],
    ['the start of a group', ['X-User: alex', 'X-Groups: op, ops2'], 403],
  ])('refuses %s', async (_, headers, status) => {
    const port = await startBehind(['127.0.0.1'])
    expect((await ask(port, headers)).status).toBe(status)
  })

  test('a token that cannot be read does not make its sender who the proxy says', async () => {
    const port = await startBehind(['127.0.0.1'])
    const headers = ['X-User: alex', 'X-Groups: ops']
    expect((await ask(port, [...headers, 'Authorization: Bearer v v'])).status).toBe(401)
    expect((await ask(port, [...headers, 'Authorization: Basic YTpi'])).status).toBe(200)
  })

  test('sees a repeated name behind thousands of other headers', async () => {
    const port = await startBehind(['127.0.0.1'])
    const junk = Array.from({ length: 2_100 }, () => 'a:')
    expect((await ask(port, ['X-User: a', 'X-Groups: ops', ...junk])).status).toBe(200)
    expect((await ask(port, ['X-User: a', 'X-Groups: ops', ...junk, 'X-User: alex'])).status).toBe(403)
  })

  test('everybody has the role whose groups are `*`, and nobody has one without groups', async () => {
    const open = await startBehind(['127.0.0.1'], '127.0.0.1', { viewers: ['*'] })
    expect(JSON.parse((await ask(open, ['X-User: alex'])).body).role).toBe('viewer')
    const closed = await startBehind(['127.0.0.1'], '127.0.0.1', { viewers: [], operators: [] })
    expect((await ask(closed, ['X-User: alex', 'X-Groups: ops'])).status).toBe(403)
  })

  test('nobody is the proxy while the file of its addresses cannot be used', async () => {
    const file = join(directory, 'addresses')
    writeFileSync(file, '127.0.0.1')
    const files = new LiveFiles({ info: () => {}, warn: () => {} } as never, 1_000)
    const addresses = liveAddressSet(files, 'addresses', { file }, addressSet([]))
    const port = await startBehind([], '127.0.0.1', { addresses })
    expect((await ask(port, ['X-User: alex', 'X-Groups: ops'])).status).toBe(200)
    writeFileSync(file, '127.0.0.')
    await files.check()
    expect((await ask(port, ['X-User: alex', 'X-Groups: ops'])).status).toBe(403)
  })
})

describe('every route of the API', () => {
  const routes = apiRoutes(fakeWorld(), '1.2.3')

  test.each(routes)('$path is for viewers', async ({ path, needs, method }) => {
    expect(needs).toBe('viewer')
    const { port } = await start({ tokens: { current: { find: () => null } }, proxy: null, oidc: null })
    const target = path.replaceAll(/:\w+/g, 'x')
    for (const one of method === 'GET' ? ['GET', 'HEAD'] : [method]) {
      expect((await sendRaw(port, target, [ELSEWHERE], { method: one })).status).toBe(401)
      expect((await sendRaw(port, target, [ELSEWHERE, 'Authorization: Bearer x'], { method: one })).status).toBe(401)
    }
  })
})
