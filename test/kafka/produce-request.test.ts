import { afterEach, beforeEach, expect, test } from 'vitest'
import { PRODUCE, PRODUCE_ADDING } from '../../src/kafka/client/requests.ts'
import type { ValueOf } from '../../src/kafka/client/wire-types.ts'
import { createKafka, type KafkaClient } from '../../src/kafka/kafka-client.ts'
import { produceTo } from '../../src/kafka/produce-request.ts'
import { SILENT } from '../lab/harness/silent-logger.ts'
import { ScriptedBroker } from './client/scripted-broker.ts'

let scripted: ScriptedBroker
let kafka: KafkaClient
let asked: ValueOf<typeof PRODUCE.request>[]

beforeEach(async () => {
  scripted = await ScriptedBroker.start()
  kafka = createKafka({ connection: { brokers: [scripted.address] }, clientId: 'test', logger: SILENT })
  asked = []
})

afterEach(async () => {
  await kafka.queries.close()
  scripted.close()
})

const BATCH = { topic: 'raw', partition: 0, firstSequence: 7, records: [{ key: 'k', value: Buffer.from('v') }] }

function answering(type: typeof PRODUCE, ...results: readonly (readonly [number, number, bigint])[]): void {
  scripted.on(type, (request) => {
    asked.push(request)
    const partitions = results.map(([partition, errorCode, baseOffset]) => ({
      partition,
      errorCode,
      baseOffset,
      logAppendTimeMs: -1n,
      logStartOffset: 0n,
      recordErrors: [],
      errorMessage: null,
    }))
    return { topics: [{ name: 'raw', partitions }], throttleTimeMs: 0 }
  })
}

test('returns the leader’s result for each partition', async () => {
  answering(PRODUCE, [0, 19, -1n], [1, 0, 42n])
  const leader = await kafka.queries.leaderOf('raw', 0)
  const { partitions } = await produceTo(leader, { identity: null, timeoutMs: 1_000, batches: [BATCH] }, 'main')
  expect(partitions).toEqual([
    {
      topic: 'raw',
      partition: 0,
      error: expect.objectContaining({ type: 'NOT_ENOUGH_REPLICAS', retriable: true }),
      baseOffset: -1n,
    },
    { topic: 'raw', partition: 1, error: null, baseOffset: 42n },
  ])
})

test('requests acks from all in-sync replicas (I1)', async () => {
  answering(PRODUCE)
  const leader = await kafka.queries.leaderOf('raw', 0)
  await produceTo(leader, { identity: null, timeoutMs: 1_000, batches: [BATCH] }, 'second')
  expect(asked).toMatchObject([{ transactionalId: null, acks: -1, timeoutMs: 1_000 }])
})

test('a batch contains its producer and its sequence, which a retry keeps', async () => {
  answering(PRODUCE_ADDING)
  const leader = await kafka.queries.leaderOf('raw', 0)
  const identity = { transactionalId: 'id', producerId: 5n, producerEpoch: 3, addsPartitions: true }
  await produceTo(leader, { identity, timeoutMs: 1_000, batches: [BATCH] }, 'main')
  const batch = asked[0]?.topics[0]?.partitions[0]?.batch as Buffer
  expect([batch.readBigInt64BE(43), batch.readInt16BE(51), batch.readInt32BE(53)]).toEqual([5n, 3, 7])
  expect(asked[0]?.transactionalId).toBe('id')
})
