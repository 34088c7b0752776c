import type { IncomingMessage } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { setImmediate as nextCheck } from 'node:timers/promises'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { SourceConfig } from '../config.ts'
import type { ReachCrashPoint } from '../crash-point.ts'
import { listen } from '../http-server.ts'
import type { Health } from '../observability/health.ts'
import type { Logger } from '../observability/log.ts'
import { NO_SOURCE } from '../observability/metric-table.ts'
import type { GatewayMetrics } from '../observability/metrics.ts'
import type { Tracing } from '../observability/tracing.ts'
import type { Provider } from '../providers/provider.ts'
import { canBeCallback } from '../raw/media-type.ts'
import { type BodyDigest, toRawRecord } from '../raw/to-raw-record.ts'
import { sleep } from '../sleep.ts'
import type { AppendLog } from '../stream/append-log.ts'
import { partitionOf } from '../stream/partition-of.ts'
import { shortReason } from '../stream/short-reason.ts'
import { TokenBucket } from '../token-bucket.ts'
import type { Access } from './access/access.ts'
import type { Admission, SourceGuard } from './access/source-guard.ts'
import { AppendWatch } from './append-watch.ts'
import { Budget } from './budget.ts'
import { type ConnectionLimits, Connections, fastifyOptions, serverOptions } from './connections.ts'
import { Exchange, type ExchangeContext } from './exchange.ts'
import { isIdentityEncoded } from './is-identity-encoded.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the first hook of every request. */
    exchange: Exchange
    /** Set before the body is read. */
    admission: Admission & { readonly admitted: true }
    /** As the caller sent it; empty if it did not. */
    sentContentType: string
  }
}

/** An append log that reports what waits in it and can be drained, such as BatchingAppendLog. */
export interface DrainableAppendLog extends AppendLog {
  readonly waitingRecords: number
  readonly waitingBytes: number
  drain(): Promise<void>
}

export interface GatewayOptions extends ConnectionLimits {
  readonly host: string
  /** 0 chooses a free port. */
  readonly port: number
  readonly answerDeadlineMs: number
  readonly answerReadTimeoutMs: number
  readonly bodyBytesMax: number
  /** Also limits the requests open at once. */
  readonly waitingRecordsMax: number
  /** Also limits the bytes of bodies being read at once. */
  readonly waitingBytesMax: number
  readonly sources: readonly SourceConfig[]
  /** Who may call; the gateway starts and stops it. */
  readonly access: Access
  /** The provider of every source, by its id. */
  readonly providers: (id: string) => Provider | undefined
  readonly appendLog: DrainableAppendLog
  /** The key for a body that names no payment; its SHA-256 by default. */
  readonly digestOf?: BodyDigest | undefined
  readonly crashPoint?: ReachCrashPoint | undefined
  /** Null if tracing is off. */
  readonly tracing?: Pick<Tracing, 'startCallback'> | null
  /** ms since the epoch. */
  readonly now: () => number
  /** UUIDv7. */
  readonly newReceiptId: () => string
  readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>
  readonly metrics: GatewayMetrics
  readonly health: Health
  readonly shutdown: {
    /** How long a stopping gateway still serves, not ready, while its answers close their connections. */
    readonly waitMs: number
  }
}

/** A source, prepared for the hot path. */
interface Route {
  readonly source: SourceConfig
  readonly provider: Provider
  readonly guard: SourceGuard
  readonly bucket: TokenBucket
}

/** Time for answers to leave after their deadline, before a stop destroys the remaining connections. */
const STOP_MARGIN_MS = 1_000
const NO_QUERY = {}
/** More than a request's head can hold, so that a token that is too long is answered like any wrong token. */
const PATH_TOKEN_CHARS_MAX = 100_000

/**
 * Accepts providers' callbacks and answers success only once the broker has the exact bytes (I1).
 *
 * A request is interpreted only as far as the answer needs: the body is bytes, the query string is ignored. Every request
 * is answered within the deadline, whatever the broker does. Memory is bounded (I10): open requests, bodies being read and
 * waiting records each have a limit, and beyond it the answer is 503 at once. connections.ts limits connections.
 */
export class Gateway {
  readonly #options: GatewayOptions
  readonly #app: FastifyInstance
  readonly #watch: AppendWatch
  readonly #paths = new Set<string>()
  readonly #connections: Connections
  readonly #budget: Budget
  readonly #context: ExchangeContext
  #stopped: Promise<void> | null = null

