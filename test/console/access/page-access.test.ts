import { beforeEach, describe, expect, test } from 'vitest'
import { addressSet } from '../../../src/config/address-set.ts'
import { TokenList } from '../../../src/config/token-list.ts'
import { ConsoleAccess, type ConsoleAccessOptions } from '../../../src/console/access/console-access.ts'
import { pageRoutes } from '../../../src/console/pages/page-routes.ts'
import { tokenLine } from '../../config/token-line.ts'
import { ACTS, forgeries, SEEN_TOO } from '../attacks.ts'
import { type FakeWorld, fakeWorld, KEY, paymentOf, startFakeConsole, storyEvents } from '../fake-world.ts'
import { RawBrowser } from '../raw-browser.ts'
import { sendRaw } from '../raw-request.ts'

/** Who may see which page, and who may act, over real connections. */

const PLACE = encodeURIComponent('payments.callbacks.dlq[2]@41')
const PAGES: Readonly<Record<string, string>> = {
  '/payments/:key': `/payments/${encodeURIComponent(KEY)}`,
  '/payments/:key/why': `/payments/${encodeURIComponent(KEY)}/why`,
  '/dead-letters/group': '/dead-letters/group?topic=callbacks',
  '/dead-letters/at/:place': `/dead-letters/at/${PLACE}`,
  '/runbooks/:alert': '/runbooks/PaystatusStatusesLate',
  '/runs/:id': '/runs/none',
}
const access = new ConsoleAccess({ signIn: null, localName: '', now: () => 0 })
const ROUTES = pageRoutes(fakeWorld(), access).filter(({ needs }) => needs !== 'nobody')
const VIEWS = ROUTES.filter(({ method, path }) => method === 'GET' && path !== '/live/changes')
const pathOf = (route: string) => PAGES[route] ?? route

let world: FakeWorld
let tokens: { current: TokenList }
beforeEach(() => {
  world = fakeWorld()
  world.add(storyEvents())
  const lines = [
    tokenLine('billing', 'viewer', 'v'),
    tokenLine('alex', 'operator', 'o'),
    tokenLine('kim', 'operator', 'k'),
  ]
  tokens = { current: new TokenList(Buffer.from(lines.join('\n'))) }
})

async function start(signIn: Partial<NonNullable<ConsoleAccessOptions['signIn']>> = {}, publicUrl?: string) {
  const all = { tokens, proxy: null, oidc: null, ...signIn }
  return startFakeConsole(world, all, publicUrl === undefined ? {} : { publicUrl })
}

async function signedIn(port: number, secret: string): Promise<RawBrowser> {
  const browser = new RawBrowser(port)
  expect((await browser.signIn(secret)).status).toBe(303)
  return browser
}

/** Nothing was done, and nothing began. */
function untouched(): void {
  expect(world.acts).toEqual([])
  for (const kind of ['redrive', 'close', 'reprocess', 'drift', 'scorecard'] as const) {
    expect(world.jobs.latest(kind)).toBeNull()
  }
}

test('the acts of this test are all that there are', () => {
  const posts = ROUTES.filter(({ method }) => method === 'POST')
  expect(posts.map(({ path }) => path).toSorted()).toEqual(ACTS.map(({ path }) => path).toSorted())
  expect(posts.every(({ needs }) => needs === 'operator')).toBe(true)
  expect(VIEWS.every(({ needs }) => needs === 'viewer')).toBe(true)
})

describe('without signing in', () => {
  test.each(VIEWS)('$path leads to the sign-in, and back', async ({ path }) => {
    await using console_ = await start()
    for (const headers of [[], ['Cookie: paystatus_session=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA']]) {
      const answer = await new RawBrowser(console_.port).get(pathOf(path), headers)
      expect(answer.status).toBe(303)
      expect(answer.headers.get('location')).toBe(`/sign-in?next=${encodeURIComponent(pathOf(path))}`)
      expect(answer.body).toBe('')
    }
  })

  test('no act is done, also with a token of a form for nobody, and the live tail is closed', async () => {
    await using console_ = await start()
    const browser = new RawBrowser(console_.port)
    const token = await browser.tokenOn('/sign-in')
    for (const { path, fields } of ACTS) {
      const answer = await browser.post(path, fields, token)
      expect([path, answer.status, answer.headers.get('location')]).toEqual([path, 303, '/sign-in?next=%2F'])
    }
    expect((await browser.get('/live/changes')).status).toBe(303)
    untouched()
  })
})

