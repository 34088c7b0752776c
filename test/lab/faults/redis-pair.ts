import { once } from 'node:events'
import { copyFile, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { TcpProxy } from '../harness/tcp-proxy.ts'
import { until } from '../stack/run-command.ts'
import type { Server } from '../stack/server.ts'
import { localUrl, SMALL_DISK } from './cluster.ts'

export const REDIS_USERS = ['processor-1', 'processor-2', 'observer'] as const
export type RedisUser = (typeof REDIS_USERS)[number]

const REPLY_MAX_MS = 3_000
const SYNC_MAX_MS = 20_000

/** A primary with a replica. Each user connects through its own proxy, which can be pointed at either server. */
export class RedisPair {
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

  get primary(): Server {
    return this.#primary
  }

  get replica(): Server {
    return this.#replica
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

  /** Dumps the data of the primary. Resolves with the path of the dump. */
  async dump(): Promise<string> {
    await redisCommand(this.#primary, 'SAVE')
    const file = join(this.#primary.directory, 'dump.rdb')
    await copyFile(file, `${file}.old`)
    return `${file}.old`
  }

  /** Kills the primary and restarts it with the data of a dump, or empty without one. */
  async restart(dump?: string): Promise<void> {
    const file = join(this.#primary.directory, 'dump.rdb')
    await this.#primary.kill()
    await (dump === undefined ? rm(file, { force: true }) : copyFile(dump, file))
    await this.#primary.start()
    await rm(file, { force: true })
  }

  /** Removes all data with `FLUSHALL`. */
  async empty(): Promise<void> {
    await redisCommand(this.#primary, 'FLUSHALL')
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

/** Sends one inline command directly to the server, past all proxies. Resolves with the raw reply; throws on an error reply. */
export async function redisCommand(server: Server, command: string): Promise<string> {
  const socket = createConnection(server.ports[0] as number, '127.0.0.1')
  socket.setTimeout(REPLY_MAX_MS, () => socket.destroy(new Error(`no answer to ${command}`)))
  await once(socket, 'connect')
  socket.write(`${command}\r\nQUIT\r\n`)
  let reply = ''
  for await (const chunk of socket) {
    reply += chunk
  }
  if (reply.startsWith('-')) {
    throw new Error(`${command}: ${reply.trim()}`)
  }
  return reply
}

/** Makes Redis write an append-only file to a small disk (see cluster.ts), and fills that disk. */
export async function fillDisk(server: Server): Promise<void> {
  await redisCommand(server, `CONFIG SET dir ${join(server.directory, SMALL_DISK)}`)
  await redisCommand(server, 'CONFIG SET appendonly yes')
  await until('Redis writes its append-only file', SYNC_MAX_MS, async () =>
    /aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0/.test(await redisCommand(server, 'INFO persistence')),
  )
  await writeFile(fillOn(server), Buffer.alloc(SMALL_DISK_FILL_BYTES)).then(
    () => {
      throw new Error('filling the disk needs the privilege to mount a file system: run as root')
    },
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOSPC') {
        throw error
      }
    },
  )
}

/** Frees the disk and turns the append-only file off. */
export async function emptyDisk(server: Server): Promise<void> {
  await rm(fillOn(server), { force: true })
  await redisCommand(server, 'CONFIG SET appendonly no')
  await redisCommand(server, `CONFIG SET dir ${server.directory}`)
}

const SMALL_DISK_FILL_BYTES = 64 << 20

/** A path on the small disk, which only the Redis process has mounted. */
function fillOn(server: Server): string {
  return join(`/proc/${server.pid}/root`, server.directory, SMALL_DISK, 'fill')
}
