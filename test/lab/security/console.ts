import { createServer } from 'node:http'
import type { Browser } from 'playwright-core'
import { ConsoleAccess } from '../../../src/console/access/console-access.ts'
import { apiRoutes } from '../../../src/console/api/api-routes.ts'
import { pageRoutes } from '../../../src/console/pages/page-routes.ts'
import type { Route } from '../../../src/console/route.ts'
import { close, listen } from '../../../src/http-server.ts'
import { toDeadLetter } from '../../../src/stream/dead-letter.ts'
import { sampleEvent } from '../../avro/samples.ts'
import { tokenLine } from '../../config/token-line.ts'
import { ACTS, forgeries, HOSTILE, hostileEvents, PATH_TRICKS, SEEN_TOO } from '../../console/attacks.ts'
import { fakeWorld } from '../../console/fake-world.ts'
import { RawBrowser } from '../../console/raw-browser.ts'
import { sendRaw } from '../../console/raw-request.ts'
import { launchChromium, problemsOf, tracesOfScripts } from '../harness/chromium-browser.ts'
import type { Deployment } from '../harness/deployment.ts'
import { eventually } from '../harness/eventually.ts'
import { createKafkaJs } from '../harness/kafkajs-client.ts'
import { Observer } from '../harness/observer.ts'
import { TlsFiles } from '../harness/tls-gateway.ts'
import { type Battery, withDeployment } from './battery.ts'

const TOKENS = { viewer: 'token-of-a-viewer', operator: 'token-of-an-operator', other: 'token-of-another-operator' }
const KEY = `jpm:${HOSTILE}`
const REASON = `checked ${HOSTILE}`

/** What the attacks of one battery came to. */
class Tally {
  readonly findings: string[] = []
  readonly measured: Record<string, number> = {}

  count(what: string, isFine: boolean, finding: string): void {
    this.measured[what] = (this.measured[what] ?? 0) + 1
    if (!isFine) {
      this.findings.push(`${what}: ${finding}`)
    }
  }
}

/** The console on real servers, whose topics are full of hostile text: nobody gets in, acts or runs a script who may not. */
export const console_: Battery = {
  name: 'console',
  title: 'the console: access, forged forms, scripts in every published field, frames, paths',
  run: async (world) => {
    const files = new TlsFiles()
    const lines = [
      tokenLine('billing', 'viewer', TOKENS.viewer),
      tokenLine('alex', 'operator', TOKENS.operator),
      tokenLine('kim', 'operator', TOKENS.other),
    ]
    const signIn = { tokens: { file: files.write(`${lines.join('\n')}\n`) } }
    const config = { console: { signIn, requestsPerSecondMax: 10_000 } }
    let browser: Browser | undefined
    try {
      browser = await launchChromium()
      const chromium = browser
      return await withDeployment(world, ['processor', 'console'], { config }, async (deployment, running) => {
        const tally = new Tally()
        const url = running.consoleUrl
        const port = Number(new URL(url).port)
        const place = await publishHostile(deployment)
        const pages = pathsOf(place)
        await eventually(async () => {
          const { status } = await asBearer(port, TOKENS.viewer).get(`/payments/${encodeURIComponent(KEY)}`)
          if (status !== 200) {
            throw new Error(`the hostile payment is not there yet: ${status}`)
          }
        })
        await access(port, pages, tally)
        await csrf(port, tally)
        await unacted(deployment, tally)
        await paths(port, tally)
        await scripts(chromium, url, pages, tally)
        await frames(chromium, url, pages, tally)
        const attacks = Object.values(tally.measured).reduce((sum, count) => sum + count, 0)
        return { ran: `${attacks} attacks and pages, ${chromium.version()} as the browser`, ...tally }
      })
    } finally {
      await browser?.close()
      files.remove()
    }
  },
}

const asBearer = (port: number, token: string) =>
  new RawBrowser(port, ['Host: localhost', `Authorization: Bearer ${token}`])

/** Hostile text in events, so in both status topics, and in dead letters. The place of the dead letter. */
async function publishHostile(deployment: Deployment): Promise<string> {
  const { config, topics } = deployment
  const observer = await Observer.create(deployment)
  const events = hostileEvents(KEY).map((event) => sampleEvent(event))
  const note = { reason: HOSTILE, message: HOSTILE, stage: HOSTILE, topic: HOSTILE, partition: 0, offset: 7n }
  const callback = { offset: 7n, key: Buffer.from(HOSTILE), value: Buffer.from(HOSTILE), timestamp: Date.now() }
  const headers = { paystatus_source: HOSTILE, paystatus_provider: HOSTILE, hostile: HOSTILE }
  const letter = toDeadLetter({ ...callback, headers }, { ...note, element: 0, at: Date.now() })
  const producer = createKafkaJs(config.kafka).producer()
  await producer.connect()
  try {
    const values = events.map((event) => ({ key: KEY, value: observer.codecs.event.encode(event) }))
    await producer.send({ topic: topics.events, messages: values })
    const message = {
      key: HOSTILE,
      value: callback.value,
      headers: letter.headers as Record<string, string>,
      partition: 0,
    }
    await producer.send({ topic: topics.rawDeadLetters, messages: [message] })
  } finally {
    await producer.disconnect()
    await observer.close()
  }
  return `${topics.rawDeadLetters}[0]@0`
}

