import { createHash } from 'node:crypto'
import { Redis, type RedisOptions } from 'ioredis'
import type { RedisConnection } from '../client-security/settings.ts'
import { tlsOptionsOf } from '../client-security/tls-files.ts'
import type { Logger } from '../observability/log.ts'

/** Redis cannot be used now; the message says why. Trying again later is right. */
export class RedisUnavailableError extends Error {
  readonly code: 'REDIS_UNREACHABLE' | 'REDIS_REFUSED' | 'REDIS_OUT_OF_MEMORY' | 'REDIS_REFUSES_WRITES' | 'REDIS_EVICTS'
  readonly retriable = true

  constructor(code: RedisUnavailableError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'RedisUnavailableError'
    this.code = code
  }
}

const COMMAND_TIMEOUT_MS = 5_000
/** What a person has to mend is not worth a connection every few ms. */
const REFUSED_PAUSE_MS = 2_000
/** How old the last look at the eviction policy may be, ms: an operator can change it at any time. */
const POLICY_AGE_MAX_MS = 5_000

/**
 * A Redis connection that fails a command rather than guess: nothing is queued while disconnected and nothing is sent
 * twice, because a repeated command whose first answer was lost gives a different answer.
 *
 * At every connect, and every 5 s while it is used, it checks that Redis never evicts: a view that silently loses payments is worse than none.
 */
export class RedisClient {
  readonly #redis: Redis
  readonly #connection: RedisConnection
  readonly #logger: Logger
  readonly #hashes = new Map<string, string>()
  #problem: RedisUnavailableError | undefined = new RedisUnavailableError('REDIS_UNREACHABLE', 'not connected yet')
  #refused = false
  #checking: Promise<void> | undefined
  #checkedAt = Number.NEGATIVE_INFINITY

  constructor(connection: RedisConnection, logger: Logger) {
    this.#connection = connection
    this.#logger = logger
    this.#redis = new Redis(connection.url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      connectTimeout: 2_000,
      keepAlive: 10_000,
      retryStrategy: (attempt) => {
        this.#readCredentials()
        return this.#refused ? REFUSED_PAUSE_MS : Math.min(50 * attempt, 500)
      },
      // After a failover the old primary answers READONLY: connect again, and let the caller decide about the command.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    })
    let lastError: Error | undefined
    this.#redis.on('error', (error: Error) => {
      lastError = error
      this.#logger.debug({ err: error }, 'redis connection')
    })
    this.#redis.on('close', () => {
      const closed = new RedisUnavailableError('REDIS_UNREACHABLE', 'the connection to Redis is closed', lastError)
      this.#problem = lastError === undefined ? closed : toUnavailable(lastError)
      this.#tellRefusal()
      lastError = undefined
    })
    this.#redis.on('ready', () => {
      this.#refused = false
      void this.#check()
    })
  }

  /**
   * ioredis takes them from its options at every connect: a password or certificate that was changed counts from the next
   * one on. Where they cannot be read the former ones are tried.
   */
  #readCredentials(): void {
    try {
      Object.assign(this.#redis.options, credentialsOf(this.#connection))
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
    this.#redis.connect().catch(() => {
      // Reported by every command until the connection stands; ioredis keeps trying.
    })
  }

  /** Connects and checks once; for tools, which have no time to wait. Rejects with RedisUnavailableError. */
  async connected(): Promise<void> {
    this.#readCredentials()
    let said: Error | undefined
    const listen = (error: Error) => {
      said ??= error
    }
    this.#redis.once('error', listen)
    try {
      await this.#redis.connect()
    } catch (error) {
      // The rejection only says that the connection was closed; the event before it, why.
      throw toUnavailable(said ?? (error as Error))
    } finally {
      this.#redis.off('error', listen)
    }
    await this.run(async () => {})
  }

  close(): void {
    this.#redis.disconnect()
  }

  /** Runs commands. Rejects with RedisUnavailableError if Redis is away, unsafe or full; then the outcome is unknown. */
  async run<T>(commands: (redis: Redis) => Promise<T>): Promise<T> {
    const isOld = performance.now() - this.#checkedAt > POLICY_AGE_MAX_MS
    if ((this.#problem !== undefined || isOld) && this.#redis.status === 'ready') {
      // The policy may have been corrected, or changed, or the check itself got no answer.
      await this.#check()
    }
    if (this.#problem !== undefined) {
      throw this.#problem
    }
    try {
      return await commands(this.#redis)
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
    try {
      const info = await this.#redis.info('memory')
      this.#checkedAt = performance.now()
      const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
      if (policy === 'noeviction') {
        this.#problem = undefined
      } else {
        const known = this.#problem?.code === 'REDIS_EVICTS'
        this.#problem = new RedisUnavailableError(
          'REDIS_EVICTS',
          `Redis has maxmemory-policy ${policy}: it may drop payments silently; set it to noeviction`,
        )
        if (!known) {
          this.#logger.error(this.#problem.message)
        }
      }
    } catch (error) {
      this.#problem = toUnavailable(error as Error)
    }
  }
}

function toUnavailable(error: Error): RedisUnavailableError {
  if (error instanceof RedisUnavailableError) {
    return error
  }
  if (error.message.startsWith('OOM') || error.message.includes("when used memory > 'maxmemory'")) {
    return new RedisUnavailableError(
      'REDIS_OUT_OF_MEMORY',
      'Redis refuses writes: its maxmemory is reached; raise it or move to a larger Redis',
      error,
    )
  }
  if (error.message.startsWith('MISCONF')) {
    return new RedisUnavailableError(
      'REDIS_REFUSES_WRITES',
      `Redis refuses writes because it cannot save them; look at its disk: ${error.message}`,
      error,
    )
  }
  const refusal = REFUSALS.find(([words]) => words.test(error.message))
  if (refusal !== undefined) {
    return new RedisUnavailableError('REDIS_REFUSED', `${refusal[1]}: ${error.message}`, error)
  }
  return new RedisUnavailableError('REDIS_UNREACHABLE', `Redis does not answer: ${error.message}`, error)
}

/** In the words of Redis and of Node's TLS. */
const REFUSALS: readonly (readonly [words: RegExp, meaning: string])[] = [
  [/^(WRONGPASS|NOAUTH)/, 'Redis refuses the login, see redis.username and redis.password'],
  [/^NOPERM/, 'Redis allows our user too little, `paystatus topics acls` prints what it needs'],
  [/certificate|SSL routines|Hostname\/IP/, 'TLS to Redis fails, see redis.tls'],
]

/** As they are now; throws SecretError. */
function credentialsOf({ username, password, tls, url }: RedisConnection): Partial<RedisOptions> {
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: password() }),
    ...(url.startsWith('rediss:') && { tls: tlsOptionsOf(tls ?? {}) }),
  }
}
