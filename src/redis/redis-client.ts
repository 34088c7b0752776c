import { createHash } from 'node:crypto'
import type { RedisCommander } from 'ioredis'
import type { RedisConnection } from '../client-security/settings.ts'
import type { Logger } from '../observability/log.ts'
import { type OpenRedis, openRedis } from './open-redis.ts'
import { RedisUnavailableError, toUnavailable } from './redis-errors.ts'

/** What a person has to mend is not worth a connection every few ms. */
const REFUSED_PAUSE_MS = 2_000
/** How old the last look at the eviction policy may be, ms: an operator can change it at any time. */
const POLICY_AGE_MAX_MS = 5_000

/** What can be asked of one Redis as of a cluster, whose commands must name keys of one slot. */
export type RedisCommands = RedisCommander

/**
 * A connection to one Redis, to the primary that Sentinel names, or to a cluster, that fails a command rather than guess: nothing is queued while disconnected and nothing is sent
 * twice, because a repeated command whose first answer was lost gives a different answer.
 *
 * At every connect, and every 5 s while it is used, it checks that no node ever evicts: a view that silently loses payments
 * is worse than none. A failover is waited for like an outage.
 */
export class RedisClient {
  readonly #open: OpenRedis
  readonly #logger: Logger
  readonly #hashes = new Map<string, string>()
  #problem: RedisUnavailableError | undefined = new RedisUnavailableError('REDIS_UNREACHABLE', 'not connected yet')
  #refused = false
  #checking: Promise<void> | undefined
  #checkedAt = Number.NEGATIVE_INFINITY

  constructor(connection: RedisConnection, logger: Logger) {
    this.#logger = logger
    this.#open = openRedis(connection, (attempt) => {
      this.#readCredentials()
      return this.#refused ? REFUSED_PAUSE_MS : Math.min(50 * attempt, 500)
    })
    const { client } = this.#open
    let lastError: Error | undefined
    client.on('error', (error: Error) => {
      lastError = error
      if (client.status !== 'ready') {
        // A client of Sentinel or of a cluster goes on trying by itself, and never says that it is closed.
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
    // A node that a cluster has found, or that has changed its role, was never looked at.
    client.on('+node', () => {
      this.#checkedAt = Number.NEGATIVE_INFINITY
    })
  }

  /**
   * ioredis takes them from its options at every connect: a password or certificate that was changed counts from the next
   * one on. Where they cannot be read the former ones are tried.
   */
  #readCredentials(): void {
    try {
      this.#open.readCredentials()
    } catch (error) {
      this.#logger.warn((error as Error).message)
    }
  }

  /** Once until it is mended: the rest is for the health check. */
  #tellRefusal(): void {
    if (this.#problem?.code === 'REDIS_REFUSED' && !this.#refused) {
      this.#refused = true
      this.#logger.error(this.#problem.message)
    }
  }

  /** Starts connecting; goes on by itself until `close`. */
  connect(): void {
    this.#readCredentials()
    this.#open.client.connect().catch(() => {
      // Reported by every command until the connection stands; ioredis keeps trying.
    })
  }

  /** Connects and checks once; for tools, which have no time to wait. Rejects with RedisUnavailableError. */
  async connected(): Promise<void> {
    this.#readCredentials()
    const { client } = this.#open
    const { promise: failed, reject } = Promise.withResolvers<never>()
    client.once('error', reject)
    try {
      // The rejection only says that the connection was closed, and a client of Sentinel tries for ever; the event says why.
      await Promise.race([failed, client.connect()])
    } catch (error) {
      throw toUnavailable(error as Error)
    } finally {
      client.off('error', reject)
      failed.catch(() => {})
    }
    await this.run(async () => {})
  }

  close(): void {
    this.#open.client.disconnect()
  }

  /** Runs commands. Rejects with RedisUnavailableError if Redis is away, unsafe or full; then the outcome is unknown. */
  async run<T>(commands: (redis: RedisCommands) => Promise<T>): Promise<T> {
    const isOld = performance.now() - this.#checkedAt > POLICY_AGE_MAX_MS
    if ((this.#problem !== undefined || isOld) && this.#open.client.status === 'ready') {
      // The policy may have been corrected, or changed, or the check itself got no answer.
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

  /** Runs a Lua script, by its hash where Redis knows it already. Rejects like `run`. */
  script(lua: string, keys: readonly string[], args: readonly (string | Buffer)[]): Promise<unknown> {
    return this.run(async (redis) => {
      try {
        return await redis.evalsha(this.#hashOf(lua), keys.length, ...keys, ...args)
      } catch (error) {
        // Redis was restarted or its scripts were flushed; nothing ran.
        if ((error as Error).message.startsWith('NOSCRIPT')) {
          return redis.eval(lua, keys.length, ...keys, ...args)
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

  /** One at a time, for all who ask meanwhile. */
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
        return { name, policy: /^maxmemory_policy:(\S+)/m.exec(info)?.[1] }
      }),
    )
    const answers = found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const failure = found.find((one) => one.status === 'rejected')
    if (answers.length === 0) {
      this.#problem = toUnavailable((failure?.reason as Error | undefined) ?? new Error('no node is known'))
      return
    }
    // A node that does not answer drops nothing that we would not notice: it is asked again before it is used for long.
    this.#checkedAt = performance.now()
    const evicting = answers.find(({ policy }) => policy !== 'noeviction')
    if (evicting === undefined) {
      this.#problem = undefined
      return
    }
    const known = this.#problem?.code === 'REDIS_EVICTS'
    this.#problem = new RedisUnavailableError(
      'REDIS_EVICTS',
      `${evicting.name} has maxmemory-policy ${evicting.policy}: it may drop payments silently; set it to noeviction`,
    )
    if (!known) {
      this.#logger.error(this.#problem.message)
    }
  }
}
