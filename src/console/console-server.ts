import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { mayAct, type Who } from '../config/console-role.ts'
import { close, type ListeningAddress, listen } from '../http-server.ts'
import type { Logger } from '../observability/log.ts'
import { TokenBucket } from '../token-bucket.ts'
import { BROWSER_COOKIE, type ConsoleAccess, SESSION_COOKIE } from './access/console-access.ts'
import { FormTokens, newCookieValue, SESSION_MS } from './access/sessions.ts'
import type { Assets } from './assets.ts'
import { documentPage } from './pages/document-page.ts'
import { problemPage } from './pages/problem-page.ts'
import { ReadLimitError } from './read-limit.ts'
import { type Ask, type Reply, type Route, Router, type SetCookie, segmentsOf } from './route.ts'

export interface ConsoleServerOptions {
  readonly host: string
  /** 0 chooses a free port. */
  readonly port: number
  /** Where people reach it, if that is not host and port. With https, browsers keep and send the cookies on this origin only. */
  readonly publicUrl: string | null
  readonly environment: string
  readonly routes: readonly Route[]
  readonly access: ConsoleAccess
  readonly assets: Assets
  /** Per signed-in name, or per address. */
  readonly requestsPerSecondMax: number
  readonly logger: Pick<Logger, 'warn'>
  /** Time for a request to arrive completely, ms. */
  readonly requestMsMax?: number
  /** Monotonic, ms. */
  readonly clock: () => number
}

const REQUEST_MS_MAX = 10_000
const URL_CHARS_MAX = 4_096
const FORM_BYTES_MAX = 64 << 10
const STREAMS_MAX = 200
/** Callers whose rate is remembered (I10). */
const BUCKETS_MAX = 10_000

/** Everything comes from this origin, nothing is inline, and nobody may frame a page. */
const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': PAGE_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'cache-control': 'no-store',
}

/**
 * The console's HTTP server: identifies the sender, limits rates, checks forms, and sends replies with the headers that keep a
 * browser safe. It opens no file for a request; what it serves is in its routes and assets.
 */
export class ConsoleServer {
  readonly #options: ConsoleServerOptions
  readonly #server: Server
  readonly #router: Router
  readonly #tokens = new FormTokens()
  readonly #buckets = new Map<string, TokenBucket>()
  readonly #stopped = new AbortController()
  #streams = 0

