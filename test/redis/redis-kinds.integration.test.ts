import { randomUUID } from 'node:crypto'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import type { RedisConnection } from '../../src/client-security/connections.ts'
import { RedisStateStore } from '../../src/processor/redis-state-store.ts'
import { RedisClient } from '../../src/redis/redis-client.ts'
import { Deployment, type RoleProcess } from '../lab/harness/deployment.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { simulate } from '../lab/harness/load.ts'
import { Observer } from '../lab/harness/observer.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { readContents, totalsViolations, viewViolations, violationsOf } from '../lab/harness/violations.ts'
import { Guard } from '../lab/stack/guard.ts'
import {
  addressOf,
  type RedisNodes,
  type RedisWithSentinels,
  redisCluster,
  redisWithSentinels,
  type Started,
  setPolicyOf,
  withNodes,
} from '../lab/stack/redis-nodes.ts'
import { launch, type Server } from '../lab/stack/server.ts'
import { valkeySpec } from '../lab/stack/valkey.ts'
import { describeStateStore } from '../processor/state-store.conformance.ts'

/** A way to run Redis; the same tests run against each. */
interface Kind {
  readonly connection: RedisConnection
  /** Whether another server takes over when one dies. */
  readonly failsOver: boolean
  /** The server that holds a key now. */
  holder(key: string): Promise<Server>
  stop(): Promise<void>
}

const KINDS: readonly (readonly [name: string, start: () => Promise<Kind>])[] = [
  ['a cluster', async () => ofCluster(await withNodes(redisCluster))],
  ['a primary behind Sentinel', async () => ofSentinels(await withNodes(redisWithSentinels))],
  ['Valkey', startValkey],
]

/** A single Valkey server, which speaks the Redis protocol. */
async function startValkey(): Promise<Kind> {
  const directory = await mkdtemp(join(tmpdir(), 'paystatus-valkey-'))
  const guard = new Guard(directory)
  const server = await launch(await valkeySpec(() => {}), directory, guard)
  return {
    connection: { url: `redis://127.0.0.1:${server.ports[0]}` },
    failsOver: false,
    holder: async () => server,
    stop: async () => {
      await server.kill()
      await guard.close()
    },
  }
}

function ofCluster(nodes: Started<RedisNodes>): Kind {
  return groupOf(nodes, { cluster: { nodes: nodes.addresses } })
}

function ofSentinels(nodes: Started<RedisWithSentinels>): Kind {
  return groupOf(nodes, { sentinel: { name: nodes.name, nodes: nodes.addresses } })
}

function groupOf(nodes: Started<RedisNodes>, connection: RedisConnection): Kind {
  return {
    connection,
    failsOver: true,
    holder: async (key) => (await nodes.shardOf(key)).primary,
    stop: () => nodes.stop(),
  }
}

describe.each(KINDS)('Redis as %s', (_name, start) => {
  let kind: Kind
  let redis: RedisClient
  const run = `test-${randomUUID()}`
  let stores = 0

  beforeAll(async () => {
    kind = await start()
    redis = new RedisClient(kind.connection, SILENT)
    await redis.connected()
  })

  afterAll(async () => {
    redis?.close()
    await kind?.stop()
  })

  describeStateStore(
    'keeps the view',
    () => {
      stores += 1
      return new RedisStateStore(redis, run, `store-${stores}`)
    },
    async (_store, partition, index) => {
      await redis.run((client) => client.del(`{${run}.store-${stores}.p${partition}}:${index}`))
    },
  )

  test('is refused with a clear reason while the server that holds the view may evict, and used again afterwards', async () => {
    const store = new RedisStateStore(redis, run, 'evicts')
    const holder = await kind.holder(`{${run}.evicts.p0}:view`)
    await setPolicyOf(holder, 'allkeys-lru')
    await eventually(async () => {
      await expect(store.read(0, [])).rejects.toMatchObject({
        code: 'REDIS_EVICTS',
        message: expect.stringContaining('maxmemory-policy allkeys-lru'),
      })
    })
    await setPolicyOf(holder, 'noeviction')
    await eventually(async () => expect(await store.read(0, [])).toEqual({ marker: null, states: [] }))
  })

  test('dies: calls fail with retriable errors until a server has taken over, then succeed', async () => {
    const store = new RedisStateStore(redis, run, 'fails-over')
    const key = `{${run}.fails-over.p0}:view`
    expect(await store.write(0, null, 'm1', [])).toBe('applied')
    const former = await kind.holder(key)
    await die(kind, former)
    const failures = new Set<string>()
    await eventually(async () => {
      try {
        expect(await store.write(0, (await store.read(0, [])).marker, `m${randomUUID()}`, [])).toBe('applied')
      } catch (error) {
        failures.add(codeOf(error))
        throw error
      }
    })
    // Every failure is one that the stage waits out; none is an unknown error.
    expect([...failures].filter((code) => !code.startsWith('REDIS_'))).toEqual([])
    expect((await kind.holder(key)).ports[0] === former.ports[0]).toBe(!kind.failsOver)
    await former.start()
  })
})

