import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'
import { close, type ListeningAddress, listen } from '../http-server.ts'

export interface ComponentHealth {
  readonly ok: boolean
  /** Why it is not ok, in words an operator can act on. */
  readonly reason?: string
}

export interface Readiness {
  readonly ready: boolean
  readonly components: Readonly<Record<string, ComponentHealth>>
  /** Information for people that does not affect readiness. Absent if there is none. */
  readonly details?: Readonly<Record<string, unknown>>
}

/**
 * Whether this process should receive work, according to its named components. Readiness ignores components that are not
 * registered, so a component that must be ready before work arrives registers itself as not ok first.
 */
export class Health {
  readonly #components = new Map<string, ComponentHealth & { readonly expiresAt: number }>()
  readonly #details = new Map<string, () => unknown>()
  readonly #now: () => number
  #draining = false

  /** `now`: a clock that is never set, ms. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /**
   * Sets a component's state. With `forMs`, "not ok" expires after that time unless it is set again. This is for a component
   * that only work can test: without work, its recovery would never be detected.
   */
  set(component: string, ok: boolean, reason?: string, options?: { readonly forMs?: number }): void {
    const expiresAt = options?.forMs === undefined ? Number.POSITIVE_INFINITY : this.#now() + options.forMs
    this.#components.set(component, { ok, expiresAt, ...(reason === undefined || ok ? {} : { reason }) })
  }

  /** Removes a component that is gone, such as a partition that moved away. */
  remove(component: string): void {
    this.#components.delete(component)
  }

  /** Adds the result of `read` to the readiness document, unless it is null. Does not affect readiness. */
  detail(name: string, read: () => unknown): void {
    this.#details.set(name, read)
  }

  /** Makes the process permanently not ready: it is shutting down. */
  drain(): void {
    this.#draining = true
  }

  ready(): boolean {
    return this.readiness().ready
  }

  readiness(): Readiness {
    const now = this.#now()
    const components: Record<string, ComponentHealth> = {}
    let ready = !this.#draining
    for (const [name, { ok, reason, expiresAt }] of this.#components) {
      const stillOk = ok || now >= expiresAt
      components[name] = stillOk || reason === undefined ? { ok: stillOk } : { ok: false, reason }
      ready &&= stillOk
    }
    if (this.#draining) {
      components['process'] = { ok: false, reason: 'stopping' }
    }
    const details = [...this.#details]
      .map(([name, read]) => [name, read()] as const)
      .filter(([, value]) => value !== null)
    return { ready, components, ...(details.length > 0 && { details: Object.fromEntries(details) }) }
  }
}

export interface AdminServerOptions {
  readonly host: string
  /** 0 chooses a free one. */
  readonly port: number
  readonly health: Health
  readonly registry: Registry
  /** Further JSON documents to serve, by path. */
  readonly documents?: Readonly<Record<string, string>>
}

/**
 * Serves `/health/live`, `/health/ready`, `/metrics` and the given documents on a separate port that providers cannot reach.
 * "Live" only means that the event loop runs: a process that waits for the broker or Redis must not be killed.
 */
export class AdminServer {
  readonly #options: AdminServerOptions
  readonly #server: Server

  constructor(options: AdminServerOptions) {
    this.#options = options
    this.#server = createServer((request, response) => void this.#answer(request, response))
  }

  /** Listens; rejects if the port is taken. */
  start(): Promise<ListeningAddress> {
    return listen(this.#server, this.#options, 'admin')
  }

  /** Stops serving. Call it last, because until then it reports that the process is draining. Idempotent. */
  stop(): Promise<void> {
    return close(this.#server)
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const path = (request.url ?? '').split('?', 1)[0]
      const document = Object.entries(this.#options.documents ?? {}).find(([place]) => place === path)?.[1]
      if (document === undefined && path !== '/health/live' && path !== '/health/ready' && path !== '/metrics') {
        response.writeHead(404).end()
      } else if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.writeHead(405, { allow: 'GET, HEAD' }).end()
      } else if (document !== undefined) {
        send(response, 200, 'application/json', document)
      } else if (path === '/health/live') {
        send(response, 200, 'application/json', '{"live":true}')
      } else if (path === '/health/ready') {
        const readiness = this.#options.health.readiness()
        send(response, readiness.ready ? 200 : 503, 'application/json', JSON.stringify(readiness))
      } else {
        send(response, 200, this.#options.registry.contentType, await this.#options.registry.metrics())
      }
    } catch {
      // A collector failed; the scraper sees a failed scrape.
      response.writeHead(500).end()
    }
  }
}

function send(response: ServerResponse, code: number, contentType: string, body: string): void {
  response.writeHead(code, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) }).end(body)
}
