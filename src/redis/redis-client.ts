import { createHash } from 'node:crypto'
import type { RedisCommander } from 'ioredis'
import type { RedisConnection } from '../client-security/connections.ts'
import type { Logger } from '../observability/log.ts'
import { type OpenRedis, openRedis } from './open-redis.ts'
import { RedisUnavailableError, toUnavailable } from './redis-errors.ts'

/** Time between attempts after Redis refused the connection, ms: an operator must fix that first. */
const REFUSED_PAUSE_MS = 2_000
/** Interval at which the eviction policy is checked again, ms; an operator can change it at any time. */
const POLICY_AGE_MAX_MS = 5_000
/** Pause before a client that gave up connects again, ms. */
const CONNECT_AGAIN_MS = 100

/** Memory of one node, as it says itself. */
export interface RedisMemory {
  readonly node: string
  readonly usedBytes: number
  /** 0: no limit. */
  readonly maxBytes: number
}

/** The commands that a single Redis and a cluster have in common. In a cluster, the keys of a command must share a slot. */
export type RedisCommands = RedisCommander

/** ioredis has these, but its types do not. */
interface BufferScripts {
  evalBuffer: RedisCommander['eval']
  evalshaBuffer: RedisCommander['evalsha']
}

/**
 * A connection to a single Redis, to a primary found through Sentinel, or to a cluster. It fails a command rather than guess
 * its outcome: commands are not queued while disconnected and never resent, because a repeated command whose first reply
 * was lost could return a different one.
 *
 * On every connect, and every 5 s while in use, it checks that no node evicts keys: a view that silently loses payments is
 * worse than none. A failover is handled like an outage: commands fail until it is over.
 */
export class RedisClient {
  readonly #open: OpenRedis
  readonly #logger: Logger
  readonly #onMemory: (nodes: readonly RedisMemory[]) => void
  readonly #hashes = new Map<string, string>()
  #problem: RedisUnavailableError | undefined = new RedisUnavailableError('REDIS_UNREACHABLE', 'not connected yet')
  #refused = false
  #checking: Promise<void> | undefined
  #checkedAt = Number.NEGATIVE_INFINITY
  #keepsConnected = false

