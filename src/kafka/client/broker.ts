import type { BrokerAddress } from './broker-address.ts'
import { KafkaConnectionError } from './client-errors.ts'
import type { Connection } from './connection.ts'
import type { RequestType } from './requests.ts'

/**
 * A broker answers the requests of a connection in order. So requests that may wait have their own connections: fetches, group
 * membership (`group`), and appends to failing partitions (`second`).
 */
export type Purpose = 'main' | 'second' | 'group' | `fetch ${string}`

export interface BrokerOptions {
  readonly nodeId: number
  readonly address: BrokerAddress
  readonly connect: (address: BrokerAddress) => Promise<Connection>
  readonly silent: Set<string>
  readonly idleMs?: number | undefined
}

/** How long `close` waits for requests in flight, ms. */
const CLOSE_MAX_MS = 5_000

/** A broker with one connection per purpose, opened on first use. */
export class Broker {
  readonly nodeId: number
  readonly address: BrokerAddress
  /** The address as text. */
  readonly place: string
  readonly #options: BrokerOptions
  readonly #opening = new Map<Purpose, Promise<Connection>>()
  readonly #open = new Map<Purpose, Connection>()
  readonly #usedAt = new Map<Purpose, number>()
  #idleCheck: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: BrokerOptions) {
    this.nodeId = options.nodeId
    this.address = options.address
    this.place = `${options.address.host}:${options.address.port}`
    this.#options = options
  }

  isConnected(on: Purpose = 'main'): boolean {
    return this.#open.has(on)
  }

  /** How long the oldest request to it has been waiting for its answer, ms; 0 if none is. */
  get waitingMs(): number {
    let longest = 0
    for (const connection of this.#open.values()) {
      longest = Math.max(longest, connection.waitingMs)
    }
    return longest
  }

  /** Rejects with KafkaConnectionError or KafkaLoginError. */
  async send<Q, A>(
    type: RequestType<Q, A>,
    body: Q,
    { deadlineMs, on = 'main' }: { readonly deadlineMs?: number; readonly on?: Purpose } = {},
  ): Promise<A> {
    const connection = await this.connection(on)
    try {
      return await connection.send(type, body, deadlineMs)
    } catch (error) {
      if ((error as KafkaConnectionError).code === 'REQUEST_TIMED_OUT') {
        this.#options.silent.add(this.place)
      }
      throw error
    }
  }

  /** The open connection, or a new one. Concurrent callers get the same. */
  async connection(on: Purpose): Promise<Connection> {
    if (this.#closed) {
      throw this.#givenUp()
    }
    this.#usedAt.set(on, performance.now())
    const open = this.#open.get(on)
    if (open !== undefined) {
      return open
    }
    const opening = this.#opening.get(on)
    if (opening !== undefined) {
      return opening
    }
    const connecting = this.#connect(on).finally(() => this.#opening.delete(on))
    this.#opening.set(on, connecting)
    return connecting
  }

  /** Closes the connection for a purpose and rejects the requests in flight on it. */
  end(on: Purpose): void {
    this.#open.get(on)?.close()
  }

  /** Closes all connections and rejects the requests in flight on them. */
  disconnect(why: string): void {
    for (const connection of this.#open.values()) {
      connection.close(why)
    }
  }

  /** Ends group requests and fetches at once; other requests may take up to `maxMs`. */
  async close(maxMs = CLOSE_MAX_MS): Promise<void> {
    this.#closed = true
    clearInterval(this.#idleCheck)
    const open = [...this.#open]
    await Promise.all(
      open.map(([on, connection]) =>
        on === 'group' || on.startsWith('fetch') ? connection.close() : connection.finish(maxMs),
      ),
    )
  }

  async #connect(on: Purpose): Promise<Connection> {
    const { connect, address, silent } = this.#options
    let connection: Connection
    try {
      connection = await connect(address)
    } catch (error) {
      if (error instanceof KafkaConnectionError) {
        silent.add(this.place)
      }
      throw error
    }
    if (this.#closed) {
      connection.close()
      throw this.#givenUp()
    }
    silent.delete(this.place)
    if (connection.isOpen) {
      this.#open.set(on, connection)
      connection.onEnd(() => this.#open.delete(on))
      this.#closeWhenIdle()
    }
    return connection
  }

  /** Retriable: the cluster may know another broker. A closed cluster knows none, and the retry fails. */
  #givenUp(): KafkaConnectionError {
    return new KafkaConnectionError('CONNECTION_CLOSED', `${this.place} was given up`)
  }

  #closeWhenIdle(): void {
    const { idleMs } = this.#options
    if (idleMs === undefined || this.#idleCheck !== undefined) {
      return
    }
    this.#idleCheck = setInterval(() => {
      const before = performance.now() - idleMs
      for (const [on, connection] of this.#open) {
        if (connection.waiting === 0 && (this.#usedAt.get(on) ?? 0) < before) {
          connection.close()
        }
      }
      if (this.#open.size === 0) {
        clearInterval(this.#idleCheck)
        this.#idleCheck = undefined
      }
    }, idleMs)
    this.#idleCheck.unref()
  }
}
