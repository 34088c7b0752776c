import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { OidcSignIn } from '../../../src/console/access/oidc-sign-in.ts'
import { fakeWorld, type RunningConsole, startFakeConsole } from '../fake-world.ts'
import { RawBrowser } from '../raw-browser.ts'
import type { RawAnswer } from '../raw-request.ts'
import { type Claims, type Misbehaviour, OidcProvider } from './oidc-provider.ts'

/** Signing in with OpenID Connect, against a provider over real connections. */

const PUBLIC = 'https://console.example'
const provider = new OidcProvider()
const logged: object[] = []
let console_: RunningConsole
let now = 0

beforeAll(async () => {
  await provider.start()
  const { id, secret } = OidcProvider.client
  const oidc = new OidcSignIn({
    issuer: provider.issuer,
    clientId: id,
    clientSecret: () => secret,
    scope: 'openid profile',
    nameClaim: 'preferred_username',
    groupsClaim: 'groups',
    operators: ['ops'],
    viewers: ['staff'],
    publicUrl: PUBLIC,
    now: () => now,
    logger: { warn: (fields: object) => void logged.push(fields) },
  })
  console_ = await startFakeConsole(fakeWorld(), { tokens: null, proxy: null, oidc }, { publicUrl: PUBLIC })
})
afterAll(async () => {
  await console_?.stop()
  await provider.stop()
})

let browser: RawBrowser
beforeEach(() => {
  now = 0
  logged.length = 0
  provider.wrong = {}
  provider.person = { sub: 'p-1', preferred_username: 'alex', groups: ['ops'] }
  browser = new RawBrowser(console_.port)
})

/** The URL at the provider. */
async function begin(from = browser, next = '/overdue'): Promise<string> {
  const answer = await from.post('/sign-in/oidc', { next }, await from.tokenOn('/sign-in'))
  expect(answer.status).toBe(303)
  return answer.headers.get('location') ?? ''
}

/** Back at the console. */
const comeBack = (search: string, to = browser) =>
  to.get(`/sign-in/callback${search}`, [
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Mode: navigate',
    'Sec-Fetch-Dest: document',
  ])

const signIn = async () => comeBack(provider.authorize(await begin()))

/** Whom the console shows; null: nobody signed in. */
async function whoIs(): Promise<string | null> {
  const { body, status } = await browser.get('/')
  return status === 200
    ? (/<span class="who">([^<]*)<span class="muted">(\w+)/.exec(body)?.slice(1).join('') ?? '')
    : null
}

function refused({ status, body }: RawAnswer, says = 'was refused'): void {
  expect([status, body]).toEqual([403, expect.stringContaining(says)])
  expect([...browser.cookies.keys()]).toEqual(['__Host-paystatus_browser'])
}

test('asks for a code with PKCE, state and nonce, new ones each time, and nothing in the URL opens a session', async () => {
  const [first, second] = [new URL(await begin()).searchParams, new URL(await begin()).searchParams]
  expect(Object.fromEntries(first)).toEqual({
    client_id: 'paystatus',
    redirect_uri: `${PUBLIC}/sign-in/callback`,
    response_type: 'code',
    scope: 'openid profile',
    code_challenge_method: 'S256',
    code_challenge: expect.stringMatching(/^[\w-]{43}$/),
    state: expect.stringMatching(/^[\w-]{43}$/),
    nonce: expect.stringMatching(/^[\w-]{43}$/),
  })
  for (const name of ['code_challenge', 'state', 'nonce']) {
    expect(second.get(name)).not.toBe(first.get(name))
  }
})

test('a person of the provider is signed in, and comes back to where the sign-in began', async () => {
  const answer = await signIn()
  expect([answer.status, answer.headers.get('location')]).toEqual([303, '/overdue'])
  expect(answer.headers.getSetCookie()).toEqual([
    expect.stringMatching(
      /^__Host-paystatus_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=28800; Secure$/,
    ),
  ])
  expect(await whoIs()).toBe('alex operator')
  const out = await browser.post('/sign-out', {}, await browser.tokenOn('/'))
  expect(out.status).toBe(303)
  expect(await whoIs()).toBeNull()
})

test.each(['//attacker.example', 'https://attacker.example', '/\\attacker.example'])(
  'nobody is led to %s',
  async (next) => {
    const answer = await comeBack(provider.authorize(await begin(browser, next)))
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
  },
)

