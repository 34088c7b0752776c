import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, inject } from 'vitest'
import { RedisStateStore } from '../../src/processor/redis-state-store.ts'
import { RedisClient } from '../../src/redis/redis-client.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { describeStateStore } from './state-store.conformance.ts'

const redis = new RedisClient({ url: inject('stack').redisUrl }, SILENT)

/** The Redis is shared with other tests and runs; every store has names of its own. */
const run = `test-${randomUUID()}`
let stores = 0

beforeAll(() => redis.connected())

afterAll(async () => {
  await redis.run(async (client) => {
    const keys = await client.keys(`{${run}.*`)
    await Promise.all(keys.map((key) => client.unlink(key)))
  })
  redis.close()
})

describeStateStore(
  'the view in Redis',
  () => {
    stores += 1
    return new RedisStateStore(redis, run, `store-${stores}`)
  },
  async (_store, partition, index) => {
    await redis.run((client) => client.del(`{${run}.store-${stores}.p${partition}}:${index}`))
  },
)
