import { connect as connectPlain, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { type TlsFiles, tlsOptionsOf } from '../../client-security/tls-files.ts'
import { VERSION } from '../../version.ts'
import type { BrokerAddress } from './broker-address.ts'
import { assertNoError, KafkaConnectionError, KafkaLoginError, protocolError } from './client-errors.ts'
import { API_VERSIONS, type RequestType, SASL_AUTHENTICATE, SASL_HANDSHAKE } from './requests.ts'
import type { SaslLogin } from './sasl.ts'
import { WireReader } from './wire-reader.ts'
import type { ValueOf } from './wire-types.ts'
import { WireWriter } from './wire-writer.ts'

export interface ConnectionOptions {
  readonly address: BrokerAddress
  readonly clientId: string
  readonly tls?: TlsFiles | undefined
  /** Reads the credentials; called for every login. */
  readonly login?: (() => Promise<SaslLogin>) | undefined
  /** How messages name the login, for example `PLAIN as alice`. */
  readonly who?: string | undefined
  readonly openMaxMs?: number
  readonly requestMaxMs?: number
}

/** How long a broker may take to accept a connection and to answer its first request, ms. */
const OPEN_MAX_MS = 3_000
const REQUEST_MAX_MS = 10_000
const KEEP_ALIVE_MS = 60_000
/** As in the Java client: early enough to finish in time, late enough for short sessions. */
const RENEWED_AT_SHARE = 0.85
const SIZE_BYTES = 4
/** Far more than any response to our requests; protects against reading other bytes as a size. */
const RESPONSE_BYTES_MAX = 256 * 1024 * 1024

interface InFlight {
  readonly type: RequestType<unknown, unknown>
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
  readonly sentAt: number
}

/**
 * One socket to one broker, never reopened. A broker answers the requests of a connection in order and one at a time, so a
 * request that may wait needs its own connection.
 *
 * - Every request settles: with its answer, with the deadline's error, or with the end of the connection. Once a request
 *   missed its deadline the connection is closed, because nothing after it would be answered either.
 * - Sessions (KIP-368) are renewed before they end, on the same connection, with nothing written between the two steps of
 *   the login. Requests made meanwhile wait.
 * - An idle connection does not keep the process alive.
 */
export class Connection {
  readonly address: BrokerAddress
  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #inFlight = new Map<number, InFlight>()
  readonly #responses = new Responses((bytes) => this.#onResponse(bytes))
  #nextCorrelationId = 0
  #ended: Error | null = null
  #features: ReadonlyMap<string, number> = new Map()
  /** When the session must be renewed, by `performance.now()`. */
  #renewAt = Number.POSITIVE_INFINITY
  #renewing: Promise<void> | undefined
  #onIdle: () => void = () => {}
  readonly #endListeners: (() => void)[] = []

  private constructor(options: ConnectionOptions, socket: Socket) {
    this.address = options.address
    this.#options = options
    this.#socket = socket
    socket.on('data', (chunk) => this.#onData(chunk))
    socket.on('error', (error) => this.#end(this.#error('CONNECTION_CLOSED', error.message, error)))
    socket.on('close', () => this.#end(this.#error('CONNECTION_CLOSED', 'Closed connection')))
  }

  /**
   * Connects and logs in. Rejects with KafkaConnectionError, KafkaLoginError, SecretError, or the protocol error of a
   * broker that does not support the login.
   */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const login = await loginNow(options)
    const openMaxMs = options.openMaxMs ?? OPEN_MAX_MS
    const until = performance.now() + openMaxMs
    const connection = new Connection(options, await connected(options, openMaxMs))
    try {
      await connection.#askVersions(Math.max(1, until - performance.now()))
      if (login !== undefined) {
        await connection.#authenticate(login)
      }
      return connection
    } catch (error) {
      connection.close()
      throw error
    }
  }

  get isOpen(): boolean {
    return this.#ended === null
  }

  /** Number of requests without an answer. */
  get waiting(): number {
    return this.#inFlight.size
  }

  /** How long the oldest request has been waiting for its answer, ms; 0 if none is. */
  get waitingMs(): number {
    // Requests are answered in order.
    for (const { sentAt } of this.#inFlight.values()) {
      return performance.now() - sentAt
    }
    return 0
  }

  /** The finalized level of a cluster feature; 0 if it has none. */
  featureLevel(name: string): number {
    return this.#features.get(name) ?? 0
  }

  /**
   * @param deadlineMs From the moment the request is written. The outcome of a request that misses it is unknown.
   */
  send<Q, A>(type: RequestType<Q, A>, body: Q, deadlineMs = this.#options.requestMaxMs ?? REQUEST_MAX_MS): Promise<A> {
    if (this.#ended !== null) {
      return Promise.reject(this.#ended)
    }
    if (this.#renewing === undefined && performance.now() < this.#renewAt) {
      return this.#write(type, body, deadlineMs)
    }
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing.then(() => this.#write(type, body, deadlineMs))
  }

  /** Called once, when the connection ends, or at once if it has. */
  onEnd(listener: () => void): void {
    if (this.#ended === null) {
      this.#endListeners.push(listener)
    } else {
      listener()
    }
  }

  /** Closes once nothing is in flight, after `maxMs` at the latest. */
  async finish(maxMs: number): Promise<void> {
    if (this.#inFlight.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, maxMs)
      this.#onIdle = resolve
      await promise
      clearTimeout(timer)
    }
    this.close()
  }

  /** Rejects the requests in flight. */
  close(why = 'the connection was closed by this client'): void {
    this.#end(this.#error('CONNECTION_CLOSED', why))
  }

  #write<Q, A>(type: RequestType<Q, A>, body: Q, deadlineMs: number): Promise<A> {
    if (this.#ended !== null) {
      return Promise.reject(this.#ended)
    }
    return new Promise<A>((resolve, reject) => {
      const correlationId = this.#nextCorrelationId
      this.#nextCorrelationId = (correlationId + 1) & 0x7fffffff
      const parts = frameOf(type, correlationId, this.#options.clientId, body)
      const timer = setTimeout(() => {
        this.#end(this.#error('REQUEST_TIMED_OUT', `no answer to ${type.name} within ${Math.round(deadlineMs)} ms`))
      }, deadlineMs)
      const sentAt = performance.now()
      this.#inFlight.set(correlationId, { type, resolve: resolve as (answer: unknown) => void, reject, timer, sentAt })
      this.#socket.ref()
      this.#socket.cork()
      for (const part of parts) {
        this.#socket.write(part)
      }
      this.#socket.uncork()
    })
  }

  #onData(chunk: Buffer): void {
    try {
      this.#responses.feed(chunk)
    } catch (error) {
      this.#end(this.#error('CONNECTION_CLOSED', `cannot read the broker's answer: ${(error as Error).message}`, error))
    }
  }

  #onResponse(bytes: Buffer): void {
    const from = new WireReader(bytes)
    const correlationId = from.int32()
    const request = this.#inFlight.get(correlationId)
    if (request === undefined) {
      throw new RangeError('it belongs to no request')
    }
    if (request.type.header === 'tagged') {
      for (let tags = from.unsignedVarInt(); tags > 0; tags -= 1) {
        from.unsignedVarInt()
        from.bytes(from.unsignedVarInt())
      }
    }
    const answer = request.type.response.read(from)
    this.#inFlight.delete(correlationId)
    clearTimeout(request.timer)
    request.resolve(answer)
    if (this.#inFlight.size === 0) {
      this.#socket.unref()
      this.#onIdle()
    }
  }

  #end(error: Error): void {
    if (this.#ended !== null) {
      return
    }
    this.#ended = error
    this.#socket.destroy()
    for (const { reject, timer } of this.#inFlight.values()) {
      clearTimeout(timer)
      reject(error)
    }
    this.#inFlight.clear()
    this.#onIdle()
    for (const listener of this.#endListeners.splice(0)) {
      listener()
    }
  }

  async #askVersions(deadlineMs: number): Promise<void> {
    const body = { softwareName: 'paystatus', softwareVersion: VERSION }
    const { errorCode, features } = await this.#write(API_VERSIONS, body, deadlineMs)
    assertNoError(errorCode)
    this.#features = new Map((features ?? []).map(({ name, maxLevel }) => [name, maxLevel]))
  }

  async #renew(): Promise<void> {
    try {
      const login = await loginNow(this.#options)
      if (login !== undefined) {
        await this.#authenticate(login)
      }
    } catch (error) {
      // The broker would close the connection anyway.
      this.#end(error as Error)
      throw error
    }
  }

  async #authenticate(login: SaslLogin): Promise<void> {
    const deadlineMs = this.#options.requestMaxMs ?? REQUEST_MAX_MS
    const { errorCode } = await this.#write(SASL_HANDSHAKE, { mechanism: login.mechanism }, deadlineMs)
    assertNoError(errorCode)
    let lifetimeMs = 0
    try {
      await login.authenticate(async (bytes) => {
        const answer = await this.#write(SASL_AUTHENTICATE, { bytes }, deadlineMs)
        if (answer.errorCode !== 0) {
          throw refusedLogin(answer)
        }
        lifetimeMs = Number(answer.sessionLifetimeMs)
        return answer.bytes
      })
    } catch (error) {
      // A connection that ends is not a refusal.
      throw error instanceof KafkaConnectionError ? error : new KafkaLoginError(nameOf(this.#options), error as Error)
    }
    this.#renewAt = lifetimeMs > 0 ? performance.now() + lifetimeMs * RENEWED_AT_SHARE : Number.POSITIVE_INFINITY
  }

  #error(code: KafkaConnectionError['code'], message: string, cause?: unknown): KafkaConnectionError {
    return connectionError(this.address, code, message, cause)
  }
}

function refusedLogin({ errorCode, errorMessage }: ValueOf<typeof SASL_AUTHENTICATE.response>): Error {
  const error = protocolError(errorCode)
  return errorMessage === null || errorMessage === '' ? error : new Error(errorMessage, { cause: error })
}

function nameOf({ who, login }: ConnectionOptions): string {
  return who ?? (login === undefined ? 'none' : 'SASL')
}

async function loginNow(options: ConnectionOptions): Promise<SaslLogin | undefined> {
  try {
    return await options.login?.()
  } catch (error) {
    throw new KafkaLoginError(nameOf(options), error as Error)
  }
}

function connectionError(
  { host, port }: BrokerAddress,
  code: KafkaConnectionError['code'],
  message: string,
  cause?: unknown,
): KafkaConnectionError {
  return new KafkaConnectionError(code, `${host}:${port}: ${message}`, { cause })
}

async function connected({ address, tls }: ConnectionOptions, withinMs: number): Promise<Socket> {
  const { host, port } = address
  const servername = isIP(host) === 0 ? { servername: host } : {}
  // Certificates are read again for every connection.
  const socket =
    tls === undefined
      ? connectPlain({ host, port, noDelay: true })
      : connectTls({ host, port, ...servername, ...tlsOptionsOf(tls) })
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error(`no connection within ${withinMs} ms`)), withinMs)
  socket.once(tls === undefined ? 'connect' : 'secureConnect', resolve)
  socket.once('error', reject)
  socket.once('close', () => reject(new Error('Closed connection')))
  try {
    await promise
  } catch (error) {
    socket.destroy()
    throw connectionError(address, 'CONNECTION_FAILED', (error as Error).message, error)
  } finally {
    clearTimeout(timer)
    // A further error of a socket that nobody owns must not end the process.
    socket.on('error', () => {})
  }
  return socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS)
}

