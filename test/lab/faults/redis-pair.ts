import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { TcpProxy } from '../harness/tcp-proxy.ts'
import { until } from '../stack/run-command.ts'
import type { Server } from '../stack/server.ts'
import { type LabRedis, type LabShard, REDIS_USERS, type RedisSection, type RedisUser } from './lab-redis.ts'
import { localUrl } from './local-url.ts'
import { redisCommand } from './redis-command.ts'

const SYNC_MAX_MS = 20_000

/** A primary with a replica. Each user connects through its own proxy, which can be pointed at either server. */
export class RedisPair implements LabRedis {
  readonly proxies: ReadonlyMap<RedisUser, TcpProxy>
  #primary: Server
  #replica: Server

  private constructor(primary: Server, replica: Server, proxies: ReadonlyMap<RedisUser, TcpProxy>) {
    this.#primary = primary
    this.#replica = replica
    this.proxies = proxies
  }

  /** Resolves with both servers empty and replication running. */
  static async start([primary, replica]: readonly [Server, Server]): Promise<RedisPair> {
    const proxies = await Promise.all(
      REDIS_USERS.map(async (user) => [user, await TcpProxy.start(localUrl(primary.ports[0]))] as const),
    )
    const pair = new RedisPair(primary, replica, new Map(proxies))
    await pair.heal()
    await redisCommand(primary, 'FLUSHALL')
    return pair
  }

  get servers(): readonly Server[] {
    return [this.#primary, this.#replica]
  }

  connectionOf(user: RedisUser): RedisSection {
    return { url: `redis://127.0.0.1:${this.proxyOf(user).port}` }
  }

  async shardOf(): Promise<LabShard> {
    return { primary: this.#primary, replica: this.#replica }
  }

  proxyOf(user: RedisUser): TcpProxy {
    const proxy = this.proxies.get(user)
    if (proxy === undefined) {
      throw new Error(`${user} does not use Redis`)
    }
    return proxy
  }

  /** Stops replication: the replica keeps its data and lags further and further behind. */
  async detachReplica(): Promise<void> {
    await redisCommand(this.#replica, 'REPLICAOF NO ONE')
  }

  /** Points every user at the replica, with whatever data it has. */
  promoteReplica(): void {
    const former = this.#primary
    this.#primary = this.#replica
    this.#replica = former
    for (const proxy of this.proxies.values()) {
      proxy.retarget(localUrl(this.#primary.ports[0]))
    }
  }

  async failOver({ primary }: LabShard, lagMs: number): Promise<void> {
    await this.detachReplica()
    await delay(lagMs)
    this.promoteReplica()
    await primary.kill()
  }

  async empty(): Promise<void> {
    await redisCommand(this.#primary, 'FLUSHALL')
  }

  async cut(): Promise<void> {
    for (const proxy of this.proxies.values()) {
      proxy.cut()
    }
  }

  /** Resolves when both servers run, the primary has no memory limit, and the replica is in sync. */
  async heal(): Promise<void> {
    const { primary, replica } = { primary: this.#primary, replica: this.#replica }
    for (const server of [primary, replica]) {
      await server.resume()
      await rm(join(server.directory, 'dump.rdb'), { force: true })
      await server.start()
    }
    for (const proxy of this.proxies.values()) {
      proxy.up()
      proxy.thaw()
    }
    await redisCommand(primary, 'REPLICAOF NO ONE')
    await redisCommand(primary, 'CONFIG SET maxmemory 0')
    await redisCommand(replica, `REPLICAOF 127.0.0.1 ${primary.ports[0]}`)
    await until('the replica is in sync', SYNC_MAX_MS, async () =>
      /master_link_status:up/.test(await redisCommand(replica, 'INFO replication')),
    )
  }

  close(): void {
    for (const proxy of this.proxies.values()) {
      proxy.close()
    }
  }
}
