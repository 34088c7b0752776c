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

/** A server counts as failed after this time, ms. Short, so that tests need not wait for failovers. */
const FAILED_AFTER_MS = 1_000

/** A group of Redis servers, with the names clients use. Nothing outlives this process. */
interface RedisNodes {
  readonly directory: string
  /** `host:port` of those that clients are told of. */
  readonly addresses: readonly string[]
  stop(): Promise<void>
}

export interface RedisCluster extends RedisNodes {
  /** The server that holds the slot of a key now. */
  primaryOf(key: string): Promise<Server>
  /** Sets the eviction policy of one server. */
  setPolicy(server: Server, policy: string): Promise<void>
}

export interface RedisWithSentinels extends RedisNodes {
  readonly name: string
  /** The server that the Sentinels call the primary now, and the other one. */
  primary(): Promise<Server>
  replica(): Promise<Server>
  setPolicy(server: Server, policy: string): Promise<void>
}

/** Three primaries with a replica each. */
export async function startRedisCluster(): Promise<RedisCluster> {
  return withNodes(async (directory, guard) => {
    const servers = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((number) => launch(clusterNodeSpec(number), directory, guard)),
    )
    const addresses = servers.map(addressOf)
    const made = await runCommand(
      ['redis-cli', '--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes'],
      {},
    )
    if (!made.ok) throw new Error(`redis-cli made no cluster:\n${made.output}`)
    // A replica that is not in sync cannot take over.
    await Promise.all(servers.map((server) => eventually(() => assertInSync(server), { timeoutMs: 30_000 })))
    return {
      addresses: addresses.slice(0, 2),
      servers,
      primaryOf: async (key: string) => {
        for (const server of servers) {
          const slots = await onServer(server, async (redis) => {
            const slot = await redis.cluster('KEYSLOT', key)
            const ranges = await redis.cluster('SLOTS')
            return ranges.find(([first, last]) => first <= slot && slot <= last)
          }).catch(() => undefined)
          const primary = servers.find(({ ports }) => ports[0] === slots?.[2]?.[1])
          if (primary?.pid !== undefined) return primary
        }
        throw new Error(`no server holds the slot of ${key}`)
      },
    }
  })
}

/** A primary with a replica, and three Sentinels of which two must agree. */
export async function startRedisWithSentinels(): Promise<RedisWithSentinels> {
  const name = 'paystatus'
  return withNodes(async (directory, guard) => {
    const primary = await launch(dataNodeSpec('redis-1'), directory, guard)
    const replica = await launch(dataNodeSpec('redis-2', primary.ports[0]), directory, guard)
    await eventually(() => assertInSync(replica), { timeoutMs: 30_000 })
    const sentinels = await Promise.all(
      [1, 2, 3].map((number) => launch(sentinelSpec(number, name, primary), directory, guard)),
    )
    // Only those that know each other and the replica can agree on a failover.
    await Promise.all(sentinels.map((one) => eventually(() => assertSees(one, name), { timeoutMs: 30_000 })))
    const primaryNow = async () => {
      const [, port] = (await onServer(sentinels[0] as Server, (redis) =>
        redis.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
      )) as [string, string]
      return Number(port) === primary.ports[0] ? primary : replica
    }
    return {
      name,
      addresses: sentinels.map(addressOf),
      servers: [primary, replica, ...sentinels],
      primary: primaryNow,
      replica: async () => ((await primaryNow()) === primary ? replica : primary),
    }
  })
}

async function withNodes<T extends { readonly servers: readonly Server[] }>(
  start: (directory: string, guard: Guard) => Promise<T>,
) {
  await ensureCommand('redis-server', 'redis-server', () => {})
  await ensureCommand('redis-cli', 'redis-tools', () => {})
  const directory = await mkdtemp(join(tmpdir(), 'paystatus-redis-'))
  const guard = new Guard(directory)
  try {
    const started = await start(directory, guard)
    return {
      ...started,
      directory,
      setPolicy: setPolicyOf,
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

function clusterNodeSpec(number: number): ServerSpec {
  return {
    ...redisSpec,
    name: `redis-cluster-${number}`,
    // The second one is that of the nodes among themselves.
    ports: 2,
    command: (place) => [
      ...redisSpec.command(place),
      ...['--cluster-enabled', 'yes', '--cluster-port', String(place.ports[1])],
      ...['--cluster-node-timeout', String(FAILED_AFTER_MS), '--repl-diskless-sync-delay', '0'],
    ],
  }
}

function dataNodeSpec(name: string, primaryPort?: number): ServerSpec {
  return {
    ...redisSpec,
    name,
    command: (place) => [
      ...redisSpec.command(place),
      ...['--repl-diskless-sync-delay', '0', '--replica-announce-ip', '127.0.0.1'],
      ...(primaryPort === undefined ? [] : ['--replicaof', '127.0.0.1', String(primaryPort)]),
    ],
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
          `sentinel failover-timeout ${name} 5000`,
          '',
        ].join('\n'),
      ),
    command: (place) => ['redis-server', configOf(place), '--sentinel'],
  }
}

/** Also, of a node of a cluster, that it serves. */
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

async function onServer<T>(server: Server, ask: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis({ port: server.ports[0] ?? 0, host: '127.0.0.1', lazyConnect: true, retryStrategy: null })
  redis.on('error', () => {})
  try {
    await redis.connect()
    return await ask(redis)
  } finally {
    redis.disconnect()
  }
}

function addressOf({ ports }: Server): string {
  return `127.0.0.1:${ports[0]}`
}
