import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { eventually } from '../harness/eventually.ts'
import { Guard } from './guard.ts'
import { runCommand } from './run-command.ts'
import { launch, type Place, type Server, type ServerSpec } from './server.ts'
import { redisSpec } from './specs.ts'
import { ensureCommand } from './system-package.ts'

/** A server that does not answer for this long counts as failed, ms. Short, so that tests need not wait for failovers. */
const FAILED_AFTER_MS = 1_000
const IN_SYNC_MAX_MS = 60_000
/** Per command to one server, ms; a frozen server accepts connections but never answers. */
const ANSWER_MAX_MS = 1_000

/** The servers that hold a key now. */
export interface Shard {
  readonly primary: Server
  /** Undefined while the primary has none. */
  readonly replica: Server | undefined
}

/** Several Redis servers that act as one, with names as clients use them. */
export interface RedisNodes {
  /** `host:port` of the servers that clients are told of. */
  readonly addresses: readonly string[]
  /** All processes, Sentinels included. */
  readonly servers: readonly Server[]
  /** Those of the servers that hold data. */
  readonly dataServers: readonly Server[]
  shardOf(key: string): Promise<Shard>
  /** Rejects unless every server runs, all agree on who is a primary, and every replica is in sync. */
  assertSettled(): Promise<void>
}

export interface RedisWithSentinels extends RedisNodes {
  /** The name by which Sentinels know the primary. */
  readonly name: string
}

/** Changes how each data server is started. */
export type Wrap = (spec: ServerSpec) => ServerSpec

/** Three primaries with a replica each. */
export async function redisCluster(directory: string, guard: Guard, wrap: Wrap = asItIs): Promise<RedisNodes> {
  const servers = await Promise.all(
    [1, 2, 3, 4, 5, 6].map((number) => launch(wrap(clusterNodeSpec(number)), directory, guard)),
  )
  const addresses = servers.map(addressOf)
  const created = await runCommand(
    ['redis-cli', '--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes'],
    {},
  )
  if (!created.ok) throw new Error(`redis-cli created no cluster:\n${created.output}`)
  const nodes: RedisNodes = {
    addresses: addresses.slice(0, 2),
    servers,
    dataServers: servers,
    shardOf: async (key) => {
      for (const server of servers) {
        const range = await onServer(server, async (redis) => {
          const slot = await redis.cluster('KEYSLOT', key)
          const ranges = await redis.cluster('SLOTS')
          return ranges.find(([first, last]) => first <= slot && slot <= last)
        }).catch(() => undefined)
        const [, , ...nodes] = range ?? []
        const [primary, replica] = nodes.map((node) =>
          typeof node === 'number' ? undefined : serverAt(servers, node[1]),
        )
        if (primary?.pid !== undefined) return { primary, replica }
      }
      throw new Error(`no server holds the slot of ${key}`)
    },
    assertSettled: async () => {
      await Promise.all(servers.map(assertInSync))
      for (const server of servers) {
        const ranges = await onServer(server, (redis) => redis.cluster('SLOTS'))
        // First and last slot, the primary, its replica.
        if (ranges.some(({ length }) => length !== 4)) throw new Error(`${server.name} misses a replica`)
      }
    },
  }
  // A replica that is not in sync yet cannot take over.
  await eventually(() => nodes.assertSettled(), { timeoutMs: IN_SYNC_MAX_MS })
  return nodes
}

/** A primary with a replica, and three Sentinels of which two must agree. */
export async function redisWithSentinels(
  directory: string,
  guard: Guard,
  wrap: Wrap = asItIs,
): Promise<RedisWithSentinels> {
  const name = 'paystatus'
  const first = await launch(wrap(dataNodeSpec('redis-1')), directory, guard)
  const second = await launch(wrap(dataNodeSpec('redis-2', first.ports[0])), directory, guard)
  const dataServers = [first, second]
  await eventually(() => assertInSync(second), { timeoutMs: IN_SYNC_MAX_MS })
  const sentinels = await Promise.all(
    [1, 2, 3].map((number) => launch(sentinelSpec(number, name, first), directory, guard)),
  )
  // Only Sentinels that know each other and the replica can agree on a failover.
  await Promise.all(sentinels.map((one) => eventually(() => assertSees(one, name), { timeoutMs: IN_SYNC_MAX_MS })))
  const primaryBy = async (sentinel: Server) => {
    const [, port] = (await onServer(sentinel, (redis) => redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name))) as [
      string,
      string,
    ]
    return serverAt(dataServers, Number(port)) as Server
  }
  return {
    name,
    addresses: sentinels.map(addressOf),
    servers: [...dataServers, ...sentinels],
    dataServers,
    shardOf: async () => {
      const primary = await primaryBy(sentinels[0] as Server)
      return { primary, replica: primary === first ? second : first }
    },
    assertSettled: async () => {
      const [primary, ...others] = await Promise.all(sentinels.map(primaryBy))
      if (others.some((other) => other !== primary)) throw new Error('the Sentinels disagree on the primary')
      await Promise.all(dataServers.map(assertInSync))
      for (const server of dataServers) {
        const { primaryPort } = await roleOf(server)
        if (primaryPort !== (server === primary ? undefined : primary?.ports[0])) {
          throw new Error(`${server.name} does not have the role yet that the Sentinels gave it`)
        }
      }
      await Promise.all(sentinels.map((one) => assertSees(one, name)))
    },
  }
}

function asItIs(spec: ServerSpec): ServerSpec {
  return spec
}

