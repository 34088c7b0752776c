import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { eventually } from '../harness/eventually.ts'
import type { RedisNodes } from '../stack/redis-nodes.ts'
import type { Server } from '../stack/server.ts'
import type { LabRedis, LabShard, RedisSection } from './lab-redis.ts'
import { redisCommand } from './redis-command.ts'

const FAILED_OVER_MAX_MS = 30_000
/** Sentinel waits 10 s before it makes a former primary that returned a replica. */
const SETTLED_MAX_MS = 90_000

/** Servers that fail over by themselves: a primary behind Sentinel, or a cluster. Clients connect to them without a proxy. */
export class RedisGroup implements LabRedis {
  readonly #nodes: RedisNodes
  readonly #section: RedisSection

  constructor(nodes: RedisNodes, section: RedisSection) {
    this.#nodes = nodes
    this.#section = section
  }

  get servers(): readonly Server[] {
    return this.#nodes.servers
  }

  connectionOf(): RedisSection {
    return this.#section
  }

  async shardOf(key: string): Promise<LabShard> {
    const { primary, replica } = await this.#nodes.shardOf(key)
    if (replica === undefined) {
      throw new Error(`${primary.name} has no replica`)
    }
    return { primary, replica }
  }

  async failOver({ primary, replica }: LabShard, lagMs: number): Promise<void> {
    // The primary refuses the replica's next login. The replica keeps its role and its data, so that it can still take over.
    await redisCommand(replica, 'CONFIG SET masteruser nobody')
    await redisCommand(replica, 'CONFIG SET masterauth nothing')
    await redisCommand(primary, 'CLIENT KILL TYPE replica')
    await delay(lagMs)
    await primary.kill()
    await eventually(
      async () => {
        if (!/role:master/.test(await redisCommand(replica, 'INFO replication'))) {
          throw new Error(`${replica.name} has not taken over`)
        }
      },
      { timeoutMs: FAILED_OVER_MAX_MS },
    )
  }

  async empty(): Promise<void> {
    for (const server of this.#nodes.dataServers) {
      if (/role:master/.test(await redisCommand(server, 'INFO replication'))) {
        await redisCommand(server, 'FLUSHALL')
      }
    }
  }

  async cut(): Promise<void> {
    // A server that another fault has stopped has no connections.
    await Promise.all(
      this.#nodes.dataServers.map((server) => redisCommand(server, 'CLIENT KILL TYPE normal').catch(() => {})),
    )
  }

  async heal(): Promise<void> {
    for (const server of this.servers) {
      await server.resume()
      await rm(join(server.directory, 'dump.rdb'), { force: true })
      await server.start()
    }
    for (const server of this.#nodes.dataServers) {
      await redisCommand(server, 'CONFIG SET maxmemory 0')
      await redisCommand(server, 'CONFIG SET masteruser ""')
      await redisCommand(server, 'CONFIG SET masterauth ""')
    }
    await eventually(() => this.#nodes.assertSettled(), { timeoutMs: SETTLED_MAX_MS })
  }

  close(): void {}
}
