import { setImmediate as nextTurn } from 'node:timers/promises'
import { require } from './replace-module.ts'

interface Connection {
  readonly sasl: unknown
  readonly authenticatedAt: [seconds: number, nanos: number] | null
  /** ms; 0 means unlimited. A long.js number. */
  readonly sessionLifetime: { toString(): string }
  isAuthenticated(): boolean
  send(request: object): Promise<unknown>
}

interface Broker {
  readonly connectionPool: {
    readonly sasl: unknown
    readonly pool: readonly Connection[]
    isConnected(): boolean
  }
  isConnected(): boolean
}

/** As in the Java client: soon enough to finish in time, late enough for short sessions. */
const RENEWED_AT_SHARE = 0.85

/**
 * Logs in again before a session expires (KIP-368: `connections.max.reauth.ms`, or the lifetime of a token). The
 * original does so, too, but
 *
 * - always 10 s before the expiry, so with sessions of 10 s or less it logs in before every request, which brokers
 *   refuse within a second of the previous login;
 * - reports the broker as not connected meanwhile, which for our transactions means that their outcome may be unknown
 *   (kafka-transactions.ts);
 * - may write a request that was begun earlier between the two steps of the login, for which the broker closes the
 *   connection.
 */
export function renewSessionsInTime(): void {
  const connection = (require('kafkajs/src/network/connection.js') as { prototype: Connection }).prototype
  const broker = (require('kafkajs/src/broker/index.js') as { prototype: Broker }).prototype

  connection.isAuthenticated = function (this: Connection) {
    if (this.authenticatedAt === null) {
      return false
    }
    const lifetimeMs = Number(this.sessionLifetime.toString())
    const [seconds, nanos] = process.hrtime(this.authenticatedAt)
    return lifetimeMs === 0 || seconds * 1_000 + nanos / 1_000_000 < lifetimeMs * RENEWED_AT_SHARE
  }

  const { send } = connection
  connection.send = async function (this: Connection, request: object) {
    if (this.authenticatedAt !== null && !this.isAuthenticated()) {
      // Requests begun earlier are encoded and written within their own turn.
      await nextTurn()
    }
    return send.call(this, request)
  }

  broker.isConnected = function (this: Broker) {
    const { sasl, pool } = this.connectionPool
    const loggedIn = !sasl || pool.some(({ authenticatedAt }) => authenticatedAt !== null)
    return this.connectionPool.isConnected() && loggedIn
  }
}
