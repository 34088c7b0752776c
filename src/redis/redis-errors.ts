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

/** Redis cannot be used now; the message says why. Trying again later is right. */
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
 * What the words of Redis, of ioredis and of Node's TLS mean for an operator; the first that fits counts. Everything else
 * is "does not answer", which is only true of a connection.
 */
const MEANINGS: readonly (readonly [words: RegExp, code: RedisErrorCode, meaning: string])[] = [
  [
    /^OOM|when used memory > 'maxmemory'/,
    'REDIS_OUT_OF_MEMORY',
    'Redis refuses writes: its maxmemory is reached; raise it or move to a larger Redis',
  ],
  [/^MISCONF/, 'REDIS_REFUSES_WRITES', 'Redis refuses writes because it cannot save them; look at its disk'],
  [
    /^NOREPLICAS/,
    'REDIS_REFUSES_WRITES',
    'Redis refuses writes because it has too few replicas (min-replicas-to-write); look at its replicas',
  ],
  [/^(WRONGPASS|NOAUTH)/, 'REDIS_REFUSED', 'Redis refuses the login, see redis.username and redis.password'],
  [/^NOPERM/, 'REDIS_REFUSED', 'Redis allows our user too little, `paystatus topics acls` prints what it needs'],
  [/^DENIED/, 'REDIS_REFUSED', 'Redis takes no connections from other machines, see its protected-mode'],
  [/max number of clients/, 'REDIS_REFUSED', 'Redis takes no more connections, see its maxclients'],
  [/certificate|SSL routines|Hostname\/IP/, 'REDIS_REFUSED', 'TLS to Redis fails, see redis.tls'],
  [
    /^(MOVED|ASK|CROSSSLOT)/,
    'REDIS_IS_A_CLUSTER',
    `this Redis is a part of a cluster, and the configuration names it as one server; ${NOTHING_SKIPPED}; name its nodes as redis.cluster in place of redis.url`,
  ],
  [
    /cluster support disabled/,
    'REDIS_IS_NO_CLUSTER',
    'this Redis is no cluster, and the configuration says that it is one; name it as redis.url or redis.sentinel in place of redis.cluster',
  ],
  [
    /^READONLY|-READONLY/,
    'REDIS_IS_READ_ONLY',
    `this Redis is a replica and takes no writes; ${NOTHING_SKIPPED}; it goes on by itself after a failover, else name the primary`,
  ],
  [/^LOADING/, 'REDIS_IS_LOADING', 'Redis reads its data from disk; it goes on by itself'],
  [/^MASTERDOWN/, 'REDIS_IS_READ_ONLY', 'this Redis is a replica that has lost its primary; look at the primary'],
  [
    /^CLUSTERDOWN/,
    'REDIS_CLUSTER_IS_DOWN',
    `the Redis cluster serves not all of its slots: a primary has failed; ${NOTHING_SKIPPED}; it goes on by itself once a replica has taken over, else look at \`redis-cli cluster nodes\``,
  ],
  [/^TRYAGAIN/, 'REDIS_CLUSTER_IS_DOWN', 'the Redis cluster is moving our keys to another node; it goes on by itself'],
  [
    /WRONGTYPE/,
    'REDIS_HOLDS_OTHER_DATA',
    `a key of the view holds something else: somebody else writes into this Redis; ${NOTHING_SKIPPED} and nothing overwritten; end that, and delete the keys {<environment>.<group>.p<N>}:*, which are built anew`,
  ],
  [
    /^BUSY/,
    'REDIS_IS_BUSY',
    "Redis is busy with somebody's script; end it with SCRIPT KILL if it does not end by itself",
  ],
  [
    /^(ERR )?unknown (sub)?command/i,
    'REDIS_IS_TOO_OLD',
    'this server does not know a command that is needed: Redis 6.2 or newer, or Valkey, is',
  ],
  [/sentinels are unreachable/, 'REDIS_SENTINEL', 'no Sentinel tells a primary, see redis.sentinel and its name'],
]

/** As the error of ours that it means. */
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

/** A cluster client says "failed" and keeps the reason beside it; a script's error is prefixed with where it stood. */
function reasonOf(error: Error): string {
  const { lastNodeError } = error as Error & { lastNodeError?: unknown }
  if (lastNodeError instanceof Error) {
    return lastNodeError.message
  }
  return error.message.replace(/^Too many Cluster redirections\. Last error: (ReplyError: )?/, '')
}
