import { expect, test } from 'vitest'
import type { KafkaBroker } from '../../src/kafka/kafkajs-cluster.ts'
import { produceTo } from '../../src/kafka/produce-request.ts'

interface Protocol {
  readonly request: { encode(): Promise<{ readonly buffer: Buffer }> }
  readonly response: { decode(bytes: Buffer): Promise<object>; parse(answer: object): Promise<object> }
}

/** The response of a leader: topic, and per partition its number, error code and base offset. */
function answerOf(topic: string, partitions: readonly (readonly [number, number, bigint])[]): Buffer {
  const head = Buffer.alloc(4 + 2 + topic.length + 4)
  head.writeInt32BE(1, 0)
  head.writeInt16BE(topic.length, 4)
  head.write(topic, 6)
  head.writeInt32BE(partitions.length, 6 + topic.length)
  const bodies = partitions.map(([partition, errorCode, baseOffset]) => {
    const body = Buffer.alloc(4 + 2 + 8 + 8 + 8)
    body.writeInt32BE(partition, 0)
    body.writeInt16BE(errorCode, 4)
    body.writeBigInt64BE(baseOffset, 6)
    return body
  })
  return Buffer.concat([head, ...bodies, Buffer.alloc(4)])
}

const REQUEST = {
  identity: null,
  timeoutMs: 1_000,
  topicData: [{ topic: 'raw', partitions: [{ partition: 0, firstSequence: 0, messages: [] }] }],
}

function brokerThat(answer: Buffer) {
  const sent: { protocol: Protocol; connection: string }[] = []
  const connection = (name: string) => ({
    send: async (protocol: Protocol) => {
      sent.push({ protocol, connection: name })
      return protocol.response.parse(await protocol.response.decode(answer))
    },
  })
  const connectionPool = { ...connection('first'), getConnection: async () => connection('second') }
  return { sent, broker: { connectionPool } as unknown as KafkaBroker }
}

test('returns the leader’s result for each partition', async () => {
  const { broker } = brokerThat(
    answerOf('raw', [
      [0, 19, -1n],
      [1, 0, 42n],
    ]),
  )
  expect(await produceTo(broker, REQUEST, 'first')).toEqual([
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
  const { broker, sent } = brokerThat(answerOf('raw', []))
  await produceTo(broker, REQUEST, 'second')
  const { protocol } = sent[0] as (typeof sent)[number]
  const { buffer } = await protocol.request.encode()
  // After the transactional id, which is null.
  expect([buffer.readInt16BE(0), buffer.readInt16BE(2), buffer.readInt32BE(4)]).toEqual([-1, -1, 1_000])
  expect(sent[0]?.connection).toBe('second')
})
