import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { KafkaBroker, KafkaCluster } from '../../src/kafka/kafkajs-cluster.ts'
import { LeaderProducer } from '../../src/kafka/leader-producer.ts'

type Produce = Parameters<KafkaBroker['produce']>[0]

/** A cluster of two brokers that writes down the produce requests and answers as a test scripts. */
class FakeCluster {
  readonly requests: { readonly leader: number; readonly request: Produce }[] = []
  leaders = [1, 1, 2]
  refreshed = 0
  onProduce: (request: Produce, leader: number) => void = () => {}
  leaveOut: number | undefined
  #nextOffset = 100

  readonly cluster = {
    isConnected: () => true,
    addMultipleTargetTopics: async () => {},
    refreshMetadata: async () => {
      this.refreshed += 1
    },
    removeBroker: () => {},
    findTopicPartitionMetadata: () => this.leaders.map((leader, partitionId) => ({ partitionId, leader })),
    findBroker: async ({ nodeId }: { nodeId: number }) => ({
      produce: (request: Produce) => this.#produce(nodeId, request),
    }),
  } as unknown as KafkaCluster

  async #produce(leader: number, request: Produce) {
    this.requests.push({ leader, request })
    this.onProduce(request, leader)
    return {
      topics: request.topicData.map(({ topic, partitions }) => ({
        topicName: topic,
        partitions: partitions
          .filter(({ partition }) => partition !== this.leaveOut)
          .map(({ partition, messages }) => {
            this.#nextOffset += messages.length
            return { partition, errorCode: 0, baseOffset: String(this.#nextOffset - messages.length) }
          }),
      })),
    }
  }

  /** `leader: topic/partition@sequence x records`, one text for each request. */
  get shapes(): string[] {
    return this.requests.map(
      ({ leader, request }) =>
        `${leader}: ${request.topicData
          .flatMap(({ topic, partitions }) =>
            partitions.map(
              ({ partition, firstSequence, messages }) => `${topic}/${partition}@${firstSequence}x${messages.length}`,
            ),
          )
          .join(' ')}`,
    )
  }
}

const IDENTITY = { transactionalId: 'id', producerId: '7', producerEpoch: 1 }
const record = (bytes = 10) => ({ key: 'k', value: Buffer.alloc(bytes) })
const retriable = () => Object.assign(new Error('NOT_LEADER_FOR_PARTITION'), { retriable: true })

let fake: FakeCluster

function producer(
  identity: typeof IDENTITY | null = IDENTITY,
  batchBytesMax = 1_000,
  retryForMs = 5_000,
): LeaderProducer {
  return new LeaderProducer({
    cluster: fake.cluster,
    identity: () => identity,
    batchBytesMax,
    replicasTimeoutMs: 1_000,
    retryForMs,
  })
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  fake = new FakeCluster()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('LeaderProducer', () => {
  it('sends what is appended in one turn in one request to each leader', async () => {
    const one = producer()
    await Promise.all([
      one.append('a', 0, [record()]),
      one.append('b', 1, [record(), record()]),
      one.append('a', 2, [record()]),
    ])
    expect(fake.shapes).toEqual(['1: a/0@0x1 b/1@0x2', '2: a/2@0x1'])
  })

  it('gives the offsets of every append of its own', async () => {
    const one = producer()
    const [first, second] = await Promise.all([
      one.append('a', 0, [record(), record()]),
      one.append('a', 1, [record()]),
    ])
    expect(first).toEqual({ first: 100n, next: 102n })
    expect(second).toEqual({ first: 102n, next: 103n })
  })

  it('asks for acks of all in-sync replicas (I1)', async () => {
    await producer(null).append('a', 0, [record()])
    expect(fake.requests[0]?.request.acks).toBe(-1)
  })

  it('cuts what is larger than a batch may be, in order, with sequences that follow', async () => {
    const one = producer(IDENTITY, 100)
    expect(await one.append('a', 0, [record(40), record(40), record(40)])).toEqual({ first: 100n, next: 103n })
    expect(fake.shapes).toEqual(['1: a/0@0x1', '1: a/0@1x1', '1: a/0@2x1'])
  })

  it('gives a producer without identity no sequences', async () => {
    const one = producer(null)
    await one.append('a', 0, [record()])
    await one.append('a', 0, [record()])
    expect(fake.shapes).toEqual(['1: a/0@0x1', '1: a/0@0x1'])
  })

  it('rejects only the append that the reply does not name (I1)', async () => {
    const one = producer()
    fake.leaveOut = 1
    const [named, unnamed] = await Promise.allSettled([one.append('a', 0, [record()]), one.append('a', 1, [record()])])
    expect(named.status).toBe('fulfilled')
    expect(unnamed).toMatchObject({ status: 'rejected', reason: { code: 'PRODUCE_REPLY_INVALID' } })
  })

  it('sends again with the same sequence, to whoever leads by now', async () => {
    const one = producer()
    await one.append('a', 0, [record()])
    fake.onProduce = () => {
      fake.onProduce = () => {}
      fake.leaders = [2, 2, 2]
      throw retriable()
    }
    const appended = one.append('a', 0, [record()])
    await vi.advanceTimersByTimeAsync(100)
    await expect(appended).resolves.toMatchObject({ first: 101n })
    expect(fake.shapes).toEqual(['1: a/0@0x1', '1: a/0@1x1', '2: a/0@1x1'])
    expect(fake.refreshed).toBe(1)
  })

  it('gives up at the deadline with the last error', async () => {
    fake.onProduce = () => {
      throw retriable()
    }
    const appended = producer(IDENTITY, 1_000, 300).append('a', 0, [record()])
    const rejection = expect(appended).rejects.toThrow('NOT_LEADER_FOR_PARTITION')
    await vi.advanceTimersByTimeAsync(1_000)
    await rejection
    expect(fake.requests.length).toBeGreaterThan(2)
    expect(fake.requests.length).toBeLessThan(10)
  })

  it('does not send again what cannot pass, such as being fenced (I7)', async () => {
    fake.onProduce = () => {
      throw Object.assign(new Error('INVALID_PRODUCER_EPOCH'), { retriable: false })
    }
    await expect(producer().append('a', 0, [record()])).rejects.toThrow('INVALID_PRODUCER_EPOCH')
    expect(fake.requests).toHaveLength(1)
  })

  it('refuses a partition that does not exist', async () => {
    await expect(producer().append('a', 9, [record()])).rejects.toThrow('a has no partition 9')
  })
})
