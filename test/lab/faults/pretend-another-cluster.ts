import { RedisClient } from '../../../src/redis/redis-client.ts'
import type { Lab } from './lab.ts'

const MARKER = '#marker'

/**
 * Atomic, so that no process sees a foreign state under its own marker. KEYS: view. ARGV: the marker's field, the id of the
 * other cluster.
 */
const PRETEND = `
local marker = redis.call('HGET', KEYS[1], ARGV[1])
if not marker then return 0 end
local names, values = {}, {}
local view = redis.call('HGETALL', KEYS[1])
for i = 1, #view, 2 do
  if view[i] ~= ARGV[1] then
    names[#names + 1] = view[i]
    values[#values + 1] = view[i + 1]
  end
end
for i, name in ipairs(names) do
  redis.call('HSET', KEYS[1], name, values[i % #values + 1])
end
local foreign = marker:gsub('"clusterId":"[^"]*"', '"clusterId":"' .. ARGV[2] .. '"', 1)
redis.call('HSET', KEYS[1], ARGV[1], foreign)
return 1
`

/**
 * Turns the views in Redis into those of another cluster with the same names: their markers say so, and every payment has
 * the state of another one. Returns the number of views.
 */
export async function pretendAnotherCluster({ deployment, partitions }: Lab): Promise<number> {
  const { config, logger } = deployment
  const redis = new RedisClient(config.redis, logger)
  await redis.connected()
  let views = 0
  try {
    for (let partition = 0; partition < partitions; partition += 1) {
      const key = `{${config.environment}.${config.processor.group}.p${partition}}:view`
      views += Number(await redis.script(PRETEND, [key], [MARKER, 'another-cluster']))
    }
  } finally {
    redis.close()
  }
  return views
}