describe('a viewer', () => {
  test('sees every page, but no form that acts', async () => {
    await using console_ = await start()
    for (const browser of [
      await signedIn(console_.port, 'v'),
      new RawBrowser(console_.port, ['Host: console.example', 'Authorization: Bearer v']),
    ]) {
      for (const { path } of VIEWS) {
        const { status, body } = await browser.get(pathOf(path))
        expect([path, status]).toEqual([path, path === '/runs/:id' ? 404 : 200])
        const forms = [...body.matchAll(/<form[^>]*method="post"[^>]*action="([^"]*)"/g)].map(([, action]) => action)
        expect(forms.filter((action) => action !== '/sign-out')).toEqual([])
      }
    }
  })

  test('can do nothing, with the right token of a form', async () => {
    await using console_ = await start()
    const browser = await signedIn(console_.port, 'v')
    const token = await browser.tokenOn('/')
    for (const { path, fields } of ACTS) {
      const { status, body } = await browser.post(path, fields, token)
      expect([path, status, body]).toEqual([path, 403, expect.stringContaining('needs the role operator')])
      const withBearer = await new RawBrowser(console_.port).post(path, fields, token, ['Authorization: Bearer v'])
      expect([path, withBearer.status]).toEqual([path, 403])
    }
    untouched()
  })
})

describe('an operator', () => {
  test.each(ACTS)('may do $path', async ({ path, fields }) => {
    await using console_ = await start()
    const browser = await signedIn(console_.port, 'o')
    const answer = await browser.post(path, fields, await browser.tokenOn('/'), ['Origin: http://console.example'])
    expect(answer.status).toBe(path === '/bodies' ? 200 : 303)
    if (fields['reason'] !== undefined) {
      expect(world.acts).toEqual([expect.objectContaining({ by: 'alex', reason: fields['reason'] })])
    }
  })

  test.each(forgeries('console.example'))('does nothing $what (CSRF)', async ({ headers, token: which }) => {
    await using console_ = await start()
    const browser = await signedIn(console_.port, 'o')
    const another = await signedIn(console_.port, which === 'of another person' ? 'k' : 'o')
    if (which === 'of another person') {
      // The same browser: only the person differs.
      another.cookies.set('paystatus_browser', browser.cookies.get('paystatus_browser') ?? '')
    }
    const token = {
      own: await browser.tokenOn('/'),
      none: null,
      wrong: 'A'.repeat(43),
      'of another browser': await another.tokenOn('/'),
      'of another person': await another.tokenOn('/'),
    }[which]
    for (const { path, fields } of ACTS) {
      expect([path, (await browser.post(path, fields, token, headers)).status]).toEqual([path, 403])
    }
    untouched()
  })

  test.each(ACTS.filter(({ fields }) => 'reason' in fields))('needs a reason for $path', async ({ path, fields }) => {
    await using console_ = await start()
    const browser = await signedIn(console_.port, 'o')
    const token = await browser.tokenOn('/')
    for (const reason of ['', '   ', 'x'.repeat(501)]) {
      expect((await browser.post(path, { ...fields, reason }, token)).status).toBe(400)
    }
    untouched()
  })

  test('cannot act by a link', async () => {
    await using console_ = await start()
    const browser = await signedIn(console_.port, 'o')
    const token = await browser.tokenOn('/')
    for (const { path, fields } of ACTS.filter(({ path: one }) => !SEEN_TOO.includes(one))) {
      const answer = await browser.get(`${path}?${new URLSearchParams({ ...fields, token })}`)
      expect([path, answer.status]).toEqual([path, 405])
    }
    untouched()
  })
})