  constructor(options: ConsoleServerOptions) {
    this.#options = options
    this.#router = new Router(options.routes)
    const { requestMsMax = REQUEST_MS_MAX } = options
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response)
    this.#server = createServer(
      {
        maxHeaderSize: 16 << 10,
        headersTimeout: requestMsMax,
        requestTimeout: requestMsMax,
        // The two above hold only as often as this is checked: by default every 30 seconds.
        connectionsCheckingInterval: requestMsMax / 5,
        keepAliveTimeout: 10_000,
        // Node would answer without the headers of every answer.
        requireHostHeader: false,
      },
      answer,
    )
    this.#server.on('checkExpectation', answer)
    this.#server.on('clientError', refuseUnreadable)
    this.#server.maxConnections = 1_000
    // By default, Node drops what follows 2,000 headers, and with it what a proxy adds. maxHeaderSize limits them.
    this.#server.maxHeadersCount = 0
  }

  /** Listens; rejects if the port is taken. */
  start(): Promise<ListeningAddress> {
    return listen(this.#server, this.#options, 'console')
  }

  stop(): Promise<void> {
    this.#stopped.abort()
    return close(this.#server)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const exchange = new Exchange(request, response, this.#options)
    try {
      const reply = await this.#replyTo(exchange, AbortSignal.any([gone.signal, this.#stopped.signal]))
      if (!gone.signal.aborted) {
        this.#send(exchange, reply)
      }
    } catch (error) {
      if (gone.signal.aborted) {
        return
      }
      if (error instanceof ReadLimitError) {
        exchange.retryAfter = error.retryAfter
        exchange.send(problemReply(exchange.isApi, 503, 'The console is reading topics for others. Try again soon.'))
        return
      }
      const { name, code } = error as { name: string; code?: string }
      this.#options.logger.warn({ path: exchange.pattern, name, code }, 'a request to the console failed')
      if (response.headersSent) {
        response.destroy()
      } else {
        exchange.send(problemReply(exchange.isApi, 503, unavailable(error as Error)))
      }
    }
  }

  async #replyTo(exchange: Exchange, signal: AbortSignal): Promise<Reply | AssetReply> {
    const { request, url } = exchange
    const problem = (status: number, detail: string) => problemReply(exchange.isApi, status, detail)
    const method = request.method === 'HEAD' ? 'GET' : request.method
    if (request.headersDistinct['host']?.length !== 1) {
      return problem(400, 'Send the header Host once.')
    }
    if (!/^(100-continue)?$/i.test(request.headers.expect ?? '')) {
      return problem(417, 'The header Expect may only be 100-continue.')
    }
    if (method === 'GET' && exchange.isForForeignPage) {
      return problem(403, 'Another site may link to the console, but not load parts of it.')
    }
    const { segments } = exchange
    if (segments === null || url.length > URL_CHARS_MAX) {
      return problem(404, 'There is nothing here.')
    }
    const asset =
      segments[0] === 'assets' && segments.length === 2 ? this.#options.assets.find(segments[1] ?? '') : null
    if (asset !== null && method === 'GET') {
      return { kind: 'asset', ...asset }
    }
    const found = this.#router.find(String(method), segments)
    if (found === null) {
      const methods = this.#router.methods(segments)
      exchange.allow = methods.join(', ')
      return methods.length === 0
        ? problem(404, 'There is nothing here.')
        : problem(405, `Use ${methods.join(' or ')}.`)
    }
    const { route, params } = found
    exchange.pattern = route.path
    const identified = this.#options.access.identify(request, exchange.cookies)
    const who = 'who' in identified ? identified.who : null
    exchange.who = who
    const wait = this.#secondsToWait(who, request)
    if (wait > 0) {
      exchange.retryAfter = wait
      return problem(429, `Too many requests: at most ${this.#options.requestsPerSecondMax} per second.`)
    }
    if ('refused' in identified) {
      return problem(
        exchange.isApi && request.headers.authorization !== undefined ? 401 : 403,
        `${sentence(identified.refused)}.`,
      )
    }
    if (route.needs !== 'nobody' && who === null) {
      return exchange.isApi
        ? problem(401, 'Sign in, or send a token.')
        : { kind: 'redirect', to: `/sign-in?next=${encodeURIComponent(method === 'GET' ? url : '/')}` }
    }
    if (route.needs === 'operator' && !mayAct(who)) {
      return problem(403, 'This needs the role operator.')
    }
    const browser = exchange.browser
    const formToken = this.#tokens.tokenFor(browser, who)
    exchange.formToken = formToken
    let form = new URLSearchParams()
    if (method === 'POST') {
      if (!exchange.isSameSite(this.#options.publicUrl)) {
        return problem(403, 'The form was not sent from this site.')
      }
      const read = await exchange.readForm()
      if (typeof read === 'number') {
        return problem(read, read === 413 ? 'The form is too large.' : 'Send a form.')
      }
      form = read
      if (!this.#tokens.isFor(form.get('token') ?? '', browser, who)) {
        return problem(403, 'The form is out of date, or was not made for you. Load the page again.')
      }
    }
    return route.handle({
      method: method as Ask['method'],
      path: url,
      params,
      query: exchange.query,
      form,
      who,
      formToken,
      browser,
      session: exchange.session,
      signal,
    })
  }

  #send(exchange: Exchange, reply: Reply | AssetReply): void {
    if (reply.kind !== 'events') {
      exchange.send(reply)
      return
    }
    if (this.#streams >= STREAMS_MAX) {
      exchange.send(problemReply(true, 503, 'Too many live pages are open.'))
      return
    }
    const { request, response, cookies } = exchange
    // A stream stays open for hours; whoever has signed out or lost the role must not read on.
    const mayRead = () => {
      const now = this.#options.access.identify(request, cookies)
      return 'who' in now && now.who !== null
    }
    exchange.writeHead(200, { 'content-type': 'text/event-stream' })
    response.flushHeaders()
    this.#streams += 1
    const stop = reply.start((event, data) => {
      if (!mayRead()) {
        response.end()
      } else if (!response.writableNeedDrain) {
        // A slow reader loses events: the page loads again what it shows.
        response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
      }
    })
    response.once('close', () => {
      this.#streams -= 1
      stop()
    })
  }

  /** 0 if the request may go on. */
  #secondsToWait(who: Who | null, { socket }: IncomingMessage): number {
    const { requestsPerSecondMax, clock } = this.#options
    const key = who === null ? `address ${socket.remoteAddress}` : `${who.how} ${who.name}`
    let bucket = this.#buckets.get(key)
    if (bucket === undefined) {
      bucket = new TokenBucket(requestsPerSecondMax, clock())
      this.#buckets.set(key, bucket)
      const [oldest] = this.#buckets.size > BUCKETS_MAX ? this.#buckets.keys() : []
      if (oldest !== undefined) {
        this.#buckets.delete(oldest)
      }
    }
    return bucket.take(clock()) ? 0 : bucket.secondsUntilNext
  }
}