/** Every page and every answer of the API, with hostile parameters where they have some. */
function pathsOf(place: string): readonly { readonly route: Route; readonly path: string }[] {
  const access = new ConsoleAccess({ signIn: null, localName: '', now: () => 0 })
  const params: Readonly<Record<string, string>> = { key: KEY, place, id: HOSTILE, alert: HOSTILE, paymentKey: KEY }
  const at = new Date().toISOString()
  const query = new URLSearchParams({ q: HOSTILE, id: HOSTILE, reason: HOSTILE, source: HOSTILE, at }).toString()
  return [...pageRoutes(fakeWorld(), access), ...apiRoutes(fakeWorld(), '')].map((route) => {
    const path = route.path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''))
    return { route, path: /find|group|search|history/.test(path) ? `${path}?${query}` : path }
  })
}

/** Without signing in, and with the wrong role. */
async function access(port: number, paths: ReturnType<typeof pathsOf>, tally: Tally): Promise<void> {
  const strangers: Readonly<Record<string, readonly string[]>> = {
    nobody: [],
    'a wrong token': ['Authorization: Bearer x'],
    'the hash of a token': [`Authorization: Bearer ${tokenLine('a', 'viewer', TOKENS.operator).split(' ')[2]}`],
    'an invented session': [`Cookie: paystatus_session=${'A'.repeat(43)}`],
    'the header of a proxy that is not configured': ['X-Forwarded-User: alex', 'X-Forwarded-Groups: operators'],
    'an address that a proxy would add': ['X-Forwarded-For: 127.0.0.1', 'Forwarded: for=127.0.0.1'],
    'another path for a proxy': ['X-Original-URL: /sign-in', 'X-Rewrite-URL: /sign-in'],
    'another method': ['X-HTTP-Method-Override: GET'],
  }
  for (const { route, path } of paths.filter(({ route: { needs } }) => needs !== 'nobody')) {
    for (const [who, headers] of Object.entries(strangers)) {
      const { status, body } = await sendRaw(port, path, ['Host: localhost', ...headers], { method: route.method })
      const isFine = [303, 401, 403].includes(status) && !body.includes('Attention') && !body.includes('paymentKey')
      tally.count('requests without signing in', isFine, `${route.method} ${route.path} as ${who} gave ${status}`)
    }
  }
  const viewer = new RawBrowser(port, ['Host: localhost'])
  await viewer.signIn(TOKENS.viewer)
  const token = await viewer.tokenOn('/')
  for (const { path, fields } of ACTS) {
    for (const headers of [[], [`Authorization: Bearer ${TOKENS.viewer}`]]) {
      const { status } = await viewer.post(path, fields, token, headers)
      tally.count('acts of a viewer', status === 403, `${path} gave ${status}`)
    }
  }
}

/** Forms that another site makes an operator's browser send. */
async function csrf(port: number, tally: Tally): Promise<void> {
  const host = `localhost:${port}`
  const signedIn = async (secret: string) => {
    const browser = new RawBrowser(port, [`Host: ${host}`])
    await browser.signIn(secret)
    return browser
  }
  const victim = await signedIn(TOKENS.operator)
  const sameBrowser = await signedIn(TOKENS.other)
  sameBrowser.cookies.set('paystatus_browser', victim.cookies.get('paystatus_browser') ?? '')
  const tokens = {
    own: await victim.tokenOn('/'),
    none: null,
    wrong: 'A'.repeat(43),
    'of another browser': await (await signedIn(TOKENS.operator)).tokenOn('/'),
    'of another person': await sameBrowser.tokenOn('/'),
  }
  for (const { what, headers, token } of forgeries(host)) {
    for (const { path, fields } of [...ACTS, { path: '/sign-out', fields: {} }]) {
      const { status } = await victim.post(path, fields, tokens[token], headers)
      tally.count('forged forms', status === 403, `${path} ${what} gave ${status}`)
    }
  }
  for (const { path, fields } of ACTS.filter(({ path: one }) => !SEEN_TOO.includes(one))) {
    const { status } = await victim.get(`${path}?${new URLSearchParams({ ...fields, token: tokens.own })}`)
    tally.count('acts by a link', status === 405, `${path} gave ${status}`)
  }
  const { status } = await victim.get('/')
  tally.count('sessions that are still open', status === 200, `the forged forms ended the session: ${status}`)
}