  /** Throws if a source names an unknown provider. */
  constructor(options: GatewayOptions) {
    this.#options = options
    this.#watch = new AppendWatch(options.health, options.logger, () => performance.now())
    this.#budget = new Budget(options.waitingRecordsMax, options.waitingBytesMax)
    this.#context = { ...options, budget: this.#budget, watch: this.#watch }
    const { tls } = options.access
    this.#app = fastify({
      logger: false,
      bodyLimit: options.bodyBytesMax,
      exposeHeadRoutes: false,
      return503OnClosing: false,
      ...fastifyOptions(options),
      ...(tls === null
        ? { http: serverOptions(options) }
        : { https: { ...serverOptions(options), ...tls.serverOptions() } as object }),
      routerOptions: { querystringParser: () => NO_QUERY, maxParamLength: PATH_TOKEN_CHARS_MAX },
      clientErrorHandler: (error, socket) => this.#connections.endBroken(error, socket as Socket),
      frameworkErrors: (_error, _request, reply) => {
        options.metrics.answered(NO_SOURCE, 400, 0)
        ;(reply as FastifyReply).code(400).send()
      },
    })
    tls?.renews(this.#app.server as unknown as HttpsServer)
    this.#connections = new Connections(this.#app.server, options, options.metrics)
    this.#app.decorateRequest('exchange')
    this.#app.decorateRequest('admission')
    this.#app.decorateRequest('sentContentType')
    this.#app.removeAllContentTypeParsers()
    this.#app.addContentTypeParser('*', (request, payload, done) => this.#readBody(request, payload, done))
    this.#app.addHook('onRequest', (request, reply, done) => this.#refuseStranger(request, reply, done))
    this.#app.setErrorHandler((error, request) => this.#answerError(error, request))
    for (const source of options.sources) {
      this.#addSource(source)
    }
    options.metrics.watchSources(options.sources)
    options.metrics.watchConnections(() => this.#connections.count)
    options.metrics.watchWaiting(options.appendLog)
  }

  /** Listens; rejects if it cannot. */
  async start(): Promise<{ readonly host: string; readonly port: number }> {
    await this.#app.ready()
    // Not Fastify's listen: for `localhost` it opens more servers, without the error handler and the limits.
    const address = await listen(this.#app.server, this.#options, 'gateway')
    this.#options.access.start()
    return address
  }

  /**
   * Stops without losing or cutting off anything. Readiness turns false; for a while requests are still served, and every
   * answer closes its connection; then nothing new is accepted, requests in flight are answered, and the append log is
   * drained. Idempotent.
   */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  #addSource(source: SourceConfig): void {
    const provider = this.#options.providers(source.provider)
    if (provider === undefined) {
      throw new Error(`source ${source.id}: unknown provider ${source.provider}`)
    }
    const route: Route = {
      source,
      provider,
      guard: this.#options.access.guardOf(source.id),
      bucket: new TokenBucket(source.requestsPerSecondMax, performance.now()),
    }
    for (const suffix of ['', ...provider.pathSuffixes]) {
      const { hasPathToken } = route.guard
      if (!hasPathToken) {
        this.#paths.add(source.path + suffix)
      }
      this.#app.route({
        method: 'POST',
        url: `${source.path}${hasPathToken ? '/:token' : ''}${suffix}`,
        onRequest: (request, reply, done) => this.#checkHead(route, request, reply, done),
        handler: (request) => this.#accept(route, request),
      })
    }
  }

  /** The first check: requests that no route may see are answered without reading their bodies. */
  #refuseStranger(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const tooManyHeaders = request.raw.rawHeaders.length > 2 * this.#options.headersMax
    if (!request.is404 && !tooManyHeaders) {
      done()
      return
    }
    const exchange = this.#open(NO_SOURCE, null, request, reply)
    if (tooManyHeaders) {
      exchange.answer(431)
      return
    }
    const path = request.url.split('?', 1)[0] as string
    exchange.answer(this.#paths.has(path) ? 405 : 404)
  }

  /** Everything that can be decided before the body is read. */
  #checkHead(route: Route, request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const { guard } = route
    const exchange = this.#open(route.source.id, guard.challenge, request, reply)
    const { headers } = request.raw
    if (this.#budget.isExceeded) {
      this.#watch.failed(`${this.#budget.requests} requests are open`)
      exchange.answer(503)
      return
    }
    const { token } = request.params as { readonly token?: string }
    const admission = this.#options.access.checkHead(guard, request.raw, token ?? null)
    if (!admission.admitted) {
      if (admission.type === 'mtls' && this.#options.access.tls !== null) {
        // Showing another certificate takes another handshake.
        exchange.connection.ending = true
      }
      exchange.answer(admission.code)
    } else if (!route.bucket.take(performance.now())) {
      exchange.answer(429, route.bucket.secondsUntilNext)
    } else if (!isIdentityEncoded(headers['content-encoding']) || !canBeCallback(headers['content-type'])) {
      exchange.answer(415)
    } else if (Number(headers['content-length'] ?? 0) > this.#options.bodyBytesMax) {
      exchange.answer(413)
    } else {
      request.sentContentType = headers['content-type'] ?? ''
      // Fastify would refuse a malformed one.
      delete headers['content-type']
      request.admission = admission
      done()
    }
  }

  #open(source: string, challenge: string | null, request: FastifyRequest, reply: FastifyReply): Exchange {
    const exchange = new Exchange(this.#context, this.#connections.track(request.raw.socket), source, challenge, reply)
    request.exchange = exchange
    return exchange
  }

  /** Reads the body as it is. Once the request is answered, the rest is discarded. */
  #readBody(request: FastifyRequest, payload: IncomingMessage, done: (error: null, body: Buffer) => void): void {
    const { exchange } = request
    payload.on('data', (chunk: Buffer) => {
      if (exchange.settled) {
        return
      }
      if (exchange.heldBytes + chunk.length > this.#options.bodyBytesMax) {
        exchange.answer(413)
      } else if (!this.#budget.fits(chunk.length)) {
        this.#watch.failed(`${this.#budget.bytes} bytes of bodies are being read`)
        exchange.answer(503)
      } else {
        exchange.hold(chunk)
      }
    })
    payload.on('end', () => {
      if (!exchange.settled) {
        done(null, exchange.takeBody())
      }
    })
  }

  #accept(route: Route, request: FastifyRequest): void {
    const { appendLog, now, newReceiptId, crashPoint, tracing } = this.#options
    const { source, provider } = route
    const { exchange, admission } = request
    const body = (request.body as Buffer | undefined) ?? Buffer.alloc(0)
    const forged = admission.checkBody(body)
    if (forged !== null) {
      this.#options.access.refused(source.id, forged, 'wrong-signature')
      exchange.answer(401)
      return
    }
    const span = tracing?.startCallback(source.id, provider.id, request.headers['traceparent']) ?? null
    const record = toRawRecord(
      {
        callbackId: newReceiptId(),
        source: source.id,
        namespace: source.namespace,
        currency: source.currency,
        receivedAt: now(),
        contentType: request.sentContentType,
        authenticity: admission.kinds,
        body,
        jsonDepthMax: source.jsonDepthMax,
      },
      provider,
      this.#options.digestOf,
      span?.traceparent,
    )
    crashPoint?.('gateway:before-append')
    appendLog.append(partitionOf(record.key, appendLog.partitions), [record], { signal: exchange.appendSignal() }).then(
      () => {
        crashPoint?.('gateway:after-append')
        span?.end(source.successCode)
        if (!exchange.settled) {
          this.#watch.succeeded()
          exchange.answer(source.successCode)
        }
      },
      (error: unknown) => {
        span?.end(503)
        if (!exchange.settled) {
          this.#watch.failed(reasonOf(error), error)
          exchange.answer(503)
        }
      },
    )
  }

  /** Fastify refused the request, or one of our handlers threw. */
  #answerError(error: unknown, request: FastifyRequest): void {
    const { statusCode } = error as { statusCode?: unknown }
    switch (statusCode) {
      case 400:
      case 413:
      case 415:
        request.exchange.answer(statusCode)
        return
      default:
        this.#options.logger.error({ err: error, source: request.exchange.source }, 'a callback could not be handled')
        request.exchange.answer(500)
    }
  }

  async #stop(): Promise<void> {
    const { shutdown, answerDeadlineMs, health, appendLog } = this.#options
    const { server } = this.#app
    health.drain()
    this.#connections.drain()
    if (server.listening) {
      // Load balancers need time to see "not ready". A caller with a kept-alive connection must learn from an answer that
      // it closes, instead of losing the request it is sending.
      await sleep(shutdown.waitMs)
      // On close the kernel resets connections that it took and we have not accepted. Right after a poll these are only those of
      // the last microseconds.
      await nextCheck()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      this.#connections.destroyUnused()
      const giveUp = setTimeout(() => this.#connections.destroyAll(), answerDeadlineMs + STOP_MARGIN_MS)
      await closed
      clearTimeout(giveUp)
    }
    await this.#app.close()
    this.#connections.close()
    this.#options.access.stop()
    await appendLog.drain()
  }
}

/** The error's code and cause: an operator must see whether the broker is unreachable or refuses. */
function reasonOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: unknown }
  const name = typeof code === 'string' ? code : 'the append failed'
  return cause instanceof Error ? `${name}: ${shortReason(cause)}` : name
}
