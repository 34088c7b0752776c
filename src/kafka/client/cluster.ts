import { sleep } from '../../sleep.ts'
import { Broker } from './broker.ts'
import { type BrokerAddress, splitBrokerAddress } from './broker-address.ts'
import { assertNoError, ClientClosedError, KafkaConnectionError, NoLeaderError } from './client-errors.ts'
import type { Connection } from './connection.ts'
import { FIND_COORDINATOR, METADATA } from './requests.ts'
import { NO_UUID, type ValueOf } from './wire-types.ts'

export interface ClusterOptions {
  /** The bootstrap brokers, as `host:port`. */
  readonly addresses: readonly string[]
  readonly connect: (address: BrokerAddress) => Promise<Connection>
  /** Addresses that did not answer the last attempt; shared by the clusters of a client. Others are asked first. */
  readonly silent: Set<string>
  /** How long a request is retried, ms. */
  readonly retryForMs: number
  /** Called with every failure that is retried. */
  readonly onRetry?: ((error: unknown) => void) | undefined
  /** A connection that was not used for this long is closed, ms. By default it stays open. */
  readonly idleMs?: number
  /**
   * A request that waits longer than this makes us ask another broker whether this one is still part of the cluster, ms. 2 s
   * by default.
   */
  readonly doubtedAfterMs?: number
}

export interface TopicMetadata {
  readonly id: string
  /** The leader of each partition; NO_LEADER if it has none. */
  readonly leaders: readonly number[]
}

type Described = ValueOf<typeof METADATA.response>['topics'][number]
export type CoordinatorKind = 'group' | 'transaction'

export const NO_LEADER = -1
/** The partition has a leader; only a replica is unavailable. */
const REPLICA_NOT_AVAILABLE = 9
/** Pause before a missing leader is looked up again, ms. */
const LOOK_AGAIN_MS = 1_000
const DOUBTED_AFTER_MS = 2_000
/** A broker that keeps a request waiting for longer is asked after others, and does not hold up a lookup. */
const SLOW_MS = 1_000
/** A cluster whose requests are all answered does nothing then. */
const REVIEW_EVERY_MS = 500
const REVIEWERS_MAX = 3
const RETRY_PAUSE_MS = 50
const RETRY_PAUSE_MAX_MS = 500
const COORDINATOR_KEY_TYPES = { group: 0, transaction: 1 } as const

/**
 * One user's view of the brokers: leaders, coordinators, and connections of its own.
 *
 * - Metadata is requested by name, for the topics that are used. A partition without a leader delays only its own users.
 * - If a broker does not answer, another one is asked, and that broker is asked last until it answers again. A lookup asks the next
 *   one after a second; it has no shorter deadline of its own, which would end the requests before it on the connection.
 * - A broker that does not answer may be slow or frozen; the controller decides. While a request or a connection waits, others are
 *   asked which brokers there are. One that is no longer listed is given up, with everything that waits for it, long before the
 *   requests' deadlines; one that is listed may take as long as these allow.
 * - A refusal (a login, a missing right) is never retried: another broker would refuse, too.
 */
