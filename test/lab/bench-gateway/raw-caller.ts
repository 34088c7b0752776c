import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export interface Target {
  readonly host: string
  readonly port: number
  readonly path: string
  readonly headers: readonly string[]
  /** Null: plain HTTP. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string } | null
}

/**
 * Posts bodies over kept-alive connections and expects answers without a body. As cheap as possible in Node, because the
 * caller shares the machine with what it measures.
 */
export class RawCaller {
  readonly #idle: Socket[] = []
  readonly #waiting: { readonly request: Buffer; readonly onAnswer: (status: number) => void }[] = []
  readonly #sockets: Socket[] = []
  readonly #target: Target

  private constructor(target: Target) {
    this.#target = target
  }

  static async open(target: Target, connections: number): Promise<RawCaller> {
    const caller = new RawCaller(target)
    for (let n = 0; n < connections; n += 1) {
      await caller.#connect()
    }
    return caller
  }

  /** Sends as soon as a connection is free. Status 0: the connection was closed without an answer. */
  post(body: Buffer, onAnswer: (status: number) => void): void {
    const { host, path, headers } = this.#target
    const head = [`POST ${path} HTTP/1.1`, `Host: ${host}`, 'Content-Type: application/json', ...headers]
    const request = Buffer.concat([
      Buffer.from(`${head.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n`, 'latin1'),
      body,
    ])
    this.#waiting.push({ request, onAnswer })
    // Round-robin: the server would close a connection that is never used.
    const socket = this.#idle.shift()
    if (socket !== undefined) {
      this.#next(socket)
    }
  }

  close(): void {
    for (const socket of this.#sockets) {
      socket.destroy()
    }
  }

  #next(socket: Socket): void {
    const next = this.#waiting.shift()
    if (next === undefined) {
      this.#idle.push(socket)
      return
    }
    let received = ''
    const read = (chunk: Buffer) => {
      received += chunk.toString('latin1')
      if (received.endsWith('\r\n\r\n')) {
        socket.off('data', read).off('close', unanswered)
        next.onAnswer(Number(received.slice(9, 12)))
        this.#next(socket)
      }
    }
    const unanswered = () => next.onAnswer(0)
    socket.on('data', read).once('close', unanswered)
    socket.write(next.request)
  }

  #connect(): Promise<void> {
    const { host, port, tls } = this.#target
    return new Promise((resolve, reject) => {
      const onConnect = () => {
        socket.setNoDelay(true)
        this.#sockets.push(socket)
        this.#idle.push(socket)
        resolve()
      }
      const socket: Socket =
        tls === null
          ? connectTcp(port, host, onConnect)
          : connectTls({ host, port, ...tls, servername: 'gateway.test' }, onConnect)
      socket.on('error', reject)
      socket.on('close', () => {
        const at = this.#idle.indexOf(socket)
        if (at >= 0) {
          this.#idle.splice(at, 1)
        }
      })
    })
  }
}
