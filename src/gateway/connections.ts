import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import type { AnswerCode } from '../observability/answer-codes.ts'
import { NO_SOURCE } from '../observability/metric-table.ts'
import type { GatewayMetrics } from '../observability/metrics.ts'
import { addressKey } from './address-key.ts'
import type { Connection } from './exchange.ts'

export interface ConnectionLimits {
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly connectionsMax: number
  readonly connectionsPerAddressMax: number
  readonly headerBytesMax: number
  readonly headersMax: number
}

/** How often what took too long is looked for, ms; so much later than its limit it may end. */
const SWEEP_INTERVAL_MS = 1_000
/** How long a caller that was told that its connection ends may take to read it. */
const GOODBYE_MS = 1_000

/** By Node's error code. */
const BROKEN_HTTP_STATUS: Readonly<Record<string, readonly [code: AnswerCode, text: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
}
const BAD_REQUEST = [400, 'Bad Request'] as const

type ConnectionMetrics = Pick<GatewayMetrics, 'answered' | 'connectionCut' | 'connectionOpened' | 'handshakeFailed'>

/** Options of `http.createServer` and `https.createServer` alike, beside those that Fastify sets (see `fastifyOptions`). */
export function serverOptions(limits: ConnectionLimits) {
  return {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: SWEEP_INTERVAL_MS,
    /** Of TLS; plain HTTP has no use for it. Node's own default is two minutes. */
    handshakeTimeout: limits.headersTimeoutMs,
  }
}

/** What Fastify sets on its server after it made it. */
export function fastifyOptions(limits: ConnectionLimits) {
  return { requestTimeout: limits.requestTimeoutMs, keepAliveTimeout: limits.keepAliveTimeoutMs }
}

/**
 * Every TCP connection of a server, TLS or not: who may have one, and for how long without using it (I10).
 *
 * Above the total node itself closes what comes, above an address's share we do; both before anything is read or
 * allocated for it. Node's own time limits for heads, bodies and idle connections hold too; the sweep here is about what
 * they let pass: a caller that keeps an idle connection awake with empty lines, that is refused over and over, or that
 * holds many idle connections. Once half of the room is taken, of all or of an address, idle connections make way.
 */
export class Connections {
  readonly #server: Server
  readonly #isTls: boolean
  readonly #limits: ConnectionLimits
  readonly #metrics: ConnectionMetrics
  /** Connections that speak HTTP: with TLS, after the handshake. */
  readonly #http = new Map<Socket, Connection>()
  /** As they came from the network; the same as the above without TLS. */
  readonly #raw = new Set<Socket>()
  /**
   * Those of the above that have not agreed on TLS yet, by their peers. For http they do not exist: it neither counts nor
   * closes them, and a server that stops would wait for them until their handshake times out.
   */
  readonly #handshakes = new Map<string, Socket>()
  /** Below a connection that has agreed on TLS: what came from the network, and how much of it until then. */
  readonly #belowTls = new WeakMap<Socket, { readonly raw: Socket; readonly handshakeBytes: number }>()
  readonly #perAddress = new Map<string, number>()
  readonly #sweeper: NodeJS.Timeout
  #draining = false

  /** Before the server listens, and after everybody else has their listeners on it. */
  constructor(server: Server, limits: ConnectionLimits, metrics: ConnectionMetrics) {
    this.#server = server
    this.#limits = limits
    this.#metrics = metrics
    server.maxConnections = limits.connectionsMax
    // One more than are taken, so that too many can be told from enough: node drops the rest silently.
    server.maxHeadersCount = limits.headersMax + 1
    server.on('drop', () => metrics.connectionCut('total'))
    this.#isTls = server instanceof TlsServer
    // Node's listener sets up a parser or a TLS session at once, so it must not even hear of a connection we refuse.
    const listeners = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
    server.removeAllListeners('connection')
    server.on('connection', (socket: Socket) => {
      if (!this.#admit(socket)) {
        return
      }
      if (this.#isTls) {
        this.#shakesHands(socket)
      } else {
        this.track(socket)
      }
      for (const listener of listeners) {
        listener.call(server, socket)
      }
    })
    server.on('secureConnection', (socket: Socket) => {
      const peer = peerOf(socket)
      const raw = this.#handshakes.get(peer)
      this.#handshakes.delete(peer)
      if (raw !== undefined) {
        this.#belowTls.set(socket, { raw, handshakeBytes: raw.bytesRead })
      }
      this.track(socket)
    })
    this.#sweeper = setInterval(() => this.#sweep(performance.now()), SWEEP_INTERVAL_MS)
    this.#sweeper.unref()
  }

  /** Open connections, those in a TLS handshake included. */
  get count(): number {
    return this.#raw.size
  }

