import type { Guard } from '../stack/guard.ts'
import { ensureRedis, redisCluster, redisWithSentinels } from '../stack/redis-nodes.ts'
import { launch } from '../stack/server.ts'
import { redisSpec } from '../stack/specs.ts'
import { valkeySpec } from '../stack/valkey.ts'
import type { LabRedis } from './lab-redis.ts'
import { withSmallDisk } from './redis-disk.ts'
import { RedisGroup } from './redis-group.ts'
import type { RedisKind } from './redis-kind.ts'
import { RedisPair } from './redis-pair.ts'

/** Starts what runs as Redis, with its data in `directory`; `guard` ends its processes. */
export async function startRedis(
  kind: RedisKind,
  directory: string,
  guard: Guard,
  report: (line: string) => void,
): Promise<LabRedis> {
  switch (kind) {
    case 'single':
    case 'valkey': {
      const spec = withSmallDisk(kind === 'valkey' ? await valkeySpec(report) : redisSpec)
      return RedisPair.start(
        await Promise.all([
          launch({ ...spec, name: 'redis-1' }, directory, guard),
          launch({ ...spec, name: 'redis-2' }, directory, guard),
        ]),
      )
    }
    case 'sentinel': {
      await ensureRedis()
      const nodes = await redisWithSentinels(directory, guard, withSmallDisk)
      return new RedisGroup(nodes, { sentinel: { name: nodes.name, nodes: nodes.addresses } })
    }
    case 'cluster': {
      await ensureRedis()
      const nodes = await redisCluster(directory, guard, withSmallDisk)
      return new RedisGroup(nodes, { cluster: { nodes: nodes.addresses } })
    }
  }
}