function serverAt(servers: readonly Server[], port: number): Server | undefined {
  return servers.find(({ ports }) => ports[0] === port)
}

export type Started<T> = T & { stop(): Promise<void> }

/** Starts a group in a directory of its own. Nothing outlives this process. */
export async function withNodes<T extends RedisNodes>(
  start: (directory: string, guard: Guard) => Promise<T>,
): Promise<Started<T>> {
  await ensureRedis()
  const directory = await mkdtemp(join(tmpdir(), 'paystatus-redis-'))
  const guard = new Guard(directory)
  try {
    const started = await start(directory, guard)
    return {
      ...started,
      stop: async () => {
        await Promise.all(started.servers.map((server) => server.kill()))
        await guard.close()
      },
    }
  } catch (error) {
    await guard.close()
    throw error
  }
}

/** Installs the commands that a group needs, where they are missing. */
export async function ensureRedis(): Promise<void> {
  await ensureCommand('redis-server', 'redis-server', () => {})
  await ensureCommand('redis-cli', 'redis-tools', () => {})
}

function clusterNodeSpec(number: number): ServerSpec {
  return {
    ...redisSpec,
    name: `redis-cluster-${number}`,
    // The second port is that of the cluster bus.
    ports: 2,
    command: (place) => [
      ...redisSpec.command(place),
      ...['--cluster-enabled', 'yes', '--cluster-port', String(place.ports[1])],
      // An absolute path: a test may change the directory of the data.
      ...['--cluster-config-file', join(place.directory, 'nodes.conf')],
      ...['--cluster-node-timeout', String(FAILED_AFTER_MS), '--repl-diskless-sync-delay', '0'],
    ],
  }
}

/** With a configuration file, in which Sentinel keeps the role that it gave the server: it survives a restart. */
function dataNodeSpec(name: string, primaryPort?: number): ServerSpec {
  const configOf = ({ directory }: Place) => join(directory, 'redis.conf')
  return {
    ...redisSpec,
    name,
    prepare: (place) =>
      writeFile(
        configOf(place),
        [
          'repl-diskless-sync-delay 0',
          'replica-announce-ip 127.0.0.1',
          ...(primaryPort === undefined ? [] : [`replicaof 127.0.0.1 ${primaryPort}`]),
          '',
        ].join('\n'),
      ),
    command: (place) => {
      const [program, ...options] = redisSpec.command(place)
      return [program as string, configOf(place), ...options]
    },
  }
}

function sentinelSpec(number: number, name: string, primary: Server): ServerSpec {
  const configOf = ({ directory }: Place) => join(directory, 'sentinel.conf')
  return {
    name: `sentinel-${number}`,
    ports: 1,
    ready: /\+monitor master/,
    prepare: (place) =>
      writeFile(
        configOf(place),
        [
          'bind 127.0.0.1',
          `port ${place.ports[0]}`,
          `dir ${place.directory}`,
          'sentinel announce-ip 127.0.0.1',
          `sentinel monitor ${name} 127.0.0.1 ${primary.ports[0]} 2`,
          `sentinel down-after-milliseconds ${name} ${FAILED_AFTER_MS}`,
          `sentinel failover-timeout ${name} 2000`,
          '',
        ].join('\n'),
      ),
    command: (place) => ['redis-server', configOf(place), '--sentinel'],
  }
}

/** Rejects for a replica that is not in sync, and for a cluster node that does not see all slots served. */
async function assertInSync(server: Server): Promise<void> {
  const info = await onServer(server, (redis) => redis.info())
  if (/role:slave/.test(info) && !/master_link_status:up/.test(info)) {
    throw new Error(`${server.name} is not in sync yet`)
  }
  if (
    /cluster_enabled:1/.test(info) &&
    !/cluster_state:ok/.test(await onServer(server, (redis) => redis.cluster('INFO')))
  ) {
    throw new Error(`${server.name} does not see all slots yet`)
  }
}

export async function setPolicyOf(server: Server, policy: string): Promise<void> {
  await onServer(server, (redis) => redis.config('SET', 'maxmemory-policy', policy))
}

async function assertSees(sentinel: Server, name: string): Promise<void> {
  const found = (await onServer(sentinel, (redis) => redis.call('SENTINEL', 'MASTER', name))) as string[]
  const countOf = (field: string) => Number(found[found.indexOf(field) + 1])
  if (countOf('num-other-sentinels') !== 2 || countOf('num-slaves') !== 1) {
    throw new Error(`${sentinel.name} does not see the others yet`)
  }
}

/** Its role by its own account: a replica has the port of its primary. */
async function roleOf(server: Server): Promise<{ readonly primaryPort: number | undefined }> {
  const [role, , port] = (await onServer(server, (redis) => redis.call('ROLE'))) as [string, unknown, number]
  return { primaryPort: role === 'slave' ? port : undefined }
}

/** Connects to one server alone. Rejects if it does not answer in time. */
async function onServer<T>(server: Server, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({
    port: server.ports[0] ?? 0,
    host: '127.0.0.1',
    lazyConnect: true,
    retryStrategy: null,
    enableReadyCheck: false,
    connectTimeout: ANSWER_MAX_MS,
    commandTimeout: ANSWER_MAX_MS,
  })
  redis.on('error', () => {})
  try {
    await redis.connect()
    return await ask(redis)
  } finally {
    redis.disconnect()
  }
}

/** As clients write it. */
export function addressOf({ ports }: Server): string {
  return `127.0.0.1:${ports[0]}`
}