/** Header and body of a request, after its size. */
function frameOf<Q>(
  type: RequestType<Q, unknown>,
  correlationId: number,
  clientId: string,
  body: Q,
): readonly Buffer[] {
  const to = new WireWriter()
  to.int16(type.key)
  to.int16(type.version)
  to.int32(correlationId)
  const name = Buffer.from(clientId)
  to.int16(name.length)
  to.bytes(name)
  if (type.header !== 'old') {
    to.unsignedVarInt(0)
  }
  type.request.write(to, body)
  const size = Buffer.allocUnsafe(SIZE_BYTES)
  size.writeInt32BE(to.length, 0)
  return [size, ...to.parts()]
}

/** Cuts a stream of chunks into responses, each in a buffer of its own and of exactly its size. */
class Responses {
  readonly #onResponse: (bytes: Buffer) => void
  readonly #size = Buffer.alloc(SIZE_BYTES)
  #sizeBytes = 0
  #response: Buffer | null = null
  #filled = 0

  constructor(onResponse: (bytes: Buffer) => void) {
    this.#onResponse = onResponse
  }

  /** Throws RangeError if the size of a response is impossible. */
  feed(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#response === null) {
        const copied = chunk.copy(this.#size, this.#sizeBytes, at)
        at += copied
        this.#sizeBytes += copied
        if (this.#sizeBytes < SIZE_BYTES) {
          return
        }
        const size = this.#size.readInt32BE(0)
        if (size < SIZE_BYTES || size > RESPONSE_BYTES_MAX) {
          throw new RangeError(`a response of ${size} bytes`)
        }
        this.#sizeBytes = 0
        this.#filled = 0
        // Not from the pool: records are slices of it and keep it alive.
        this.#response = Buffer.allocUnsafeSlow(size)
      }
      const copied = chunk.copy(this.#response, this.#filled, at)
      at += copied
      this.#filled += copied
      if (this.#filled === this.#response.length) {
        const response = this.#response
        this.#response = null
        this.#onResponse(response)
      }
    }
  }
}