export class Cluster {
  readonly #options: ClusterOptions
  readonly #seeds: readonly Broker[]
  readonly #brokers = new Map<number, Broker>()
  readonly #topics = new Map<string, TopicMetadata & { readonly askAgainAt: number }>()
  readonly #coordinators = new Map<string, number>()
  readonly #doubtedAfterMs: number
  #clusterId: string | null = null
  #reviewing: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ClusterOptions) {
    this.#options = options
    this.#doubtedAfterMs = options.doubtedAfterMs ?? DOUBTED_AFTER_MS
    this.#seeds = options.addresses.map((address) => this.#brokerAt(NO_LEADER, splitBrokerAddress(address)))
  }

  /** From the last metadata response; null before the first. */
  get clusterId(): string | null {
    return this.#clusterId
  }

  /** Requests topics by name, of any broker or of this one, and returns its answer for each, errors included. */
  async describe(topics: readonly string[], of?: Broker): Promise<readonly Described[]> {
    const ask = (broker: Broker) => broker.send(METADATA, metadataRequest(topics))
    return this.#note(await (of === undefined ? this.#lookUp(ask) : ask(of)))
  }

  /** Looks up the current leaders of topics. Rejects with the protocol's error if a topic does not exist or is refused. */
  async refresh(topics: readonly string[]): Promise<void> {
    for (const { errorCode } of await this.describe(topics)) {
      assertNoError(errorCode)
    }
  }

  /** A topic's metadata, requested if it is not known yet. */
  async topic(name: string): Promise<TopicMetadata> {
    if (!this.#topics.has(name)) {
      await this.refresh([name])
    }
    const found = this.#topics.get(name)
    if (found === undefined) {
      throw new Error(`the broker's response does not include ${name}`)
    }
    return found
  }

  /** A topic's metadata if it is known. */
  knownTopic(name: string): TopicMetadata | undefined {
    return this.#topics.get(name)
  }

  /** Rejects with NoLeaderError if the partition has none. */
  async leaderOf(topic: string, partition: number): Promise<Broker> {
    const known = this.#topics.get(topic)
    if (known === undefined || (known.leaders[partition] === NO_LEADER && performance.now() >= known.askAgainAt)) {
      await this.refresh([topic])
    }
    const leader = (await this.topic(topic)).leaders[partition]
    if (leader === undefined) {
      throw new Error(`${topic} has no partition ${partition}`)
    }
    if (leader === NO_LEADER) {
      throw new NoLeaderError(topic, partition)
    }
    return this.broker(leader)
  }

  /** Throws a retriable error if the node is not among the brokers. */
  broker(nodeId: number): Broker {
    const broker = this.#brokers.get(nodeId)
    if (broker === undefined) {
      throw new KafkaConnectionError('CONNECTION_FAILED', `broker ${nodeId} is not in the cluster's metadata`)
    }
    return broker
  }

  /** The coordinator of a group or a transactional id; remembered until `forgetCoordinator`. */
  async coordinatorOf(kind: CoordinatorKind, key: string): Promise<Broker> {
    const known = this.#brokers.get(this.#coordinators.get(`${kind} ${key}`) ?? NO_LEADER)
    if (known !== undefined) {
      return known
    }
    const body = { keyType: COORDINATOR_KEY_TYPES[kind], keys: [key] }
    const { coordinators } = await this.#lookUp((broker) => broker.send(FIND_COORDINATOR, body))
    const [found] = coordinators
    if (found === undefined) {
      throw new Error(`the broker's response does not include the coordinator of ${key}`)
    }
    assertNoError(found.errorCode)
    this.#coordinators.set(`${kind} ${key}`, found.nodeId)
    return this.#noteBroker(found)
  }

  forgetCoordinator(kind: CoordinatorKind, key: string): void {
    this.#coordinators.delete(`${kind} ${key}`)
  }

  /**
   * Looks up a leader and asks it; retries after transient failures. Always looks it up: a former leader that has just resumed
   * would answer with old values.
   */
  onCurrentLeader<T>(topic: string, partition: number, ask: (leader: Broker) => Promise<T>): Promise<T> {
    return this.retried(async () => {
      await this.refresh([topic])
      return ask(await this.leaderOf(topic, partition))
    })
  }

  onCoordinator<T>(kind: CoordinatorKind, key: string, ask: (coordinator: Broker) => Promise<T>): Promise<T> {
    return this.retried(async () => {
      try {
        return await ask(await this.coordinatorOf(kind, key))
      } catch (error) {
        // Even if it is not retried: the next caller would begin with the same coordinator.
        this.forgetCoordinator(kind, key)
        throw error
      }
    })
  }

  /** Retries after errors marked retriable, with growing pauses, for `retryForMs`. */
  async retried<T>(ask: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + this.#options.retryForMs
    for (let failures = 0; ; failures += 1) {
      try {
        return await ask()
      } catch (error) {
        if ((error as { retriable?: boolean }).retriable !== true || performance.now() >= deadline || this.#closed) {
          throw error
        }
        this.noteRetry(error)
      }
      await sleep(Math.min(RETRY_PAUSE_MS * 2 ** failures, RETRY_PAUSE_MAX_MS))
    }
  }

  /** For callers that retry by themselves. */
  noteRetry(error: unknown): void {
    this.#options.onRetry?.(error)
  }

  /** Asks one broker after the other until one can be reached. */
  any<T>(ask: (broker: Broker) => Promise<T>): Promise<T> {
    return this.#oneOf(ask)
  }

  /** Ends all connections and rejects the requests in flight. The next requests connect again. */
  disconnect(why: string): void {
    for (const broker of [...this.#brokers.values(), ...this.#seeds]) {
      broker.disconnect(why)
    }
  }

  /** Waits briefly for requests in flight, except for fetches and group requests. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#reviewing)
    const brokers = [...this.#brokers.values(), ...this.#seeds]
    this.#brokers.clear()
    this.#topics.clear()
    await Promise.all(brokers.map((broker) => broker.close()))
  }

  /**
   * Connected first; then those that keep a request waiting, which may be frozen; silent ones last. Otherwise in random order, so
   * that clients spread over the brokers.
   */
  #candidates(): readonly Broker[] {
    if (this.#closed) {
      return []
    }
    const known = shuffled([...this.#brokers.values()])
    const knownAt = new Set(known.map(({ place }) => place))
    const seeds = this.#seeds.filter(({ place }) => !knownAt.has(place))
    const rank = (broker: Broker) => {
      if (this.#options.silent.has(broker.place)) {
        return 3
      }
      return broker.waitingMs > SLOW_MS ? 2 : broker.isConnected() ? 0 : 1
    }
    return [...known, ...seeds].toSorted((a, b) => rank(a) - rank(b))
  }

  /** As `any`, but while a broker keeps us waiting, asks the next one, too: the first answer counts. */
  #lookUp<T>(ask: (broker: Broker) => Promise<T>): Promise<T> {
    return this.#oneOf(ask, SLOW_MS)
  }

  async #oneOf<T>(ask: (broker: Broker) => Promise<T>, impatientAfterMs?: number): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const untried = [...this.#candidates()]
    let asked = 0
    let timer: NodeJS.Timeout | undefined
    const askNext = (unreachable: unknown) => {
      clearTimeout(timer)
      const broker = untried.shift()
      if (broker === undefined) {
        if (asked === 0) {
          reject(unreachable)
        }
        return
      }
      asked += 1
      if (impatientAfterMs !== undefined) {
        timer = setTimeout(() => {
          if (!broker.isConnected()) {
            // The attempt to connect may still succeed; meanwhile nobody else should begin with it.
            this.#options.silent.add(broker.place)
          }
          askNext(unreachable)
        }, impatientAfterMs)
      }
      ask(broker).then(resolve, (error) => {
        asked -= 1
        if (error instanceof KafkaConnectionError) {
          askNext(error)
        } else {
          reject(error)
        }
      })
    }
    askNext(new ClientClosedError())
    try {
      return await promise
    } finally {
      clearTimeout(timer)
      untried.length = 0
    }
  }

  #note(answer: ValueOf<typeof METADATA.response>): readonly Described[] {
    this.#clusterId = answer.clusterId
    this.#noteBrokers(answer.brokers)
    for (const topic of answer.topics) {
      this.#noteTopic(topic)
    }
    return answer.topics
  }

  #noteBrokers(listed: readonly (BrokerAddress & { readonly nodeId: number })[]): void {
    for (const one of listed) {
      this.#noteBroker(one)
    }
    const nodeIds = new Set(listed.map(({ nodeId }) => nodeId))
    for (const [nodeId, broker] of this.#brokers) {
      // No longer part of the cluster: stopped, or the controller has lost it.
      if (!nodeIds.has(nodeId)) {
        this.#brokers.delete(nodeId)
        this.#options.silent.add(broker.place)
        void broker.close(Math.max(0, this.#doubtedAfterMs - broker.waitingMs))
        this.#seeds.find(({ place }) => place === broker.place)?.disconnect('the broker left the cluster')
      }
    }
  }

  #noteBroker({ nodeId, host, port }: BrokerAddress & { readonly nodeId: number }): Broker {
    if (this.#closed) {
      throw new ClientClosedError()
    }
    const known = this.#brokers.get(nodeId)
    if (known?.address.host === host && known.address.port === port) {
      return known
    }
    void known?.close()
    const broker = this.#brokerAt(nodeId, { host, port })
    this.#brokers.set(nodeId, broker)
    return broker
  }

  #brokerAt(nodeId: number, address: BrokerAddress): Broker {
    const { silent, idleMs } = this.#options
    return new Broker({ nodeId, address, connect: (to) => this.#connect(to), silent, idleMs })
  }

  #connect(address: BrokerAddress): Promise<Connection> {
    if (!this.#closed) {
      this.#reviewing ??= this.#reviewLater()
    }
    return this.#options.connect(address)
  }

  #reviewLater(): NodeJS.Timeout {
    return setTimeout(() => {
      void this.#review().finally(() => {
        this.#reviewing = this.#closed ? undefined : this.#reviewLater()
      })
    }, REVIEW_EVERY_MS).unref()
  }

  /**
   * Gives up brokers that keep a request waiting and that others no longer list. Several are asked at once, because one of them
   * may be frozen, too; with the deadline of other requests, so that asking a slow one ends none of these.
   */
  async #review(): Promise<void> {
    const doubted = new Set(
      [...this.#brokers.values(), ...this.#seeds]
        .filter(({ waitingMs }) => waitingMs > this.#doubtedAfterMs)
        .map(({ place }) => place),
    )
    if (doubted.size === 0) {
      return
    }
    const others = this.#candidates().filter(({ place }) => !doubted.has(place))
    const asked = others.slice(0, REVIEWERS_MAX).map((broker) => broker.send(METADATA, metadataRequest([])))
    try {
      this.#note(await Promise.any(asked))
    } catch {
      // Nothing is known, and the requests' deadlines decide.
    }
  }

  #noteTopic({ name, id, errorCode, partitions }: Described): void {
    if (name === null || errorCode !== 0) {
      return
    }
    const leaders: number[] = []
    for (const { partition, errorCode: problem, leader } of partitions) {
      leaders[partition] = problem === 0 || problem === REPLICA_NOT_AVAILABLE ? leader : NO_LEADER
    }
    this.#topics.set(name, { id, leaders, askAgainAt: performance.now() + LOOK_AGAIN_MS })
  }
}

function metadataRequest(topics: readonly string[]) {
  return { topics: topics.map((name) => ({ id: NO_UUID, name })) }
}

function shuffled<T>(list: readonly T[]): readonly T[] {
  const start = Math.floor(Math.random() * list.length)
  return [...list.slice(start), ...list.slice(0, start)]
}