describe('the role comes from a claim', () => {
  test.each<[string, Claims, string]>([
    ['a list with a group of operators', { groups: ['staff', 'ops'] }, 'alex operator'],
    ['a list with a group of viewers', { groups: ['other', 'staff'] }, 'alex viewer'],
    ['one group as text', { groups: 'staff' }, 'alex viewer'],
    ['no name but a subject', { groups: ['staff'], preferred_username: undefined }, 'p-1 viewer'],
    ['a name with control characters', { groups: ['staff'], preferred_username: 'al\u0000ex\r\n' }, 'alex viewer'],
  ])('%s', async (_, person, who) => {
    provider.person = { ...provider.person, ...person }
    expect((await signIn()).status).toBe(303)
    expect(await whoIs()).toBe(who)
  })

  test.each<[string, Claims]>([
    ['no claim', { groups: undefined }],
    ['no group', { groups: [] }],
    ['other groups', { groups: ['OPS', 'op', 'ops2', '*', 'operator'] }],
    ['groups in one text', { groups: 'ops,staff' }],
    ['an object', { groups: { ops: true } }],
  ])('%s: nobody is let in', async (_, person) => {
    provider.person = { ...provider.person, ...person }
    refused(await signIn(), 'neither the role viewer nor operator')
  })
})

describe('is refused', () => {
  const now_ = () => Math.floor(Date.now() / 1_000)
  test.each<[string, () => Misbehaviour]>([
    ['a token of another issuer', () => ({ claims: { iss: 'https://other.example' } })],
    ['a token for another client', () => ({ claims: { aud: 'another' } })],
    ['a token for several clients, without saying for which', () => ({ claims: { aud: ['another', 'paystatus'] } })],
    ['a token that was given to another client', () => ({ claims: { aud: ['paystatus', 'x'], azp: 'x' } })],
    ['a token that has expired', () => ({ claims: { iat: now_() - 7_200, exp: now_() - 3_600 } })],
    ['a token that does not expire', () => ({ claims: { exp: undefined } })],
    ['a token with another nonce', () => ({ claims: { nonce: 'A'.repeat(43) } })],
    ['a token without a nonce', () => ({ claims: { nonce: undefined } })],
    ['a token without a subject', () => ({ claims: { sub: undefined } })],
    ['a token signed with another key', () => ({ foreignKey: true })],
    ['a token without a signature', () => ({ unsigned: true })],
    ['a code that the provider does not accept', () => ({ refuses: 'invalid_grant' })],
  ])('%s, and the log has the code of the reason', async (_, wrong) => {
    const url = await begin()
    provider.wrong = wrong()
    refused(await comeBack(provider.authorize(url)))
    expect(logged).toEqual([expect.objectContaining({ code: expect.any(String) })])
    expect(JSON.stringify(logged)).not.toContain('alex')
  })

  test('a provider that says it is another one', async () => {
    provider.wrong = { issuer: 'https://other.example' }
    const answer = await browser.post('/sign-in/oidc', { next: '/' }, await browser.tokenOn('/sign-in'))
    expect([answer.status, answer.body]).toEqual([503, expect.stringContaining('OAUTH_')])
  })

  test('a sign-in of another browser: nobody is signed in as somebody else by a link', async () => {
    const attacker = new RawBrowser(console_.port)
    const search = provider.authorize(await begin(attacker))
    await browser.get('/sign-in')
    refused(await comeBack(search))
    refused(await comeBack(search, browser))
    // It is gone: whoever begins it must begin again.
    expect((await comeBack(search, attacker)).status).toBe(403)
  })

  test('an answer that comes twice', async () => {
    const search = provider.authorize(await begin())
    expect((await comeBack(search)).status).toBe(303)
    expect((await comeBack(search)).status).toBe(403)
  })

  test('an answer after more than 10 minutes', async () => {
    const search = provider.authorize(await begin())
    now = 10 * 60_000 + 1
    refused(await comeBack(search))
  })

  test.each(['', '?', '?code=x', '?state=', `?state=${'A'.repeat(43)}&code=x`, '?error=access_denied'])(
    'an answer to nothing: %j',
    async (search) => {
      await browser.get('/sign-in')
      refused(await comeBack(search))
    },
  )

  test('what the provider refuses', async () => {
    const state = new URL(await begin()).searchParams.get('state')
    refused(await comeBack(`?error=access_denied&state=${state}`))
    expect(logged).toEqual([expect.objectContaining({ answered: 'access_denied' })])
  })

  test('a code with a state that was changed', async () => {
    const search = provider.authorize(await begin())
    refused(await comeBack(search.replace(/state=./, 'state=~')))
  })
})

test('a sign-in begins with the form only', async () => {
  expect((await browser.get('/sign-in/oidc')).status).toBe(405)
  expect((await browser.post('/sign-in/oidc', { next: '/' }, null)).status).toBe(403)
  expect(
    (await browser.post('/sign-in/oidc', {}, await browser.tokenOn('/sign-in'), ['Origin: https://a.example'])).status,
  ).toBe(403)
})
