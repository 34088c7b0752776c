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

interface Opening {
  readonly connection: Promise<Connection>
  readonly giveUp: (error: Error) => void
  /** When it began, by `performance.now()`. */
  readonly since: number
}

/** A broker with one connection per purpose, opened on first use. */
export class Broker {
  readonly nodeId: number
  readonly address: BrokerAddress
  /** The address as text. */
  readonly place: string
  readonly #options: BrokerOptions
  readonly #opening = new Map<Purpose, Opening>()
  readonly #open = new Map<Purpose, Connection>()
  readonly #usedAt = new Map<Purpose, number>()
  /** Begin of the first request or attempt to connect that got no answer since the last connection, by `performance.now()`. */
  #silentSince: number | undefined
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

  /**
   * How long the oldest request to it has been waiting, for its answer or for a connection, ms; 0 if none is. A connection that is
   * attempted again counts from the first failure.
   */
  get waitingMs(): number {
    let longest = 0
    for (const connection of this.#open.values()) {
      longest = Math.max(longest, connection.waitingMs)
    }
    for (const { since } of this.#opening.values()) {
      longest = Math.max(longest, performance.now() - (this.#silentSince ?? since))
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
    const since = performance.now()
    try {
      return await connection.send(type, body, deadlineMs)
    } catch (error) {
      if ((error as KafkaConnectionError).code === 'REQUEST_TIMED_OUT') {
        this.#unanswered(since)
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
    return (this.#opening.get(on) ?? this.#connect(on)).connection
  }

  /** Closes the connection for a purpose and rejects the requests that wait for it. */
  end(on: Purpose): void {
    this.#open.get(on)?.close()
    this.#opening.get(on)?.giveUp(this.#givenUp())
  }

  /** Closes all connections and rejects the requests that wait for them. */
  disconnect(why: string): void {
    for (const connection of this.#open.values()) {
      connection.close(why)
    }
    this.#stopOpening()
  }

  /** Ends group requests and fetches at once; other requests may take up to `maxMs`. */
  async close(maxMs = CLOSE_MAX_MS): Promise<void> {
    this.#closed = true
    clearInterval(this.#idleCheck)
    this.#stopOpening()
    const open = [...this.#open]
    await Promise.all(
      open.map(([on, connection]) =>
        on === 'group' || on.startsWith('fetch') ? connection.close() : connection.finish(maxMs),
      ),
    )
  }

  #connect(on: Purpose): Opening {
    const { promise, resolve, reject } = Promise.withResolvers<Connection>()
    const since = performance.now()
    const giveUp = (error: Error) => {
      this.#opening.delete(on)
      reject(error)
    }
    const opening = { connection: promise, giveUp, since }
    this.#opening.set(on, opening)
    this.#options.connect(this.address).then(
      (connection) => {
        if (this.#opening.get(on) !== opening) {
          connection.close()
          return
        }
        this.#opening.delete(on)
        this.#opened(on, connection)
        resolve(connection)
      },
      (error) => {
        if (error instanceof KafkaConnectionError) {
          this.#unanswered(since)
        }
        if (this.#opening.get(on) === opening) {
          giveUp(error)
        }
      },
    )
    return opening
  }

  #unanswered(since: number): void {
    this.#options.silent.add(this.place)
    this.#silentSince ??= since
  }

  #opened(on: Purpose, connection: Connection): void {
    this.#options.silent.delete(this.place)
    this.#silentSince = undefined
    if (connection.isOpen) {
      this.#open.set(on, connection)
      connection.onEnd(() => this.#open.delete(on))
      this.#closeWhenIdle()
    }
  }

  /** Its attempts end by themselves; nobody waits for them any longer. */
  #stopOpening(): void {
    for (const { giveUp } of this.#opening.values()) {
      giveUp(this.#givenUp())
    }
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
