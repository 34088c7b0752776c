import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect as connectTcp, createServer } from 'node:net'
import { expect, inject, test } from 'vitest'
import { splitBrokerAddress } from '../../src/kafka/client/broker-address.ts'
import { createKafka } from '../../src/kafka/kafka-client.ts'
import { createPartitionReader } from '../../src/kafka/partition-reader.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { TopicBench } from '../lab/harness/topic-bench.ts'

test('a broker configured as [::1]:port is reached', async () => {
  const stack = inject('stack')
  const { host, port } = splitBrokerAddress(stack.kafkaBrokers[0] as string)
  const way = createServer((socket) => {
    const broker = connectTcp({ host, port })
    socket.pipe(broker).pipe(socket)
    socket.on('error', () => broker.destroy())
    broker.on('error', () => socket.destroy())
  })
  way.listen(0, '::1')
  await once(way, 'listening')
  const bench = await TopicBench.create(stack)
  try {
    const topic = await bench.createTopic('ipv6')
    const connection = { brokers: [`[::1]:${(way.address() as AddressInfo).port}`] }
    const reader = createPartitionReader(createKafka({ connection, clientId: 'test', logger: SILENT }))
    expect(await reader.range(topic, 0)).toMatchObject({ start: 0n, end: 0n })
  } finally {
    await bench.close()
    way.close()
  }
})