/** What an act would have left behind. */
async function unacted(deployment: Deployment, tally: Tally): Promise<void> {
  const observer = await Observer.create(deployment)
  const acts = [...(await observer.records('audit')), ...(await observer.records('resolvedDeadLetters'))].length
  await observer.close()
  tally.count('looks into payments.audit', acts === 0, `${acts} records of acts that nobody was allowed to do`)
}

async function paths(port: number, tally: Tally): Promise<void> {
  for (const target of PATH_TRICKS) {
    for (const headers of [[], [`Authorization: Bearer ${TOKENS.operator}`]]) {
      const { status, body } = await sendRaw(port, target.replaceAll(' ', '%20'), ['Host: localhost', ...headers])
      const isFine = [400, 404].includes(status) || ([303, 401].includes(status) && headers.length === 0)
      const leaks = /"dependencies"|root:|payments\.audit/.test(body)
      tally.count('tricks with paths', isFine && !leaks, `${target.slice(0, 80)} gave ${status}`)
    }
  }
}

/** Every page in a real browser, as an operator, after an act whose reason is hostile, too. */
async function scripts(chromium: Browser, url: string, paths: ReturnType<typeof pathsOf>, tally: Tally): Promise<void> {
  const page = await chromium.newPage()
  const problems = problemsOf(page)
  await page.goto(`${url}/sign-in`)
  await page.locator('#secret').fill(TOKENS.operator)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.locator('#verdict').waitFor()
  const letter = paths.find(({ route }) => route.path === '/dead-letters/at/:place')
  await page.goto(url + letter?.path)
  await page.locator('#body-reason').fill(REASON)
  await page.getByRole('button', { name: 'Open the body' }).click()
  await page.locator('pre.body').waitFor()
  const seen = async (what: string) => {
    const traces = [...(await tracesOfScripts(page)), ...problems.splice(0)]
    tally.count('pages full of hostile text in a browser', traces.length === 0, `${what}: ${traces.join('; ')}`)
  }
  await seen('a body')
  const views = paths.filter(({ route }) => route.method === 'GET' && !/live|callback/.test(route.path))
  for (const { route, path } of views) {
    const response = await page.goto(url + path)
    if (route.path === '/payments/:key') {
      await page.locator('#why-part').waitFor()
    }
    await seen(route.path)
    const policy = response?.headers()['content-security-policy'] ?? ''
    const isStrict = policy.includes("default-src 'none'") && !policy.includes('unsafe')
    tally.count('policies', isStrict, `${route.path} has the policy ${policy}`)
  }
  await page.goto(`${url}/payments/${encodeURIComponent(KEY)}`)
  const shown = await page.locator('main').textContent()
  tally.count('hostile text that is shown as text', shown?.includes(HOSTILE) === true, 'the payment does not show it')
  await page.goto(`${url}/audit`)
  const acts = await page.locator('main').textContent()
  tally.count(
    'bodies opened, all in the audit trail',
    acts?.includes(REASON) === true,
    'the body that was opened is not',
  )
  await page.close()
}

/** A page of another site that frames the console's pages, in the browser of somebody who is signed in. */
async function frames(chromium: Browser, url: string, paths: ReturnType<typeof pathsOf>, tally: Tally): Promise<void> {
  const views = paths.filter(({ route }) => route.method === 'GET' && !/live|callback/.test(route.path))
  const elements = views.map(({ path }) => `<iframe src="${url}${path.replaceAll('"', '%22')}"></iframe>`).join('')
  const server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' })
    response.end(`<!doctype html><body>${elements}</body>`)
  })
  const { port } = await listen(server, { host: '127.0.0.1', port: 0 }, 'test')
  try {
    const page = await chromium.newPage()
    await page.goto(`http://127.0.0.1:${port}/`, { waitUntil: 'load' })
    const framed = page.frames().filter((frame) => frame !== page.mainFrame())
    tally.count('attacking pages', framed.length === views.length, `${framed.length} of ${views.length} frames`)
    for (const frame of framed) {
      const text = await frame.evaluate<string>('document.body?.innerText ?? ""').catch(() => '')
      const isEmpty = frame.url().startsWith('chrome-error://') || !text.includes('paystatus')
      tally.count('frames', isEmpty, `${frame.url().slice(0, 80)} is shown in a frame`)
    }
    await page.close()
  } finally {
    await close(server)
  }
}
