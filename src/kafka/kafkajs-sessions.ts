import { setImmediate as nextTurn } from 'node:timers/promises'
import { require } from './replace-module.ts'

interface Connection {
  readonly sasl: unknown
  readonly authenticatedAt: [seconds: number, nanos: number] | null
  /** ms; 0 for ever. A long.js number. */
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

/** As the Java client: soon enough to be done in time, late enough for short sessions. */
const RENEWED_AT_SHARE = 0.85

/**
 * Logs in again before a session ends (KIP-368, `connections.max.reauth.ms`, or the life of a token). The original does,
 * but
 *
 * - always 10 s before the end, so that with sessions of 10 s and less it logs in before every request, which brokers
 *   refuse within a second of the last time;
 * - meanwhile says of the broker that it is not connected, which for a transaction of ours means that its outcome may be
 *   unknown (kafka-transactions.ts);
 * - may still write a request that was begun before between the two steps of the login, where the broker closes the
 *   connection for it.
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
      // What was begun before is encoded and written within its turn.
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
