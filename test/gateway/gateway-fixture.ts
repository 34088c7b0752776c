import { type Agent, type IncomingHttpHeaders, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import type { SourceConfig } from '../../src/config.ts'
import { Access, type AccessOptions } from '../../src/gateway/access/access.ts'
import { type DrainableAppendLog, Gateway, type GatewayOptions } from '../../src/gateway/gateway.ts'
import { Health } from '../../src/observability/health.ts'
import { Metrics } from '../../src/observability/metrics.ts'
import type { Provider } from '../../src/providers/provider.ts'
import { AppendError } from '../../src/stream/append-error.ts'
import type { AppendOptions } from '../../src/stream/append-log.ts'
import type { OutRecord } from '../../src/stream/record.ts'

/** An append log whose broker the test controls. */
class FakeAppendLog implements DrainableAppendLog {
  readonly topic = 'raw'
  readonly partitions = 6
  readonly appended: { readonly partition: number; readonly record: OutRecord; readonly signal: AbortSignal }[] = []
  /** How the broker handles an append; by default it acknowledges at once. */
  behaviour: (signal: AbortSignal) => Promise<void> = () => Promise.resolve()
  drains = 0
  #open = 0

  get waitingRecords(): number {
    return this.#open
  }
  get waitingBytes(): number {
    return this.#open * 100
  }

  async append(partition: number, records: readonly OutRecord[], options?: AppendOptions): Promise<void> {
    const signal = options?.signal as AbortSignal
    this.appended.push({ partition, record: records[0] as OutRecord, signal })
    this.#open += 1
    try {
      await this.behaviour(signal)
    } finally {
      this.#open -= 1
    }
  }

  async drain(): Promise<void> {
    this.drains += 1
    while (this.#open > 0) {
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
  }
}

/** A broker that never answers: the append ends only by its signal. */
export function hang(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new AppendError('APPEND_ABORTED', 'aborted')))
  })
}

/** Two providers: one that is also called with `/status`, and one that is not. */
const PROVIDERS: Record<string, Provider> = {
  plain: provider('plain', []),
  suffixed: provider('suffixed', ['/status']),
}

function provider(id: string, pathSuffixes: readonly string[]): Provider {
  return {
    id,
    mappingVersion: 1,
    successCode: 200,
    retryHorizonDays: 1,
    pathSuffixes,
    translate: () => ({ events: [], deadLetters: [], setAside: 0, drift: [] }),
    firstPaymentKey: ({ namespace, body }) => (body.includes('pay-1') ? `${namespace}:pay-1` : null),
  }
}

export function source(id: string, more: Partial<SourceConfig> = {}): SourceConfig {
  return {
    id,
    provider: 'plain',
    path: `/callbacks/${id}`,
    namespace: `ns-${id}`,
    successCode: 200,
    currency: null,
    requestsPerSecondMax: 5_000,
    jsonDepthMax: 64,
    authentication: [{ type: 'none' }],
    ...more,
  }
}

const SOURCES: readonly SourceConfig[] = [
  source('open'),
  source('v1', { provider: 'suffixed' }),
  source('v2', { successCode: 204 }),
  source('made', { successCode: 201 }),
  source('keyed', {
    authentication: [{ type: 'header', header: 'X-Callback-Key', secrets: [{ value: 'hunter2', file: null }] }],
  }),
  // One request now, another in a quarter of an hour.
  source('slow', { requestsPerSecondMax: 0.001 }),
  source('slow-keyed', {
    requestsPerSecondMax: 1,
    authentication: [{ type: 'header', header: 'X-Callback-Key', secrets: [{ value: 'hunter2', file: null }] }],
  }),
  source('basic', {
    authentication: [{ type: 'basic', username: 'jpm', passwords: [{ value: 'hunter2', file: null }] }],
  }),
]

export const NOW = Date.UTC(2026, 10, 23, 8)

export type FixtureOptions = Partial<GatewayOptions> &
  Partial<Pick<AccessOptions, 'tls' | 'trustedProxies' | 'filesCheckIntervalMs'>>