describe('a session', () => {
  test('has a cookie that scripts and other sites do not get', async () => {
    await using console_ = await start()
    const browser = new RawBrowser(console_.port)
    const first = (await browser.get('/sign-in')).headers.getSetCookie()
    expect(first).toEqual([
      expect.stringMatching(/^paystatus_browser=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=28800$/),
    ])
    const answer = await browser.signIn('v', '/overdue')
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/overdue'])
    expect(answer.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^paystatus_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=28800$/),
    ])
  })

  test('behind TLS has cookies that no other host can set, and ignores others', async () => {
    await using console_ = await start({}, 'https://console.example')
    const browser = new RawBrowser(console_.port)
    const [set] = (await browser.signIn('o')).headers.getSetCookie()
    expect(set).toMatch(/^__Host-paystatus_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Lax; Max-Age=28800; Secure$/)
    expect((await browser.get('/')).status).toBe(200)
    const planted = new RawBrowser(console_.port)
    for (const [name, value] of browser.cookies) {
      planted.cookies.set(name.replace('__Host-', ''), value)
    }
    expect((await planted.get('/')).status).toBe(303)
    const token = await browser.tokenOn('/')
    const origins = {
      'https://console.example': 303,
      'http://console.example': 403,
      'https://console.example:8443': 403,
    }
    for (const [origin, status] of Object.entries(origins)) {
      expect([origin, (await browser.post('/drift', {}, token, [`Origin: ${origin}`])).status]).toEqual([
        origin,
        status,
      ])
    }
  })

  test('ends by signing out, for everybody who has its cookie', async () => {
    await using console_ = await start()
    const browser = await signedIn(console_.port, 'v')
    const copied = new RawBrowser(console_.port)
    copied.cookies.set('paystatus_session', browser.cookies.get('paystatus_session') ?? '')
    expect((await copied.get('/')).status).toBe(200)
    expect((await browser.post('/sign-out', {}, null)).status).toBe(403)
    expect((await browser.get('/')).status).toBe(200)
    const answer = await browser.post('/sign-out', {}, await browser.tokenOn('/'))
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/sign-in'])
    expect(browser.cookies.has('paystatus_session')).toBe(false)
    expect((await copied.get('/')).status).toBe(303)
  })

  test('is not opened by a wrong token, nor by a form of another site', async () => {
    await using console_ = await start()
    const browser = new RawBrowser(console_.port)
    const wrong = await browser.signIn('x')
    expect([wrong.status, wrong.body]).toEqual([403, expect.stringContaining('The token is not valid')])
    const foreign = await new RawBrowser(console_.port).post('/sign-in', { secret: 'o' }, 'A'.repeat(43))
    expect(foreign.status).toBe(403)
    expect([...browser.cookies.keys()]).toEqual(['paystatus_browser'])
  })

  test('that loses its token is over, and so is its live tail', async () => {
    await using console_ = await start()
    const browser = await signedIn(console_.port, 'v')
    const cookie = `paystatus_session=${browser.cookies.get('paystatus_session')}`
    const tail = await fetch(`${console_.url}/live/changes`, { headers: { cookie } })
    const { changes } = paymentOf([
      { paymentKey: 'jpm:seen', eventId: 'a' },
      { paymentKey: 'jpm:seen', eventId: 'b' },
    ])
    world.tell(changes[0] as NonNullable<(typeof changes)[0]>)
    tokens.current = new TokenList(Buffer.from(tokenLine('billing', 'viewer', 'new')))
    const hidden = paymentOf([{ paymentKey: 'jpm:not-seen', eventId: 'c' }]).changes[0]
    world.tell(hidden as NonNullable<typeof hidden>)
    const text = await tail.text()
    expect(text).toContain('jpm:seen')
    expect(text).not.toContain('jpm:not-seen')
    expect((await browser.get('/')).status).toBe(303)
  })
})

