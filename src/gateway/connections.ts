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

/** Interval of the checks for connections that exceeded a time limit, ms. A connection may end this much after its limit. */
const SWEEP_INTERVAL_MS = 1_000
/** How long a caller may take to read the last answer on a connection before it is destroyed. */
const GOODBYE_MS = 1_000

/** By Node's error code. */
const BROKEN_HTTP_STATUS: Readonly<Record<string, readonly [code: AnswerCode, text: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
}
const BAD_REQUEST = [400, 'Bad Request'] as const

type ConnectionMetrics = Pick<GatewayMetrics, 'answered' | 'connectionCut' | 'connectionOpened' | 'handshakeFailed'>

/** Options for both `http.createServer` and `https.createServer`; Fastify sets the rest (see `fastifyOptions`). */
export function serverOptions(limits: ConnectionLimits) {
  return {
    maxHeaderSize: limits.headerBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: SWEEP_INTERVAL_MS,
    /** TLS only. Node's default is two minutes. */
    handshakeTimeout: limits.headersTimeoutMs,
  }
}

/** Options that Fastify sets on the server after creating it. */
export function fastifyOptions(limits: ConnectionLimits) {
  return { requestTimeout: limits.requestTimeoutMs, keepAliveTimeout: limits.keepAliveTimeoutMs }
}

/**
 * Every TCP connection of a server, with or without TLS: who may open one, and how long it may stay unused (I10).
 *
 * Node closes new connections above the total, this class those above an address's share; both before anything is read or
 * allocated. Node's time limits for heads, bodies and idle connections apply as well. The sweep here catches what they
 * miss: a caller that keeps an idle connection alive with empty lines, is refused again and again, or holds many idle
 * connections. Once half of a limit is used, total or per address, idle connections are closed to make room.
 */
export class Connections {
  readonly #server: Server
  readonly #isTls: boolean
  readonly #limits: ConnectionLimits
  readonly #metrics: ConnectionMetrics
  /** Connections that speak HTTP: with TLS, after the handshake. */
  readonly #http = new Map<Socket, Connection>()
  /** As accepted from the network; without TLS the same sockets as above. */
  readonly #raw = new Set<Socket>()
  /**
   * Those still in a TLS handshake, by peer. Node's HTTP server does not know them: it neither counts nor closes them, and
   * a stopping server would wait for them until their handshake times out.
   */
  readonly #handshakes = new Map<string, Socket>()
  /** The network socket below a TLS connection, and the bytes it had received when the handshake was complete. */
  readonly #belowTls = new WeakMap<Socket, { readonly raw: Socket; readonly handshakeBytes: number }>()
  readonly #perAddress = new Map<string, number>()
  readonly #sweeper: NodeJS.Timeout
  #draining = false

  /** Create it before the server listens, and after all other listeners have been added. */
  constructor(server: Server, limits: ConnectionLimits, metrics: ConnectionMetrics) {
    this.#server = server
    this.#limits = limits
    this.#metrics = metrics
    server.maxConnections = limits.connectionsMax
    // One more than allowed, so that an excess shows: Node silently drops headers above this.
    server.maxHeadersCount = limits.headersMax + 1
    server.on('drop', () => metrics.connectionCut('total'))
    this.#isTls = server instanceof TlsServer
    // Node's listener sets up a parser or a TLS session at once, so it must never see a connection that is refused.
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

  /** Open connections, including those in a TLS handshake. */
  get count(): number {
    return this.#raw.size
  }

  /** The connection of a socket that speaks HTTP; created on first use. */
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

  /** What arrived is not HTTP, too slow, or cut off. Earlier requests on the connection still get their answers. */
  endBroken(error: NodeJS.ErrnoException, socket: Socket): void {
    if (this.#isTls && !this.#http.has(socket)) {
      // The TLS handshake failed, so no answer can be sent.
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
      // Node keeps reading meanwhile: closing a socket with unread bytes resets it, and the caller would not get the answer.
      socket.end(`HTTP/1.1 ${code} ${text}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
      setTimeout(() => socket.destroy(), GOODBYE_MS).unref()
    }
  }

  /** From now on every connection ends after the answer to its latest request. */
  drain(): void {
    this.#draining = true
    for (const connection of this.#http.values()) {
      connection.ending = true
    }
  }

  /**
   * Destroys connections on which no byte of HTTP was ever received: a closing server would wait for their first request.
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

  /** Call it when the server is closed. */
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
    // If nothing is decrypted yet, the first half of a TLS record may have arrived.
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
    // Longer than Node's own limits, so that Node can answer 408 first.
    const servedMaxMs = keepAliveTimeoutMs + headersTimeoutMs
    // A caller that was refused or never sent a request gets little more time than a head may take.
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

/** Equal for a connection and the TLS session on it. */
function peerOf({ remoteAddress, remotePort, localAddress }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress}`
}
