import { Cluster, Redis, type RedisOptions } from 'ioredis'
import type { RedisConnection } from '../client-security/connections.ts'
import { tlsOptionsOf } from '../client-security/tls-files.ts'

/** A client of a single server, of a primary found through Sentinel, or of a cluster. All accept the same commands. */
export interface OpenRedis {
  readonly client: Redis | Cluster
  /** Every server known now, with its name. In a cluster this includes replicas, because they can become primaries. */
  nodes(): readonly { readonly name: string; readonly redis: Redis }[]
  /** Reads the credential files; new connections use the result. If it throws SecretError, nothing changes. */
  readCredentials(): void
}

const COMMAND_TIMEOUT_MS = 5_000
const CONNECT_TIMEOUT_MS = 2_000
/** Longest time until a new primary of a slot is discovered, ms. */
const SLOTS_REFRESH_MS = 1_000

/** Commands are never resent: if the first reply was lost, a repeated command could return a different one. */
const COMMON = {
  lazyConnect: true,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  commandTimeout: COMMAND_TIMEOUT_MS,
  connectTimeout: CONNECT_TIMEOUT_MS,
  keepAlive: 10_000,
} as const satisfies RedisOptions

/** Creates the client without connecting. `retryDelayMs` is called before every reconnection attempt. */
export function openRedis(connection: RedisConnection, retryDelayMs: (attempt: number) => number): OpenRedis {
  const { cluster, sentinel } = connection
  if (cluster !== undefined) {
    return openCluster(connection, cluster.nodes, retryDelayMs)
  }
  const options = {
    ...COMMON,
    // Commands fail at once while disconnected; they are not queued.
    enableOfflineQueue: false,
    retryStrategy: retryDelayMs,
    // After a failover the old primary replies READONLY: reconnect, and let the caller decide what to do with the command.
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
          // If a Sentinel accepts the connection but never answers, the client tries the next one.
          sentinelCommandTimeout: CONNECT_TIMEOUT_MS,
          // A partitioned primary keeps its client connections; only Sentinel reports that it has been replaced.
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
    // Without the check, commands also reach a cluster that serves only some slots, and its error reply says why they fail.
    enableReadyCheck: false,
    // When a connection closes, the outcome of a command is unknown; the caller decides what to do.
    retryDelayOnFailover: 0,
    retryDelayOnClusterDown: 0,
    slotsRefreshInterval: SLOTS_REFRESH_MS,
    slotsRefreshTimeout: CONNECT_TIMEOUT_MS,
    // With TLS, connect by name: the certificate is issued for it.
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

/** The current credentials. Throws SecretError. */
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