interface AssetReply {
  readonly kind: 'asset'
  readonly type: string
  readonly content: Buffer
  readonly etag: string
}

/** One request with its response. */
class Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: string
  readonly rawPath: string
  /** Null: not a path of this server. */
  readonly segments: readonly string[] | null
  readonly query: URLSearchParams
  readonly isApi: boolean
  readonly cookies: ReadonlyMap<string, string>
  /** The route's path, for the log: the path itself may hold ids. */
  pattern = ''
  who: Who | null = null
  /** For the forms that every page has; empty before the sender is identified. */
  formToken = ''
  allow = ''
  retryAfter = 0
  readonly #options: Pick<ConsoleServerOptions, 'publicUrl' | 'environment' | 'assets'>
  readonly #newCookies: SetCookie[] = []
  readonly #browser: string
  readonly #isSecure: boolean

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    options: Pick<ConsoleServerOptions, 'publicUrl' | 'environment' | 'assets'>,
  ) {
    this.request = request
    this.response = response
    this.#options = options
    this.url = request.url ?? ''
    const at = this.url.indexOf('?')
    this.rawPath = at < 0 ? this.url : this.url.slice(0, at)
    this.query = new URLSearchParams(at < 0 ? '' : this.url.slice(at + 1))
    this.segments = segmentsOf(this.rawPath)
    // Also of a path such as /%61pi/lag, which is another spelling of the same.
    this.isApi = this.segments?.[0] === 'api' || this.rawPath.startsWith('/api/')
    this.#isSecure = options.publicUrl?.startsWith('https:') === true
    this.cookies = cookiesOf(request.headers.cookie ?? '', this.#isSecure ? HOST_PREFIX : '')
    const known = this.cookies.get(BROWSER_COOKIE)
    this.#browser = known ?? newCookieValue()
    if (known === undefined && !this.isApi) {
      this.#newCookies.push({ name: BROWSER_COOKIE, value: this.#browser })
    }
  }

  get browser(): string {
    return this.#browser
  }

  get session(): string | null {
    return this.cookies.get(SESSION_COOKIE) ?? null
  }

  /** Whether a page of another site loads this in the background, or in a frame, instead of leading somebody here by a link. */
  get isForForeignPage(): boolean {
    const { 'sec-fetch-site': site = 'none', 'sec-fetch-mode': mode, 'sec-fetch-dest': into } = this.request.headers
    return site !== 'none' && site !== 'same-origin' && !(mode === 'navigate' && into === 'document')
  }

  /** Browsers say where a request comes from. Who says nothing must still send the form's token. */
  isSameSite(publicUrl: string | null): boolean {
    const { origin, host, 'sec-fetch-site': site } = this.request.headers
    const own = publicUrl === null ? null : new URL(publicUrl)
    const isOwn = (text: string) =>
      text === own?.origin || (URL.canParse(text) && host !== own?.host && new URL(text).host === host)
    return (site === undefined || site === 'same-origin') && (origin === undefined || isOwn(origin))
  }

  /** The fields, or the status of the refusal. */
  async readForm(): Promise<URLSearchParams | 413 | 415> {
    const type = (this.request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase()
    if (type !== 'application/x-www-form-urlencoded') {
      return 415
    }
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of this.request as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes > FORM_BYTES_MAX) {
        return 413
      }
      chunks.push(chunk)
    }
    return new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
  }

  send(reply: Exclude<Reply, { kind: 'events' }> | AssetReply): void {
    switch (reply.kind) {
      case 'asset': {
        const headers = { 'content-type': reply.type, etag: reply.etag, 'cache-control': 'no-cache' }
        this.#writeUnlessSame(reply.etag, headers, reply.content)
        return
      }
      case 'page': {
        const { environment, assets } = this.#options
        const { who, rawPath: path, formToken } = this
        const signOut = this.session === null ? null : formToken
        const page = documentPage({ ...reply, who, signOut, environment, path, version: assets.version })
        this.#write(reply.status ?? 200, { 'content-type': 'text/html; charset=utf-8' }, page.text)
        return
      }
      case 'json': {
        const headers = { 'content-type': 'application/json' }
        const text = JSON.stringify(reply.document)
        if (reply.etag === undefined) {
          this.#write(reply.status ?? 200, headers, text)
        } else {
          const caching = { etag: reply.etag, 'cache-control': 'private, no-cache' }
          this.#writeUnlessSame(reply.etag, { ...headers, ...caching }, text)
        }
        return
      }
      case 'problem': {
        const { status, detail } = reply
        const challenge: Record<string, string> = status === 401 ? { 'www-authenticate': 'Bearer' } : {}
        const document = { title: TITLES[status] ?? 'Error', status, detail }
        this.#write(status, { 'content-type': 'application/problem+json', ...challenge }, JSON.stringify(document))
        return
      }
      case 'redirect':
        this.#newCookies.push(...(reply.cookies ?? []))
        this.#write(303, { location: reply.to }, '')
        return
      case 'text':
        this.#write(200, { 'content-type': 'text/plain; charset=utf-8' }, reply.text)
        return
      default:
        reply satisfies never
    }
  }

  writeHead(status: number, headers: Readonly<Record<string, string>>): void {
    const cookies = this.#newCookies.map((cookie) => this.#cookieText(cookie))
    this.response.writeHead(status, {
      ...HEADERS,
      ...headers,
      ...(this.allow !== '' && status === 405 && { allow: this.allow }),
      ...(this.retryAfter > 0 && { 'retry-after': String(this.retryAfter) }),
      ...(cookies.length > 0 && { 'set-cookie': cookies }),
    })
  }

  #writeUnlessSame(etag: string, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    const { 'content-type': _, ...without } = headers
    if (matchesEtag(this.request.headers['if-none-match'], etag)) {
      this.#write(304, without, '')
    } else {
      this.#write(200, headers, body)
    }
  }

  #write(status: number, headers: Readonly<Record<string, string>>, body: string | Buffer): void {
    const length: Record<string, string> = status === 304 ? {} : { 'content-length': String(Buffer.byteLength(body)) }
    // What was not read of a refused form must not be taken for the next request.
    const close: Record<string, string> = this.request.complete ? {} : { connection: 'close' }
    this.writeHead(status, { ...headers, ...length, ...close })
    this.response.end(this.request.method === 'HEAD' ? '' : body)
  }

  #cookieText({ name, value }: SetCookie): string {
    const age = value === '' ? 0 : Math.floor(SESSION_MS / 1_000)
    // Lax, not Strict: coming back from the identity provider, the browser must send it.
    const cookie = `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${age}`
    return this.#isSecure ? `${HOST_PREFIX}${cookie}; Secure` : cookie
  }
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Wrong method',
  409: 'Busy',
  413: 'Too large',
  415: 'Wrong media type',
  417: 'Wrong expectation',
  429: 'Too many requests',
  503: 'Not available',
}

