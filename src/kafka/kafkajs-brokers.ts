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

/** Addresses that did not answer when they were tried last. They are tried again when the others failed. */
const silent = new Set<string>()

/** The addresses that may answer: without those that did not lately, unless that is all of them. */
export function answering(addresses: readonly string[]): string[] {
  const others = addresses.filter((address) => !silent.has(toBrokerAddress(address)))
  return others.length > 0 ? others : [...addresses]
}

/** As kafkajs puts it together, of what is configured. */
function toBrokerAddress(configured: string): string {
  const { host, port } = splitBrokerAddress(configured)
  return `${host}:${port}`
}

interface PoolBuilder {
  build(at?: { readonly host?: string; readonly port?: number; readonly rack?: string | null }): Promise<unknown>
}

/**
 * Makes kafkajs understand `[::1]:9092` among the brokers that it is told of: it splits at the first colon. Those that it learns
 * of from the metadata have host and port apart.
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

/** Nobody answered a request at this address in time. */
export function noteSilent(address: string): void {
  silent.add(address)
}

/**
 * Makes kafkajs go to another broker when one does not answer. The original does so for a refused connection only. With a
 * broker that accepts and then closes (its proxy or service mesh is alive, the broker is not), or that accepts and says
 * nothing (frozen, or cut off behind a load balancer), it
 *
 * - asks the same bootstrap broker again and again, 20 times, and begins with the first of the list every time;
 * - learns only after the whole request timeout that nobody is there, because a connection to a broker that it knows
 *   from the metadata begins with no request of its own;
 * - has two connections to each broker, one of them for fetches, and goes on with the broker as long as one is there: a
 *   fetch that nobody answers is tried again at the same broker for ever, and who leads the partition now is never asked;
 * - gives up looking for a coordinator when the first broker that it happens to ask cannot be reached;
 * - takes a coordinator that we may not ask for, for want of an ACL, for one that is not there yet, and looks for ever.
 *
 * Seen with one of three brokers frozen: every partition stood still until it was back. With all of this mended but the
 * fetch that nobody answers, still one of those that it had led.
 */
export function leaveSilentBrokers(): void {
  const { KafkaJSConnectionError } = require('kafkajs/src/errors.js') as {
    KafkaJSConnectionError: new (message: string, at: { broker: string; code: string }) => Error
  }
  const broker = (require('kafkajs/src/broker/index.js') as { prototype: Broker }).prototype
  const pool = (require('kafkajs/src/cluster/brokerPool.js') as { prototype: BrokerPool }).prototype

  /** Does what must be answered soon; who does not answer is one that could not be connected to. */
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
        // The next one may know, but not what all would refuse: null would read as a coordinator that is not there yet.
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
        // The next one may be there.
      }
    }
    await this.connect()
    return this.seedBroker
  }
}