  /** The connection of a socket that speaks HTTP. */
  track(socket: Socket): Connection {
    let connection = this.#http.get(socket)
    if (connection === undefined) {
      connection = {
        address: addressKey(socket.remoteAddress ?? ''),
        pending: 0,
        latest: null,
        ending: this.#draining,
        answeredEarly: false,
        leaving: false,
        served: false,
        idleSince: performance.now(),
      }
      this.#http.set(socket, connection)
      socket.once('close', () => this.#http.delete(socket))
    }
    return connection
  }

  /** Bytes that are not HTTP, too slow, or cut off. They must not cost an earlier request on the connection its answer. */
  endBroken(error: NodeJS.ErrnoException, socket: Socket): void {
    if (this.#isTls && !this.#http.has(socket)) {
      // TLS was never agreed on: there is nobody to answer.
      this.#metrics.handshakeFailed()
      socket.destroy()
      return
    }
    const connection = this.track(socket)
    if (connection.leaving) {
      return
    }
    if (error.code === 'ECONNRESET' || !socket.writable || connection.answeredEarly) {
      socket.destroy()
    } else if (connection.latest !== null) {
      connection.latest.breakOff()
    } else {
      const [code, text] = BROKEN_HTTP_STATUS[error.code ?? ''] ?? BAD_REQUEST
      this.#metrics.answered(NO_SOURCE, code, 0)
      connection.leaving = true
      // Node reads on meanwhile: closing a socket with unread bytes resets it, and the caller would not get the answer.
      socket.end(`HTTP/1.1 ${code} ${text}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
      setTimeout(() => socket.destroy(), GOODBYE_MS).unref()
    }
  }

  /** From now on every connection ends after its latest answer. */
  drain(): void {
    this.#draining = true
    for (const connection of this.#http.values()) {
      connection.ending = true
    }
  }

  /**
   * Ends the connections on which no byte of HTTP was ever sent: node waits for their first request, also when it closes.
   */
  destroyUnused(): void {
    for (const socket of this.#handshakes.values()) {
      socket.destroy()
    }
    for (const socket of this.#http.keys()) {
      if (this.#isUnused(socket)) {
        socket.destroy()
      }
    }
  }

  destroyAll(): void {
    for (const socket of this.#raw) {
      socket.destroy()
    }
  }

  /** The server is closed. */
  close(): void {
    clearInterval(this.#sweeper)
    this.#server.removeAllListeners('drop')
  }

  #admit(socket: Socket): boolean {
    const key = addressKey(socket.remoteAddress ?? '')
    const open = this.#perAddress.get(key) ?? 0
    if (open >= this.#limits.connectionsPerAddressMax) {
      this.#metrics.connectionCut('address')
      socket.destroy()
      return false
    }
    this.#perAddress.set(key, open + 1)
    this.#raw.add(socket)
    this.#metrics.connectionOpened()
    socket.once('close', () => {
      this.#raw.delete(socket)
      const left = (this.#perAddress.get(key) ?? 1) - 1
      if (left === 0) {
        this.#perAddress.delete(key)
      } else {
        this.#perAddress.set(key, left)
      }
    })
    return true
  }

  #isUnused(socket: Socket): boolean {
    const below = this.#belowTls.get(socket)
    // Nothing decrypted may also be the first half of a TLS record.
    return socket.bytesRead === 0 && (below === undefined || below.raw.bytesRead === below.handshakeBytes)
  }

  #shakesHands(socket: Socket): void {
    const peer = peerOf(socket)
    this.#handshakes.set(peer, socket)
    socket.once('close', () => {
      if (this.#handshakes.get(peer) === socket) {
        this.#handshakes.delete(peer)
      }
    })
  }

  #sweep(now: number): void {
    const { headersTimeoutMs, keepAliveTimeoutMs, connectionsMax, connectionsPerAddressMax } = this.#limits
    // Beside node's own limits, which get the time to answer 408.
    const servedMaxMs = keepAliveTimeoutMs + headersTimeoutMs
    // Who was refused, or never asked for anything, gets little more time than a head may take.
    const strangerMaxMs = Math.min(headersTimeoutMs + 2 * SWEEP_INTERVAL_MS, servedMaxMs)
    const crowded = 2 * this.#raw.size > connectionsMax
    for (const [socket, { address, pending, served, idleSince }] of this.#http) {
      if (pending > 0 || now - idleSince <= strangerMaxMs) {
        continue
      }
      const makeWay = crowded || 2 * (this.#perAddress.get(address) ?? 0) > connectionsPerAddressMax
      if (!served || makeWay || now - idleSince > servedMaxMs) {
        this.#metrics.connectionCut('idle')
        socket.destroy()
      }
    }
  }
}

/** The same of a connection and of the TLS session on it. */
function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
