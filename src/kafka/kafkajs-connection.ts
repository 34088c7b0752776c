import type { Socket } from 'node:net'
import { noteSilent } from './kafkajs-brokers.ts'
import { replaceModule, require } from './replace-module.ts'

interface Connection {
  readonly host: string
  readonly port: number
  socket: Socket | undefined
  chunks: Buffer[]
  bytesBuffered: number
  bytesNeeded: number
  connectionStatus: string
  connect(): Promise<boolean>
  disconnect(): Promise<boolean>
  isConnected(): boolean
  rejectRequests(error: Error): void
  send(request: object): Promise<unknown>
}

interface SocketOptions {
  readonly onConnect: () => void
  readonly onData: (data: Buffer) => void
  readonly onEnd: () => void
  readonly onError: (error: Error) => void
  readonly onTimeout: () => void
}

const INT32_BYTES = 4
/** How long a closing connection waits for outstanding responses. */
const CLOSE_MAX_MS = 5_000

/**
 * Limits a kafkajs connection to one socket at a time. The original
 *
 * - opens a second socket when two requests find the connection closed at the same moment; requests are written to the
 *   newer one, while the end of either ends both;
 * - counts as connected while it closes, and accepts requests that are never answered and no longer covered by a
 *   timeout, so their callers wait forever;
 * - keeps the bytes of a half-read response and reads the next socket's responses as its remainder;
 * - keeps a socket that no longer receives responses (from a broker that was cut off) for as long as the kernel does.
 *
 * Observed with a broker killed under load: in two of five runs a partition stalled permanently.
 */
export function oneSocketAtATime(): void {
  const gone = new WeakSet<Socket>()
  silenceGoneSockets(gone)
  const { prototype } = require('kafkajs/src/network/connection.js') as { prototype: Connection }
  const { KafkaJSConnectionClosedError } = require('kafkajs/src/errors.js') as {
    KafkaJSConnectionClosedError: new (message: string, at: { host: string; port: number }) => Error
  }
  const { connect, disconnect, send } = prototype
  const opening = new WeakMap<Connection, Promise<boolean>>()
  const closing = new WeakMap<Connection, Promise<boolean>>()

  const reject = (connection: Connection): Error => {
    const { host, port } = connection
    const error = new KafkaJSConnectionClosedError('Closed connection', { host, port })
    connection.rejectRequests(error)
    return error
  }

  const open = async (connection: Connection): Promise<boolean> => {
    await closing.get(connection)
    connection.chunks = []
    connection.bytesBuffered = 0
    connection.bytesNeeded = INT32_BYTES
    const connected = connect.call(connection)
    const { socket } = connection
    const closed = new Promise<never>((_, fail) => {
      // However the socket ended, no response can arrive on it any more.
      socket?.once('close', () => fail(gone.has(socket) ? new Error('closed') : reject(connection)))
    })
    return Promise.race([connected, closed])
  }

  const close = async (connection: Connection): Promise<boolean> => {
    const { socket } = connection
    const giveUp = setTimeout(() => reject(connection), CLOSE_MAX_MS)
    try {
      return await disconnect.call(connection)
    } finally {
      clearTimeout(giveUp)
      if (socket !== undefined) {
        gone.add(socket)
        socket.destroySoon()
      }
    }
  }

  prototype.send = async function (this: Connection, request: object) {
    try {
      return await send.call(this, request)
    } catch (error) {
      if ((error as Error).name === 'KafkaJSRequestTimeoutError') {
        noteSilent(`${this.host}:${this.port}`)
        reject(this)
        void this.disconnect()
      }
      throw error
    }
  }
  prototype.isConnected = function (this: Connection) {
    return this.connectionStatus === 'connected'
  }
  prototype.connect = function (this: Connection) {
    return this.isConnected() ? Promise.resolve(true) : shared(opening, this, open)
  }
  prototype.disconnect = function (this: Connection) {
    return shared(closing, this, close)
  }
}

/** One run at a time for each connection; concurrent callers wait for the same run. */
function shared(
  running: WeakMap<Connection, Promise<boolean>>,
  connection: Connection,
  run: (connection: Connection) => Promise<boolean>,
): Promise<boolean> {
  const already = running.get(connection)
  if (already !== undefined) {
    return already
  }
  const promise = run(connection).finally(() => running.delete(connection))
  running.set(connection, promise)
  return promise
}

/** Ignores the events of a socket that its connection has given up: they are not about the connection's next socket. */
function silenceGoneSockets(gone: WeakSet<Socket>): void {
  replaceModule('kafkajs/src/network/socket.js', (original) => (options: SocketOptions) => {
    const unlessGone =
      <A extends unknown[]>(listener: (...args: A) => void) =>
      (...args: A) => {
        if (!gone.has(socket)) {
          listener(...args)
        }
      }
    const socket: Socket = (original as (options: SocketOptions) => Socket)({
      ...options,
      onConnect: unlessGone(options.onConnect),
      onData: unlessGone(options.onData),
      onEnd: unlessGone(options.onEnd),
      onError: unlessGone(options.onError),
      onTimeout: unlessGone(options.onTimeout),
    })
    return socket
  })
}
