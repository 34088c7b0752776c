import { splitBrokerAddress } from './broker-address.ts'
import { isConnectionError, refusalOf } from './errors.ts'
import { replaceModule, require } from './replace-module.ts'

interface Broker {
  readonly versions: object | null
  readonly brokerAddress: string
  readonly connectionPool: { readonly pool: readonly { rejectRequests(error: Error): void }[] }
  isConnected(): boolean
  connect(): Promise<void>
  disconnect(): Promise<void>
  apiVersions(): Promise<object>
}

interface BrokerPool {
  readonly brokers: Readonly<Record<string, Broker>>
  readonly seedBroker: Broker
  connect(): Promise<void>
  findBroker(node: { readonly nodeId: string }): Promise<Broker>
  withBroker<T>(use: (found: { nodeId: string; broker: Broker }) => Promise<T>): Promise<T | null>
  findConnectedBroker(): Promise<Broker>
}

/** How long a broker may take to answer the first request on a new connection, or the first after it was silent, ms. */
const HANDSHAKE_MAX_MS = 3_000

/** Addresses that did not answer the last attempt. They are tried again when the others fail. */
const silent = new Set<string>()

/** The addresses that are likely to answer: without those that recently did not, unless that excludes all. */
export function answering(addresses: readonly string[]): string[] {
  const others = addresses.filter((address) => !silent.has(toBrokerAddress(address)))
  return others.length > 0 ? others : [...addresses]
}

/** A configured address in the form that kafkajs uses. */
function toBrokerAddress(configured: string): string {
  const { host, port } = splitBrokerAddress(configured)
  return `${host}:${port}`
}

interface PoolBuilder {
  build(at?: { readonly host?: string; readonly port?: number; readonly rack?: string | null }): Promise<unknown>
}

/**
 * Makes kafkajs accept `[::1]:9092` as a configured broker; the original splits at the first colon. Brokers known from
 * the metadata have separate host and port.
 */
export function splitAddressesRightly(): void {
  replaceModule('kafkajs/src/cluster/connectionPoolBuilder.js', (original) => {
    const createBuilder = original as (options: { brokers: () => string[] }) => PoolBuilder
    return (options: { brokers: () => string[] }): PoolBuilder => {
      const builder = createBuilder(options)
      let index = 0
      return {
        build: async (at) => {
          if (at?.host !== undefined) {
            return builder.build(at)
          }
          const list = options.brokers()
          const next = list[index % list.length] as string
          index += 1
          return builder.build(splitBrokerAddress(next))
        },
      }
    }
  })
}

/** Records that a request to this address was not answered in time. */
export function noteSilent(address: string): void {
  silent.add(address)
}

/**
 * Makes kafkajs switch to another broker when one does not answer. The original does so only for a refused connection.
 * With a broker that accepts and then closes (its proxy or service mesh is up, the broker is not), or that accepts and
 * stays silent (frozen, or cut off behind a load balancer), it
 *
 * - retries the same bootstrap broker 20 times, and starts with the first of the list every time;
 * - notices only after the full request timeout, because a connection to a broker known from the metadata does not
 *   begin with a request;
 * - has two connections to each broker, one of them for fetches, and stays with the broker while either is open: an
 *   unanswered fetch is retried at the same broker forever, without looking up the current leader of the partition;
 * - gives up looking for a coordinator when the first broker it happens to ask cannot be reached;
 * - mistakes a coordinator lookup that is denied for want of an ACL for a coordinator that does not exist yet, and
 *   retries forever.
 *
 * Observed with one of three brokers frozen: every partition stalled until it was back. With everything fixed except
 * the unanswered fetch, one of the partitions that it had led still stalled.
 */
export function leaveSilentBrokers(): void {
  const { KafkaJSConnectionError } = require('kafkajs/src/errors.js') as {
    KafkaJSConnectionError: new (message: string, at: { broker: string; code: string }) => Error
  }
  const broker = (require('kafkajs/src/broker/index.js') as { prototype: Broker }).prototype
  const pool = (require('kafkajs/src/cluster/brokerPool.js') as { prototype: BrokerPool }).prototype

  /**
   * Runs a request that must be answered soon. A broker that does not answer is treated as one that refused the
   * connection.
   */
  const answered = async (one: Broker, ask: () => Promise<unknown>): Promise<void> => {
    const unreachable = (why: string) =>
      new KafkaJSConnectionError(why, { broker: one.brokerAddress, code: 'ECONNREFUSED' })
    const giveUp = setTimeout(() => {
      for (const connection of one.connectionPool.pool) {
        connection.rejectRequests(unreachable(`no answer to the first request within ${HANDSHAKE_MAX_MS} ms`))
      }
    }, HANDSHAKE_MAX_MS)
    try {
      await ask()
      silent.delete(one.brokerAddress)
    } catch (error) {
      if (!isConnectionError(error)) {
        throw error
      }
      silent.add(one.brokerAddress)
      throw unreachable((error as Error).message)
    } finally {
      clearTimeout(giveUp)
    }
  }

  const { connect } = broker
  broker.connect = async function (this: Broker) {
    if (this.isConnected()) {
      return
    }
    const asks = this.versions === null
    await answered(this, async () => {
      await connect.call(this)
      await (!asks && this.apiVersions())
    })
  }

  const { findBroker } = pool
  pool.findBroker = async function (this: BrokerPool, node: { nodeId: string }) {
    const known = this.brokers[node.nodeId]
    if (known?.isConnected() && silent.has(known.brokerAddress)) {
      try {
        await answered(known, () => known.apiVersions())
      } catch (error) {
        void known.disconnect()
        throw error
      }
    }
    return findBroker.call(this, node)
  }

  const nodesOf = ({ brokers }: BrokerPool): readonly string[] => {
    const nodeIds = Object.keys(brokers)
    const start = Math.floor(Math.random() * nodeIds.length)
    const turned = [...nodeIds.slice(start), ...nodeIds.slice(0, start)]
    const isSilentNode = (nodeId: string) => silent.has(brokers[nodeId]?.brokerAddress ?? '')
    return turned.toSorted((a, b) => Number(isSilentNode(a)) - Number(isSilentNode(b)))
  }
  const { withBroker } = pool
  pool.withBroker = async function <T>(
    this: BrokerPool,
    use: (found: { nodeId: string; broker: Broker }) => Promise<T>,
  ): Promise<T | null> {
    const nodeIds = nodesOf(this)
    if (nodeIds.length === 0) {
      return withBroker.call(this, use) as Promise<T | null>
    }
    for (const nodeId of nodeIds) {
      try {
        return await use({ nodeId, broker: await this.findBroker({ nodeId }) })
      } catch (error) {
        // The next broker may know, but a refusal would be the same everywhere: null would read as a coordinator that
        // does not exist yet.
        if (refusalOf(error) !== null) {
          throw error
        }
      }
    }
    return null
  }
  pool.findConnectedBroker = async function (this: BrokerPool) {
    const nodeIds = nodesOf(this)
    const connected = nodeIds.filter((nodeId) => this.brokers[nodeId]?.isConnected())
    for (const nodeId of new Set([...connected, ...nodeIds])) {
      try {
        return await this.findBroker({ nodeId })
      } catch {
        // The next broker may be reachable.
      }
    }
    await this.connect()
    return this.seedBroker
  }
}
