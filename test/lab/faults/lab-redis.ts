import type { Shard } from '../stack/redis-nodes.ts'
import type { Server } from '../stack/server.ts'

export const REDIS_USERS = ['processor-1', 'processor-2', 'observer'] as const
export type RedisUser = (typeof REDIS_USERS)[number]

/** The section `redis` of a configuration. */
export interface RedisSection {
  readonly url?: string
  readonly sentinel?: { readonly name: string; readonly nodes: readonly string[] }
  readonly cluster?: { readonly nodes: readonly string[] }
}

/** A primary and the replica that can take over. */
export interface LabShard extends Shard {
  readonly replica: Server
}

/** What runs as Redis, and what faults can do to it. */
export interface LabRedis {
  /** All processes. */
  readonly servers: readonly Server[]
  connectionOf(user: RedisUser): RedisSection
  /** The servers that hold a key now. */
  shardOf(key: string): Promise<LabShard>
  /** Stops replication, so that the replica lags by this time, then kills the primary. Resolves when the replica has taken over. */
  failOver(shard: LabShard, lagMs: number): Promise<void>
  /** Removes all data. */
  empty(): Promise<void>
  /** Cuts all connections of the product. */
  cut(): Promise<void>
  /** Resolves when all servers run, no primary has a memory limit, and every replica is in sync. */
  heal(): Promise<void>
  /** Releases what belongs to this process; the servers keep running. */
  close(): void
}