  /** `onMemory` gets the memory of all nodes that answered, with each check. */
  constructor(
    connection: RedisConnection,
    logger: Logger,
    onMemory: (nodes: readonly RedisMemory[]) => void = () => {},
    open: typeof openRedis = openRedis,
  ) {
    this.#logger = logger
    this.#onMemory = onMemory
    this.#open = open(connection, (attempt) => {
      this.#readCredentials()
      return this.#refused ? REFUSED_PAUSE_MS : Math.min(50 * attempt, 500)
    })
    const { client } = this.#open
    let lastError: Error | undefined
    client.on('error', (error: Error) => {
      lastError = error
      if (client.status !== 'ready') {
        // A client for Sentinel or a cluster keeps retrying by itself and never emits `close`.
        this.#problem = toUnavailable(error)
        this.#tellRefusal()
      }
      this.#logger.debug({ err: error }, 'redis connection')
    })
    client.on('close', () => {
      const closed = new RedisUnavailableError('REDIS_UNREACHABLE', 'the connection to Redis is closed', lastError)
      this.#problem = lastError === undefined ? closed : toUnavailable(lastError)
      this.#tellRefusal()
      lastError = undefined
    })
    client.on('ready', () => {
      this.#refused = false
      void this.#check()
    })
    // ioredis gives up if its failover detector closes a connection that is being opened, which a failover can cause.
    client.on('end', () => {
      setTimeout(() => {
        if (this.#keepsConnected) {
          this.connect()
        }
      }, CONNECT_AGAIN_MS)
    })
    // A node that was discovered or changed its role has not been checked yet.
    client.on('+node', () => {
      this.#checkedAt = Number.NEGATIVE_INFINITY
    })
  }

  /**
   * ioredis reads credentials from its options on every connect, so a changed password or certificate takes effect with the
   * next connection. If the files cannot be read, the previous credentials are used.
   */
  #readCredentials(): void {
    try {
      this.#open.readCredentials()
    } catch (error) {
      this.#logger.warn((error as Error).message)
    }
  }

  /** Logs a refusal once until it is resolved; the health check keeps reporting it. */
  #tellRefusal(): void {
    if (this.#problem?.code === 'REDIS_REFUSED' && !this.#refused) {
      this.#refused = true
      this.#logger.error(this.#problem.message)
    }
  }

  /** Starts connecting, and keeps reconnecting until `close`. */
  connect(): void {
    this.#keepsConnected = true
    this.#readCredentials()
    this.#open.client.connect().catch(() => {
      // Every command reports it until the connection is established; ioredis keeps trying.
    })
  }

  /**
   * Connects and checks once, for tools, which do not wait; then keeps reconnecting until `close`. Rejects with
   * RedisUnavailableError.
   */
  async connected(): Promise<void> {
    this.#readCredentials()
    const { client } = this.#open
    const { promise: failed, reject } = Promise.withResolvers<never>()
    client.once('error', reject)
    try {
      // The rejection only says that the connection closed, and a Sentinel client retries forever; the event has the reason.
      await Promise.race([failed, client.connect()])
      this.#keepsConnected = true
    } catch (error) {
      throw toUnavailable(error as Error)
    } finally {
      client.off('error', reject)
      failed.catch(() => {})
    }
    await this.run(async () => {})
  }

  close(): void {
    this.#keepsConnected = false
    this.#open.client.disconnect()
  }

  /** Runs commands. Rejects with RedisUnavailableError if Redis is unavailable, may evict or is full; the outcome is unknown. */
  async run<T>(commands: (redis: RedisCommands) => Promise<T>): Promise<T> {
    const isOld = performance.now() - this.#checkedAt > POLICY_AGE_MAX_MS
    if ((this.#problem !== undefined || isOld) && this.#open.client.status === 'ready') {
      // The policy may have been corrected or changed, or the last check may have failed.
      await this.#check()
    }
    if (this.#problem !== undefined) {
      throw this.#problem
    }
    try {
      return await commands(this.#open.client)
    } catch (error) {
      throw toUnavailable(error as Error)
    }
  }

  /** Runs a Lua script, by its hash if Redis has it cached. Strings in its result are buffers. Rejects like `run`. */
  script(lua: string, keys: readonly string[], args: readonly (string | Buffer)[]): Promise<unknown> {
    return this.run(async (commands) => {
      const redis = commands as RedisCommands & BufferScripts
      try {
        return await redis.evalshaBuffer(this.#hashOf(lua), keys.length, ...keys, ...args)
      } catch (error) {
        // Redis was restarted or its script cache was flushed; nothing has run.
        if ((error as Error).message.startsWith('NOSCRIPT')) {
          return redis.evalBuffer(lua, keys.length, ...keys, ...args)
        }
        throw error
      }
    })
  }

  #hashOf(lua: string): string {
    let hash = this.#hashes.get(lua)
    if (hash === undefined) {
      hash = createHash('sha1').update(lua).digest('hex')
      this.#hashes.set(lua, hash)
    }
    return hash
  }

  /** One check at a time; concurrent callers share it. */
  #check(): Promise<void> {
    this.#checking ??= this.#readPolicy().finally(() => {
      this.#checking = undefined
    })
    return this.#checking
  }

  async #readPolicy(): Promise<void> {
    const found = await Promise.allSettled(
      this.#open.nodes().map(async ({ name, redis }) => {
        const info = await redis.info('memory')
        return { name, policy: /^maxmemory_policy:(\S+)/m.exec(info)?.[1], memory: memoryIn(name, info) }
      }),
    )
    const answers = found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const failure = found.find((one) => one.status === 'rejected')
    if (answers.length === 0) {
      this.#problem = toUnavailable((failure?.reason as Error | undefined) ?? new Error('no node is known'))
      return
    }
    this.#onMemory(answers.map(({ memory }) => memory))
    // A node that did not answer cannot evict unnoticed: it is checked again before it has been used for long.
    this.#checkedAt = performance.now()
    const evicting = answers.find(({ policy }) => policy !== 'noeviction')
    if (evicting === undefined) {
      this.#problem = undefined
      return
    }
    const known = this.#problem?.code === 'REDIS_EVICTS'
    this.#problem = new RedisUnavailableError(
      'REDIS_EVICTS',
      `${evicting.name} has maxmemory-policy ${evicting.policy}, so it may silently evict payments; set it to noeviction`,
    )
    if (!known) {
      this.#logger.error(this.#problem.message)
    }
  }
}

function memoryIn(node: string, info: string): RedisMemory {
  const bytes = (name: string) => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  return { node, usedBytes: bytes('used_memory'), maxBytes: bytes('maxmemory') }
}
