import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { createKafka } from '../../src/kafka/kafka-client.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { TcpProxy } from '../lab/harness/tcp-proxy.ts'

/** Unusable bootstrap brokers, listed before one that works. */

let broker: string
let dead: TcpProxy

beforeEach(async () => {
  broker = inject('stack').kafkaBrokers[0] as string
  dead = await TcpProxy.start(new URL(`tcp://${broker}`))
})

afterEach(() => {
  dead.close()
})

test.each([
  ['closes every connection', () => dead.down()],
  ['accepts connections and stays silent', () => dead.freeze()],
])('a broker that %s is abandoned for the next one', async (_how, harm) => {
  harm()
  const kafka = createKafka({
    connection: { brokers: [`127.0.0.1:${dead.port}`, broker] },
    clientId: 'test',
    logger: SILENT,
  })
  const cluster = kafka.cluster()
  // On new servers, the coordinators' topic may not exist yet.
  await cluster.retried(() => cluster.coordinatorOf('group', 'silent-broker'))
  const tried = dead.accepted
  expect(tried).toBeGreaterThan(0)
  await cluster.close()

  // The next user of the client benefits from it.
  const again = kafka.cluster()
  await again.describe([])
  expect(dead.accepted).toBe(tried)
  await again.close()
})