function problemReply(isApi: boolean, status: number, detail: string): Exclude<Reply, { kind: 'events' }> {
  return isApi
    ? { kind: 'problem', status, detail }
    : { kind: 'page', status, title: TITLES[status] ?? 'Error', body: problemPage(TITLES[status] ?? 'Error', detail) }
}

/** Answers what Node's parser refused or what took too long to arrive, for which there is no request. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  // After an answer nobody knows which request this would answer.
  if (!socket.writable || (socket as Socket).bytesWritten > 0) {
    socket.destroy()
    return
  }
  const [status, detail] = UNREADABLE[error.code ?? ''] ?? [400, 'This is not an HTTP request.']
  const title = STATUS_CODES[status] ?? 'Error'
  const body = JSON.stringify({ title, status, detail })
  const headers = { ...HEADERS, 'content-type': 'application/problem+json', 'content-length': body.length }
  const lines = Object.entries({ ...headers, connection: 'close' }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${title}\r\n${lines.join('')}\r\n${body}`, () => socket.destroy())
}

const UNREADABLE: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
  HPE_HEADER_OVERFLOW: [431, 'URL and headers are too large.'],
}

/** The code says what is missing; messages can quote data. */
function unavailable(error: Error): string {
  const { code, type } = error as { code?: unknown; type?: unknown }
  const reason = [code, type].find((one) => typeof one === 'string') ?? error.name
  return `A server that this needs does not answer or refused (${reason}). Try again; /health/ready of each role says more.`
}

function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
}

/** Browsers accept a cookie with this name only from this very host and over TLS, so no sibling of the host can plant one. */
const HOST_PREFIX = '__Host-'

/** Our cookies, by their names without the prefix. */
function cookiesOf(header: string, prefix: string): ReadonlyMap<string, string> {
  const names = new Map([BROWSER_COOKIE, SESSION_COOKIE].map((name) => [`${prefix}${name}`, name]))
  return new Map(
    header.split(';').flatMap((pair) => {
      const at = pair.indexOf('=')
      const name = names.get(pair.slice(0, at).trim())
      const value = pair.slice(at + 1).trim()
      return name !== undefined && /^[\w-]{20,64}$/.test(value) ? [[name, value] as const] : []
    }),
  )
}

function matchesEtag(header: string | undefined, etag: string): boolean {
  const known = (header ?? '').split(',').map((one) => one.trim().replace(/^W\//, ''))
  return known.includes(etag) || known.includes('*')
}
