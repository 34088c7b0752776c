import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** A server that can be made unreachable for one test without being touched itself. */
export class TcpProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #up: boolean

  private constructor(host: string, port: number, up: boolean) {
    this.#up = up
    this.#server = createServer((client) => {
      if (!this.#up) {
        client.destroy()
        return
      }
      const upstream = connect(port, host)
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(from)
        from.on('error', () => to.destroy())
        from.on('close', () => {
          this.#sockets.delete(from)
          to.destroy()
        })
        from.pipe(to)
      }
    })
  }

  static async start(target: URL, { up = true } = {}): Promise<TcpProxy> {
    const proxy = new TcpProxy(target.hostname, Number(target.port), up)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  up(): void {
    this.#up = true
  }

  /** Every connection breaks, and new ones break at once. */
  down(): void {
    this.#up = false
    for (const socket of this.#sockets) {
      socket.destroy()
    }
  }

  close(): void {
    this.down()
    this.#server.close()
  }
}