describe('a server of the wrong kind', () => {
  const run = `test-${randomUUID()}`
  const clients: RedisClient[] = []

  afterAll(() => {
    for (const client of clients) {
      client.close()
    }
  })

  async function storeOn(connection: RedisConnection): Promise<{ store: RedisStateStore; redis: RedisClient }> {
    const redis = new RedisClient(connection, SILENT)
    clients.push(redis)
    redis.connect()
    return { store: new RedisStateStore(redis, run, 'wrong'), redis }
  }

  test('gets its own error: a cluster node configured as a single server', async () => {
    const cluster = await withNodes(redisCluster)
    try {
      const { store } = await storeOn({ url: `redis://${cluster.addresses[0]}` })
      const asked = Array.from({ length: 20 }, (_, partition) => partition)
      await eventually(async () => {
        const codes = await Promise.all(asked.map((partition) => store.read(partition, []).then(() => 'read', codeOf)))
        expect(new Set(codes)).toEqual(new Set(['read', 'REDIS_IS_A_CLUSTER']))
      })
    } finally {
      await cluster.stop()
    }
  })

  test('and a single server configured as a cluster', async () => {
    const { host } = new URL(inject('stack').redisUrl)
    const { store } = await storeOn({ cluster: { nodes: [host] } })
    await eventually(() => expect(store.read(0, [])).rejects.toMatchObject({ code: 'REDIS_IS_NO_CLUSTER' }))
  })

  test('and a replica configured as a single server', async () => {
    const redis = await withNodes(redisWithSentinels)
    try {
      const replica = (await redis.shardOf('')).replica?.ports[0]
      const { store } = await storeOn({ url: `redis://127.0.0.1:${replica}` })
      await eventually(() =>
        expect(store.write(0, null, 'm', [])).rejects.toMatchObject({ code: 'REDIS_IS_READ_ONLY' }),
      )
    } finally {
      await redis.stop()
    }
  })

  test('and Sentinels that do not know the name', async () => {
    const redis = await withNodes(redisWithSentinels)
    try {
      const { store } = await storeOn({ sentinel: { name: 'another', nodes: redis.addresses } })
      await eventually(() => expect(store.read(0, [])).rejects.toMatchObject({ code: 'REDIS_SENTINEL' }))
      const tool = new RedisClient({ sentinel: { name: 'another', nodes: redis.addresses } }, SILENT)
      clients.push(tool)
      await expect(tool.connected()).rejects.toMatchObject({ code: 'REDIS_SENTINEL' })
    } finally {
      await redis.stop()
    }
  })

  test('and a Sentinel that accepts connections but never answers is passed over', async () => {
    const redis = await withNodes(redisWithSentinels)
    try {
      const frozen = redis.servers.find((server) => addressOf(server) === redis.addresses[0])
      await frozen?.pause()
      const { store } = await storeOn({ sentinel: { name: redis.name, nodes: redis.addresses } })
      await eventually(async () => expect(await store.read(0, [])).toEqual({ marker: null, states: [] }))
    } finally {
      await redis.stop()
    }
  })

  test.each(['view', 'due', 'refs'])('and a server with foreign data in :%s', async (key) => {
    const { store, redis } = await storeOn({ url: inject('stack').redisUrl })
    const name = `{${run}.wrong.p1}:${key}`
    await eventually(() => redis.run((client) => client.set(name, 'foreign')))
    const foreign = {
      code: 'REDIS_HOLDS_OTHER_DATA',
      message: expect.stringContaining('nothing was skipped or overwritten'),
    }
    await expect(store.isWhole(1)).rejects.toMatchObject(foreign)
    await redis.run((client) => client.del(name, `{${run}.wrong.p1}:view`))
  })
})

describe.each(KINDS)('the processor on Redis as %s', (_name, start) => {
  let kind: Kind
  let deployment: Deployment
  let observer: Observer
  let paystatus: RoleProcess

  beforeAll(async () => {
    kind = await start()
    deployment = await Deployment.create(inject('stack'), { config: { redis: { url: undefined, ...kind.connection } } })
    observer = await Observer.create(deployment)
    paystatus = await deployment.start(['gateway', 'normalizer', 'processor'])
    await paystatus.ready()
  })

  afterEach(async () => {
    await paystatus?.stop()
  })

  afterAll(async () => {
    await observer?.close()
    await deployment?.close()
    await kind?.stop()
  })

  test('I3 I4 I5 I6 a failover under load only causes a wait, and changes nothing in the topics', async () => {
    const { environment, processor } = deployment.config
    await send(1)
    await observer.caughtUp()
    const holder = await kind.holder(`{${environment}.${processor.group}.p0}:view`)
    await Promise.all([send(2), die(kind, holder)])
    await observer.caughtUp()
    const contents = await readContents(observer)
    expect(violationsOf(contents, deployment.config)).toEqual([])
    expect(totalsViolations(await observer.totals(), contents)).toEqual([])
    await eventually(async () => expect(await viewViolations(observer)).toEqual([]))
    await paystatus.ready()
    const verified = await deployment.command(['verify', '--all', '--json'])
    expect([verified.code, JSON.parse(verified.stdout).viewDiffers]).toEqual([0, 0])
  })

  async function send(seed: number): Promise<void> {
    const { counts } = await simulate(deployment, paystatus.gatewayUrl, { seed, payments: 100, ratePerSecond: 100 })
    expect(counts.accepted).toBe(counts.callbacks)
  }
})

/** If no other server takes over, this one restarts, empty. */
async function die(kind: Kind, server: Server): Promise<void> {
  await server.kill()
  if (!kind.failsOver) {
    await server.start()
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
