import { setTimeout as delay } from 'node:timers/promises'
import type { Random } from '../../../src/tools/simulate/random.ts'
import { type Fault, LONG_MS, SHORT_MS } from './fault.ts'
import type { Lab } from './lab.ts'
import type { LabShard } from './lab-redis.ts'
import { localUrl } from './local-url.ts'
import { pretendAnotherCluster } from './pretend-another-cluster.ts'
import { redisCommand } from './redis-command.ts'
import { emptyDisk, fillDisk } from './redis-disk.ts'
import { dumpOf, restore } from './redis-dump.ts'
import { RedisPair } from './redis-pair.ts'
import { repeatedly } from './repeatedly.ts'

/** Why a fault cannot act on servers that fail over by themselves. */
const NEEDS_A_PROXY = {
  sentinel: 'needs a proxy before Redis',
  cluster: 'needs a proxy before Redis',
} as const

/** The servers that hold the view of some partition, so that a fault on them has an effect. */
function someShard(lab: Lab, random: Random): Promise<LabShard> {
  return lab.redisShardOf(random.integer(0, lab.partitions - 1))
}

function pairOf({ redis }: Lab): RedisPair {
  if (!(redis instanceof RedisPair)) {
    throw new Error('there is no proxy before Redis')
  }
  return redis
}

export const REDIS_FAULTS: readonly Fault[] = [
  {
    name: 'kill-redis',
    area: 'redis',
    lastsMs: SHORT_MS,
    async inject(lab, random) {
      const { primary } = await someShard(lab, random)
      await primary.kill()
      return { what: `kill -9 of ${primary.name}, which restarts empty`, heal: () => lab.redis.heal() }
    },
  },
  {
    name: 'freeze-redis',
    area: 'redis',
    lastsMs: LONG_MS,
    async inject(lab, random) {
      const { primary } = await someShard(lab, random)
      await primary.pause()
      return { what: `SIGSTOP of ${primary.name}`, heal: () => lab.redis.heal() }
    },
  },
  {
    name: 'flush-redis',
    area: 'redis',
    lastsMs: SHORT_MS,
    async inject({ redis }) {
      await redis.empty()
      return { what: 'FLUSHALL, and once more', heal: () => redis.empty() }
    },
  },
  {
    name: 'restore-old-redis',
    area: 'redis',
    lastsMs: SHORT_MS,
    async inject(lab, random) {
      const shard = await someShard(lab, random)
      const dump = await dumpOf(shard.primary)
      const ageMs = random.integer(1_000, 4_000)
      await delay(ageMs)
      await restore(shard, dump)
      return { what: `Redis killed and restored from a dump ${ageMs} ms old`, heal: () => lab.redis.heal() }
    },
  },
  {
    name: 'fail-over-redis',
    area: 'redis',
    lastsMs: SHORT_MS,
    async inject(lab, random) {
      const lagMs = random.integer(500, 3_000)
      await lab.redis.failOver(await someShard(lab, random), lagMs)
      return { what: `Redis fails over to a replica that lags by ${lagMs} ms`, heal: () => lab.redis.heal() }
    },
  },
  {
    name: 'split-redis',
    area: 'redis',
    lastsMs: [3_000, 6_000],
    notOn: NEEDS_A_PROXY,
    async inject(lab, random) {
      const redis = pairOf(lab)
      const user = random.pick(['processor-1', 'processor-2'] as const)
      const { primary, replica } = await redis.shardOf()
      await redis.detachReplica()
      redis.proxyOf(user).retarget(localUrl(replica.ports[0]))
      return {
        what: `two primaries: ${user} writes to the former replica, all others to the former primary`,
        heal: async () => {
          // The replica wins: the others' writes are lost.
          redis.promoteReplica()
          await redisCommand(primary, `REPLICAOF 127.0.0.1 ${replica.ports[0]}`)
          await redis.heal()
        },
      }
    },
  },
  {
    name: 'fill-redis',
    area: 'redis',
    lastsMs: [3_000, 6_000],
    async inject(lab, random) {
      const { primary } = await someShard(lab, random)
      await redisCommand(primary, 'CONFIG SET maxmemory 1mb')
      return {
        what: 'Redis is full',
        heal: async () => void (await redisCommand(primary, 'CONFIG SET maxmemory 0')),
      }
    },
  },
  {
    name: 'fill-redis-disk',
    area: 'redis',
    lastsMs: [6_000, 9_000],
    async inject(lab, random) {
      const { primary } = await someShard(lab, random)
      await fillDisk(primary)
      return {
        what: 'the disk of Redis is full: it refuses writes that it cannot log',
        heal: () => emptyDisk(primary),
      }
    },
  },
  {
    name: 'foreign-redis',
    area: 'redis',
    lastsMs: SHORT_MS,
    async inject(lab) {
      await lab.rest('processor')
      const views = await pretendAnotherCluster(lab)
      return { what: `${views} views in Redis belong to another cluster`, heal: () => lab.wake('processor') }
    },
  },
  {
    name: 'black-hole-redis',
    area: 'redis',
    lastsMs: LONG_MS,
    notOn: NEEDS_A_PROXY,
    async inject(lab, random) {
      const redis = pairOf(lab)
      const users = random.pick([['processor-1'], ['processor-2'], ['processor-1', 'processor-2']] as const)
      for (const user of users) {
        redis.proxyOf(user).freeze()
      }
      return {
        what: `Redis does not answer ${users.join(', ')}`,
        heal: async () => {
          for (const user of users) {
            redis.proxyOf(user).thaw()
          }
        },
      }
    },
  },
  {
    name: 'cut-redis',
    area: 'redis',
    lastsMs: [3_000, 6_000],
    async inject({ redis }, random) {
      return repeatedly(random, 'connections to Redis break', () => redis.cut())
    },
  },
]
