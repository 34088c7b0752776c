import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Inspects the data of one connection, only to decide whether to cut it. */
export interface TrafficFilter {
  /** True cuts the connection before the chunk is forwarded. */
  request(chunk: Buffer): boolean
  /** The part of the chunk to forward, after `delayMs`; then the connection is cut if `cut` is true. */
  response(chunk: Buffer): { readonly pass: Buffer; readonly cut: boolean; readonly delayMs: number }
}

export interface ProxyOptions {
  readonly up?: boolean
  /** Called for every connection. */
  readonly filter?: () => TrafficFilter
}

interface Pair {
  readonly client: Socket
  readonly upstream: Socket
}

/** Makes a server unreachable or silent, or replaces it, without touching the server. */
export class TcpProxy {
  readonly #server: Server
  readonly #pairs = new Set<Pair>()
  readonly #filter: (() => TrafficFilter) | undefined
  #host: string
  #port: number
  #up: boolean
  #frozen = false
  #accepted = 0

  private constructor(target: URL, { up = true, filter }: ProxyOptions) {
    this.#host = target.hostname
    this.#port = Number(target.port)
    this.#up = up
    this.#filter = filter
    this.#server = createServer({ noDelay: true }, (client) => this.#accept(client))
  }

  static async start(target: URL, options: ProxyOptions = {}): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, options)
    proxy.#server.listen(0, '127.0.0.1')
    await once(proxy.#server, 'listening')
    return proxy
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Connections so far, including those that it broke at once. */
  get accepted(): number {
    return this.#accepted
  }

  up(): void {
    this.#up = true
  }

  /** Every connection breaks, and new ones break at once. */
  down(): void {
    this.#up = false
    this.cut()
  }

  /** Every connection breaks; new ones work. */
  cut(): void {
    for (const { client, upstream } of this.#pairs) {
      client.destroy()
      upstream.destroy()
    }
  }

  /** A black hole: connections are accepted and kept, and nothing is forwarded. */
  freeze(): void {
    this.#frozen = true
    for (const { client, upstream } of this.#pairs) {
      client.pause()
      upstream.pause()
    }
  }

  /** Forwards what was sent meanwhile, even from peers that have disconnected since. */
  thaw(): void {
    this.#frozen = false
    for (const { client, upstream } of this.#pairs) {
      client.resume()
      upstream.resume()
    }
  }

  /** Points it to another server; all connections break. */
  retarget(target: URL): void {
    this.#host = target.hostname
    this.#port = Number(target.port)
    this.cut()
  }

  close(): void {
    this.down()
    this.#server.close()
  }

  #accept(client: Socket): void {
    this.#accepted += 1
    if (!this.#up) {
      client.destroy()
      return
    }
    const upstream = connect({ port: this.#port, host: this.#host, noDelay: true })
    const pair = { client, upstream }
    const filter = this.#filter?.()
    this.#pairs.add(pair)
    this.#carry(client, upstream, (chunk) => {
      if (filter?.request(chunk) === true) {
        client.destroy()
        upstream.destroy()
        return { pass: Buffer.alloc(0), delayMs: 0 }
      }
      return { pass: chunk, delayMs: 0 }
    })
    this.#carry(upstream, client, (chunk) => {
      const { pass, cut, delayMs } = filter?.response(chunk) ?? { pass: chunk, cut: false, delayMs: 0 }
      if (cut) {
        client.destroySoon()
        upstream.destroy()
      }
      return { pass, delayMs }
    })
    const gone = () => this.#pairs.delete(pair)
    client.on('close', gone)
    upstream.on('close', gone)
    if (this.#frozen) {
      client.pause()
      upstream.pause()
    }
  }

  #carry(from: Socket, to: Socket, look: (chunk: Buffer) => { readonly pass: Buffer; readonly delayMs: number }): void {
    const write = (pass: Buffer) => {
      if (pass.length > 0 && !to.destroyed && !to.writableEnded && !to.write(pass)) {
        from.pause()
        to.once('drain', () => this.#frozen || from.resume())
      }
    }
    from.on('data', (chunk: Buffer) => {
      const { pass, delayMs } = look(chunk)
      if (delayMs === 0) {
        write(pass)
        return
      }
      from.pause()
      setTimeout(() => {
        if (!this.#frozen) {
          from.resume()
        }
        write(pass)
      }, delayMs)
    })
    from.on('error', () => to.destroy())
    // What it sent before it disconnected is still delivered.
    from.on('close', () => to.destroySoon())
  }
}
