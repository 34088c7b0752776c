import { EventEmitter } from 'node:events'
import { createServer, type Server } from 'node:net'
import type { Redis } from 'ioredis'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { openRedis } from '../../src/redis/open-redis.ts'
import { RedisClient } from '../../src/redis/redis-client.ts'
import { eventually } from '../lab/harness/eventually.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'

let sentinel: Server
let asked: number
let client: Redis
let redis: RedisClient

beforeEach(async () => {
  asked = 0
  // Never names a primary.
  sentinel = createServer((socket) => {
    asked += 1
    socket.on('error', () => {})
    socket.destroy()
  })
  await new Promise<void>((resolve) => sentinel.listen(0, '127.0.0.1', resolve))
  const { port } = sentinel.address() as { port: number }
  const connection = { sentinel: { name: 'paystatus', nodes: [`127.0.0.1:${port}`] } }
  redis = new RedisClient(connection, SILENT, undefined, (...args) => {
    const opened = openRedis(...args)
    client = opened.client as Redis
    return opened
  })
})

afterEach(() => {
  redis.close()
  sentinel.close()
})

/** What ioredis does when a Sentinel reports a failover; it does so even while it is already connecting again. */
function failOver(): void {
  ;(client as unknown as { connector: { disconnect(): void } }).connector.disconnect()
}

test('a failover during a reconnect makes ioredis give up; the client connects again', async () => {
  redis.connect()
  failOver()
  await eventually(() => expect(client.status).toBe('end'))
  const before = asked
  await eventually(() => expect(asked).toBeGreaterThan(before))
})

test('so does the client of a tool, once it was connected', async () => {
  const connections = vi.fn(async () => {})
  const redisThatGivesUp = Object.assign(new EventEmitter(), { status: 'ready', connect: connections, disconnect() {} })
  const node = { name: 'Redis', redis: { info: async () => 'maxmemory_policy:noeviction' } }
  const tool = new RedisClient({}, SILENT, undefined, () => ({
    client: redisThatGivesUp as unknown as Redis,
    nodes: () => [node as unknown as { name: string; redis: Redis }],
    readCredentials: () => {},
  }))
  try {
    await tool.connected()
    redisThatGivesUp.emit('end')
    await eventually(() => expect(connections).toHaveBeenCalledTimes(2))
  } finally {
    tool.close()
  }
})