describe('after signing in, people come to', () => {
  test.each([
    ['/overdue', '/overdue'],
    ['/find?q=a%20b&cursor=20', '/find?q=a%20b&cursor=20'],
    ['/payments/jpm%3Aa%2Fb', '/payments/jpm%3Aa%2Fb'],
    // Not decoded by browsers: these stay on this host.
    ['/%2fattacker.example', '/%2fattacker.example'],
    ['/%5cattacker.example', '/%5cattacker.example'],
    ['//attacker.example', '/'],
    ['///attacker.example', '/'],
    ['/\\attacker.example', '/'],
    ['/a\\attacker.example', '/'],
    ['\\\\attacker.example', '/'],
    ['/\t/attacker.example', '/'],
    ['/\n/attacker.example', '/'],
    ['/a\r\nLocation: https://attacker.example', '/'],
    [' //attacker.example', '/'],
    ['https://attacker.example', '/'],
    ['https:attacker.example', '/'],
    ['javascript:alert(1)', '/'],
    ['attacker.example', '/'],
    ['/überweisung', '/'],
    ['', '/'],
  ])('%j: %s', async (next, to) => {
    await using console_ = await start()
    const browser = new RawBrowser(console_.port)
    expect((await browser.signIn('v', next)).headers.get('location')).toBe(to)
    const again = await browser.get(`/sign-in?next=${encodeURIComponent(next)}`)
    expect(again.headers.get('location')).toBe(to)
    expect(new URL(to, 'https://console.example').origin).toBe('https://console.example')
  })
})

describe('behind a proxy that signs people in', () => {
  const proxy = (address: string) => ({
    userHeader: 'x-user',
    groupsHeader: 'x-groups',
    operators: ['ops'],
    viewers: ['staff'],
    addresses: { current: addressSet([address]) },
  })
  const body = ACTS.find(({ path }) => path === '/bodies')?.fields ?? {}
  const as = (groups: string) => ['Host: console.example', 'X-User: alex', `X-Groups: ${groups}`]

  test('a viewer sees pages without a sign-out, and cannot act; an operator can', async () => {
    await using console_ = await start({ tokens: null, proxy: proxy('127.0.0.1') })
    const operator = new RawBrowser(console_.port, as('ops'))
    const token = await operator.tokenOn('/drift')
    const viewer = new RawBrowser(console_.port, as('staff'))
    viewer.cookies.set('paystatus_browser', operator.cookies.get('paystatus_browser') ?? '')
    const page = await viewer.get('/drift')
    expect([page.status, page.body]).toEqual([200, expect.not.stringContaining('/sign-out')])
    expect((await viewer.post('/bodies', body, token)).status).toBe(403)
    untouched()
    expect((await operator.post('/bodies', body, token)).status).toBe(200)
    expect(world.acts).toEqual([expect.objectContaining({ by: 'alex', reason: 'customer asks' })])
  })

  test('the header is worth nothing from elsewhere, and nobody without it is let in', async () => {
    await using console_ = await start({ tokens: null, proxy: proxy('192.0.2.1') })
    expect((await new RawBrowser(console_.port, as('ops')).get('/')).status).toBe(403)
    expect((await new RawBrowser(console_.port).get('/')).status).toBe(303)
    const { body } = await new RawBrowser(console_.port).get('/sign-in')
    expect(body).toContain('The proxy in front of this console signs people in')
  })
})

describe('another site', () => {
  const from = (site: string, mode: string, into: string) => [
    `Sec-Fetch-Site: ${site}`,
    `Sec-Fetch-Mode: ${mode}`,
    `Sec-Fetch-Dest: ${into}`,
  ]

  test.each([
    ['may link to a page', from('cross-site', 'navigate', 'document'), 200],
    ['cannot load a page as an image', from('cross-site', 'no-cors', 'image'), 403],
    ['cannot frame a page', from('cross-site', 'navigate', 'iframe'), 403],
    ['cannot fetch a page, also from a sibling of the host', from('same-site', 'cors', 'empty'), 403],
    ['is not the console itself', from('same-origin', 'cors', 'empty'), 200],
    ['is not the address bar', from('none', 'navigate', 'document'), 200],
  ])('%s', async (_, headers, status) => {
    await using console_ = await startFakeConsole(world)
    const answer = await sendRaw(console_.port, '/audit', ['Host: localhost', ...headers])
    expect(answer.status).toBe(status)
  })
})
