export type RedisErrorCode =
  | 'REDIS_UNREACHABLE'
  | 'REDIS_REFUSED'
  | 'REDIS_OUT_OF_MEMORY'
  | 'REDIS_REFUSES_WRITES'
  | 'REDIS_EVICTS'
  | 'REDIS_IS_A_CLUSTER'
  | 'REDIS_IS_NO_CLUSTER'
  | 'REDIS_IS_READ_ONLY'
  | 'REDIS_IS_LOADING'
  | 'REDIS_CLUSTER_IS_DOWN'
  | 'REDIS_HOLDS_OTHER_DATA'
  | 'REDIS_IS_BUSY'
  | 'REDIS_IS_TOO_OLD'
  | 'REDIS_SENTINEL'

/** Redis cannot be used now; the message says why. Retrying later is safe. */
export class RedisUnavailableError extends Error {
  readonly code: RedisErrorCode
  readonly retriable = true

  constructor(code: RedisErrorCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'RedisUnavailableError'
    this.code = code
  }
}

const NOTHING_SKIPPED = 'nothing was skipped'

/**
 * What error texts of Redis, ioredis and Node's TLS mean to an operator; the first match counts. Anything else is reported as
 * "does not answer". Patterns without `^` also match the errors of scripts, which begin with their position.
 */
const MEANINGS: readonly (readonly [words: RegExp, code: RedisErrorCode, meaning: string])[] = [
  [
    /^OOM|when used memory > 'maxmemory'/,
    'REDIS_OUT_OF_MEMORY',
    'Redis refuses writes: its maxmemory is reached; raise it or move to a larger Redis',
  ],
  [/^MISCONF/, 'REDIS_REFUSES_WRITES', 'Redis refuses writes because it cannot persist them; check its disk'],
  [
    /^NOREPLICAS/,
    'REDIS_REFUSES_WRITES',
    'Redis refuses writes because it has too few replicas (min-replicas-to-write); check its replicas',
  ],
  [/^(WRONGPASS|NOAUTH)/, 'REDIS_REFUSED', 'Redis refuses the login; check redis.username and redis.password'],
  [/^NOPERM/, 'REDIS_REFUSED', 'the Redis user lacks permissions; `paystatus topics acls` prints the ones it needs'],
  [/^DENIED/, 'REDIS_REFUSED', 'Redis accepts no connections from other machines; check its protected-mode'],
  [/max number of clients/, 'REDIS_REFUSED', 'Redis accepts no more connections; check its maxclients'],
  [/certificate|SSL routines|Hostname\/IP/, 'REDIS_REFUSED', 'TLS to Redis fails; check redis.tls'],
  [
    /^(MOVED|ASK|CROSSSLOT)/,
    'REDIS_IS_A_CLUSTER',
    `this Redis is part of a cluster, but the configuration treats it as a single server; ${NOTHING_SKIPPED}; list its nodes in redis.cluster instead of redis.url`,
  ],
  [
    /cluster support disabled/,
    'REDIS_IS_NO_CLUSTER',
    'this Redis is not a cluster, but the configuration says it is; use redis.url or redis.sentinel instead of redis.cluster',
  ],
  [
    /^READONLY|-READONLY/,
    'REDIS_IS_READ_ONLY',
    `this Redis is a replica and accepts no writes; ${NOTHING_SKIPPED}; after a failover this resolves by itself, otherwise configure the primary`,
  ],
  [/^LOADING/, 'REDIS_IS_LOADING', 'Redis is loading its data from disk; this resolves by itself'],
  [/^MASTERDOWN/, 'REDIS_IS_READ_ONLY', 'this Redis is a replica that has lost its primary; check the primary'],
  [
    /^CLUSTERDOWN/,
    'REDIS_CLUSTER_IS_DOWN',
    `the Redis cluster does not serve all of its slots because a primary has failed; ${NOTHING_SKIPPED}; this resolves by itself once a replica takes over, otherwise check \`redis-cli cluster nodes\``,
  ],
  [
    /^TRYAGAIN/,
    'REDIS_CLUSTER_IS_DOWN',
    'the Redis cluster is moving our keys to another node; this resolves by itself',
  ],
  [
    /WRONGTYPE/,
    'REDIS_HOLDS_OTHER_DATA',
    `a key of the view holds other data, because something else writes into this Redis; ${NOTHING_SKIPPED} or overwritten; stop the other writer and delete the keys {<environment>.<group>.p<N>}:*, which are then rebuilt`,
  ],
  [/^BUSY/, 'REDIS_IS_BUSY', 'Redis is busy running a script; end it with SCRIPT KILL if it does not finish by itself'],
  [
    /^(ERR )?unknown (sub)?command/i,
    'REDIS_IS_TOO_OLD',
    'this server lacks a required command; use Redis 6.2 or newer, or Valkey',
  ],
  [/sentinels are unreachable/, 'REDIS_SENTINEL', 'no Sentinel names a primary; check redis.sentinel and its name'],
]

/** Translates an error of the client into ours. */
export function toUnavailable(error: Error): RedisUnavailableError {
  if (error instanceof RedisUnavailableError) {
    return error
  }
  const text = reasonOf(error)
  const found = MEANINGS.find(([words]) => words.test(text))
  return found === undefined
    ? new RedisUnavailableError('REDIS_UNREACHABLE', `Redis does not answer: ${text}`, error)
    : new RedisUnavailableError(found[1], `${found[2]}: ${text}`, error)
}

/** The server's error text. The cluster client puts it in a separate property or behind a prefix. */
function reasonOf(error: Error): string {
  const { lastNodeError } = error as Error & { lastNodeError?: unknown }
  if (lastNodeError instanceof Error) {
    return lastNodeError.message
  }
  return error.message.replace(/^Too many Cluster redirections\. Last error: (ReplyError: )?/, '')
}
