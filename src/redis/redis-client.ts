import { createHash } from 'node:crypto'
import { Redis } from 'ioredis'
import type { Logger } from '../observability/log.ts'

/** Redis cannot be used now; the message says why. Trying again later is right. */
export class RedisUnavailableError extends Error {
  readonly code: 'REDIS_UNREACHABLE' | 'REDIS_OUT_OF_MEMORY' | 'REDIS_REFUSES_WRITES' | 'REDIS_EVICTS'
  readonly retriable = true

  constructor(code: RedisUnavailableError['code'], message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'RedisUnavailableError'
    this.code = code
  }
}

const COMMAND_TIMEOUT_MS = 5_000
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
  readonly #logger: Logger
  readonly #hashes = new Map<string, string>()
  #problem: RedisUnavailableError | undefined = new RedisUnavailableError('REDIS_UNREACHABLE', 'not connected yet')
  #checking: Promise<void> | undefined
  #checkedAt = Number.NEGATIVE_INFINITY

  constructor(url: string, logger: Logger) {
    this.#logger = logger
    this.#redis = new Redis(url, {
      lazyConnect: true,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      connectTimeout: 2_000,
      keepAlive: 10_000,
      retryStrategy: (attempt) => Math.min(50 * attempt, 500),
      // After a failover the old primary answers READONLY: connect again, and let the caller decide about the command.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    })
    this.#redis.on('error', (error: Error) => this.#logger.debug({ err: error }, 'redis connection'))
    this.#redis.on('close', () => {
      this.#problem = new RedisUnavailableError('REDIS_UNREACHABLE', 'the connection to Redis is closed')
    })
    this.#redis.on('ready', () => void this.#check())
  }

  /** Starts connecting; goes on by itself until `close`. */
  connect(): void {
    this.#redis.connect().catch(() => {
      // Reported by every command until the connection stands; ioredis keeps trying.
    })
  }

  /** Connects and checks once; for tools, which have no time to wait. Rejects with RedisUnavailableError. */
  async connected(): Promise<void> {
    try {
      await this.#redis.connect()
    } catch (error) {
      throw toUnavailable(error as Error)
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
  return new RedisUnavailableError('REDIS_UNREACHABLE', `Redis does not answer: ${error.message}`, error)
}
