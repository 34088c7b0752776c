import { RedisClient } from '../../src/redis/redis-client.ts'
import type { Lab } from './lab.ts'

const MARKER = '#marker'

/**
 * Makes the views in Redis those of another cluster that had the same names: their markers say so, and every payment has
 * a state that is another one's. Nobody may be writing. Gives how many views there are.
 */
export async function pretendAnotherCluster({ deployment, partitions }: Lab): Promise<number> {
  const { config, logger } = deployment
  const redis = new RedisClient(config.redis, logger)
  await redis.connected()
  let views = 0
  try {
    for (let partition = 0; partition < partitions; partition += 1) {
      const key = `{${config.environment}.${config.processor.group}.p${partition}}:view`
      const marker = await redis.run((commands) => commands.hget(key, MARKER))
      if (marker === null) {
        continue
      }
      const states = Object.entries(await redis.run((commands) => commands.hgetallBuffer(key)))
      const names = states.map(([name]) => name).filter((name) => name !== MARKER)
      const values = states.filter(([name]) => name !== MARKER).map(([, value]) => value)
      for (const [index, name] of names.entries()) {
        await redis.run((commands) => commands.hset(key, name, values[(index + 1) % values.length] as Buffer))
      }
      const foreign = JSON.stringify({ ...JSON.parse(marker), clusterId: 'another-cluster' })
      await redis.run((commands) => commands.hset(key, MARKER, foreign))
      views += 1
    }
  } finally {
    redis.close()
  }
  return views
}