export class GatewayFixture {
  readonly appendLog = new FakeAppendLog()
  readonly metrics: Metrics
  readonly access: Access
  readonly health = new Health()
  /** Everything that was logged, as text. */
  readonly log: string[] = []
  readonly gateway: Gateway
  port = 0
  #receipts = 0

  constructor({ tls = null, trustedProxies = null, filesCheckIntervalMs = 60_000, ...options }: FixtureOptions = {}) {
    const { sources = SOURCES, now = () => NOW } = options
    this.metrics = new Metrics({ sources: sources.map(({ id }) => id), processMetrics: false })
    const line =
      (level: string) =>
      (fields: object, text: string): void => {
        this.log.push(`${level} ${text} ${JSON.stringify(fields)}`)
      }
    const logger = { info: line('info'), warn: line('warn'), error: line('error') } as never
    this.access = new Access({
      sources,
      tls,
      trustedProxies,
      filesCheckIntervalMs,
      logger,
      metrics: this.metrics.gateway,
      now,
    })
    this.gateway = new Gateway({
      host: '127.0.0.1',
      port: 0,
      answerDeadlineMs: 1_000,
      headersTimeoutMs: 5_000,
      requestTimeoutMs: 10_000,
      keepAliveTimeoutMs: 75_000,
      answerReadTimeoutMs: 5_000,
      connectionsMax: 1_000,
      connectionsPerAddressMax: 1_000,
      headerBytesMax: 16_384,
      headersMax: 100,
      bodyBytesMax: 1_024,
      waitingRecordsMax: 100,
      waitingBytesMax: 100_000,
      sources,
      access: this.access,
      providers: (id) => PROVIDERS[id],
      appendLog: this.appendLog,
      now,
      newReceiptId: () => `receipt-${++this.#receipts}`,
      logger,
      metrics: this.metrics.gateway,
      health: this.health,
      shutdown: { waitMs: 20 },
      ...options,
    })
  }

  static async start(options: FixtureOptions = {}): Promise<GatewayFixture> {
    const fixture = new GatewayFixture(options)
    fixture.port = (await fixture.gateway.start()).port
    return fixture
  }

  call(call: Call): Promise<Answer> {
    return send(this.port, call)
  }

  /** A raw TCP connection, for bytes that no HTTP client would send. */
  connect(): Promise<RawConnection> {
    return RawConnection.open(this.port)
  }
}

export interface Call {
  readonly path: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: Buffer | string
  readonly agent?: Agent
}

export interface Answer {
  readonly code: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

function send(port: number, call: Call): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const outgoing = request(
    {
      host: '127.0.0.1',
      port,
      path: call.path,
      method: call.method ?? 'POST',
      agent: call.agent ?? false,
      headers: { 'content-type': 'application/json', ...call.headers },
    },
    (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve({ code: response.statusCode ?? 0, headers: response.headers, body }))
      response.on('error', reject)
    },
  )
  outgoing.on('error', reject)
  outgoing.end(call.body)
  return promise
}

export class RawConnection {
  received = ''
  ended = false
  readonly socket: Socket
  readonly #waiting = new Set<() => void>()

  private constructor(socket: Socket) {
    this.socket = socket
    const wake = (): void => {
      for (const check of this.#waiting) {
        check()
      }
    }
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      this.received += chunk
      wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.ended = true
      wake()
    })
  }

  static open(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new RawConnection(socket)))
      socket.once('error', reject)
    })
  }

  write(text: string | Buffer): void {
    this.socket.write(text)
  }

  /** Resolves once the condition holds; otherwise only the test's own time limit ends it. */
  until(holds: (connection: this) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (holds(this)) {
          this.#waiting.delete(check)
          resolve()
        }
      }
      this.#waiting.add(check)
      check()
    })
  }

  /** The status codes received so far. */
  get codes(): number[] {
    return [...this.received.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, code]) => Number(code))
  }
}

/** A complete POST as bytes. */
export function post(path: string, body: string, headers: readonly string[] = []): string {
  return [
    `POST ${path} HTTP/1.1`,
    'Host: x',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
    '',
    body,
  ].join('\r\n')
}
