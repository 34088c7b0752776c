import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { RedisConnection } from '../client-security/settings.ts'
import { tlsOptionsOf } from '../client-security/tls-files.ts'

/** A client of one server, of a primary that Sentinel names, or of a cluster. All of them take the same commands. */
export interface OpenRedis {
  readonly client: Redis | Cluster
  /** Every server that is known now, with its name; of a cluster the replicas, too, which can become primaries. */
  nodes(): readonly { readonly name: string; readonly redis: Redis }[]
  /** From now on every connection is made with what the files say now. Throws SecretError, then nothing changes. */
  readCredentials(): void
}

const COMMAND_TIMEOUT_MS = 5_000
const CONNECT_TIMEOUT_MS = 2_000
/** How soon a new primary of a slot is known, ms. */
const SLOTS_REFRESH_MS = 1_000

/** Nothing is sent twice: a repeated command whose first answer was lost gives a different answer. */
const COMMON = {
  lazyConnect: true,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAlive: 10_000,
} as const satisfies RedisOptions

/** Connects nothing yet. `retryDelayMs` is asked before every new attempt. */
export function openRedis(connection: RedisConnection, retryDelayMs: (attempt: number) => number): OpenRedis {
  const { cluster, sentinel } = connection
  if (cluster !== undefined) {
    return openCluster(connection, cluster.nodes, retryDelayMs)
  }
  const options = {
    ...COMMON,
    // Nothing waits in a queue while disconnected either.
    enableOfflineQueue: false,
    retryStrategy: retryDelayMs,
    // After a failover the old primary answers READONLY: connect again, and let the caller decide about the command.
    reconnectOnError: (error: Error) => error.message.startsWith('READONLY'),
  }
  const client =
    sentinel === undefined
      ? new Redis(connection.url ?? '', options)
      : new Redis({
          ...options,
          sentinels: sentinel.nodes.map(toAddress),
          name: sentinel.name,
          role: 'master',
          sentinelRetryStrategy: retryDelayMs,
          // A primary that was cut off keeps its connections: Sentinel says when it is none any more.
          failoverDetector: true,
          enableTLSForSentinelMode: connection.tls !== undefined,
        })
  return {
    client,
    nodes: () => [{ name: 'Redis', redis: client }],
    readCredentials: () => Object.assign(client.options, credentialsOf(connection), sentinelCredentialsOf(connection)),
  }
}

function openCluster(
  connection: RedisConnection,
  nodes: readonly string[],
  retryDelayMs: (attempt: number) => number,
): OpenRedis {
  const redisOptions = { ...COMMON }
  const client = new Cluster(nodes.map(toAddress), {
    redisOptions,
    lazyConnect: true,
    enableOfflineQueue: false,
    clusterRetryStrategy: retryDelayMs,
    scaleReads: 'master',
    // A cluster that serves only a part of its slots says so to each command, which is a better answer than none at all.
    enableReadyCheck: false,
    // A connection that closes leaves the outcome of a command unknown, and the caller decides.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    // With TLS the name is what the certificate carries.
    ...(connection.tls !== undefined && { dnsLookup: (address, callback) => callback(null, address) }),
  })
  return {
    client,
    nodes: () => client.nodes('all').map((redis) => ({ name: `${redis.options.host}:${redis.options.port}`, redis })),
    readCredentials: () => Object.assign(redisOptions, credentialsOf(connection)),
  }
}

/** `host:port` or `[IPv6]:port`. */
function toAddress(text: string): { host: string; port: number } {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(text.slice(at + 1)) }
}

/** As they are now; throws SecretError. */
function credentialsOf({ username, password, tls, url }: RedisConnection): Partial<RedisOptions> {
  const isTls = url === undefined ? tls !== undefined : url.startsWith('rediss:')
  return {
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: password() }),
    ...(isTls && { tls: tlsOptionsOf(tls ?? {}) }),
  }
}

function sentinelCredentialsOf({ sentinel }: RedisConnection): Partial<RedisOptions> {
  return {
    ...(sentinel?.username !== undefined && { sentinelUsername: sentinel.username }),
    ...(sentinel?.password !== undefined && { sentinelPassword: sentinel.password() }),
    ...(sentinel?.tls !== undefined && { sentinelTLS: tlsOptionsOf(sentinel.tls) }),
  }
}
