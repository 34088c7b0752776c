import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { KafkaBroker, KafkaCluster } from '../../src/kafka/kafkajs-cluster.ts'
import { NO_LEADER } from '../../src/kafka/kafkajs-metadata.ts'
import { LeaderProducer } from '../../src/kafka/leader-producer.ts'
import type { ProduceConnection, ProducedPartition, ProduceRequest } from '../../src/kafka/produce-request.ts'

/** A cluster of two brokers that records the produce requests and answers as a test scripts. */
class FakeCluster {
  readonly requests: { readonly leader: number; readonly request: ProduceRequest; readonly on: ProduceConnection }[] =
    []
  leaders = [1, 1, 2]
  refreshed = 0
  onProduce: (request: ProduceRequest, leader: number) => Promise<void> | void = () => {}
  leaveOut: number | undefined
  /** The leader's result for a partition. */
  errorOf: (topic: string, partition: number) => Error | null = () => null
  #nextOffset = 100

  readonly cluster = {
    isConnected: () => true,
    addMultipleTargetTopics: async () => {},
    refreshMetadata: async () => {
      this.refreshed += 1
    },
    removeBroker: () => {},
    findTopicPartitionMetadata: () => this.leaders.map((leader, partitionId) => ({ partitionId, leader })),
    findBroker: async ({ nodeId }: { nodeId: number }) => ({ nodeId }),
  } as unknown as KafkaCluster

  async produce(broker: KafkaBroker, request: ProduceRequest, on: ProduceConnection): Promise<ProducedPartition[]> {
    const leader = (broker as unknown as { nodeId: number }).nodeId
    this.requests.push({ leader, request, on })
    await this.onProduce(request, leader)
    return request.topicData.flatMap(({ topic, partitions }) =>
      partitions
        .filter(({ partition }) => partition !== this.leaveOut)
        .map(({ partition, messages }) => {
          const error = this.errorOf(topic, partition)
          if (error !== null) {
            return { topic, partition, error, baseOffset: -1n }
          }
          this.#nextOffset += messages.length
          return { topic, partition, error, baseOffset: BigInt(this.#nextOffset - messages.length) }
        }),
    )
  }

  /** `leader: topic/partition@sequence x records`, one string per request; `~` if it used the second connection. */
  get shapes(): string[] {
    return this.requests.map(
      ({ leader, request, on }) =>
        `${leader}${on === 'first' ? '' : '~'}: ${request.topicData
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

const tooFewReplicas = () => Object.assign(new Error('NOT_ENOUGH_REPLICAS'), { retriable: true })

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
    produce: (broker, request, on) => fake.produce(broker, request, on),
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
  it('sends the appends of one turn in one request per leader', async () => {
    const one = producer()
    await Promise.all([
      one.append('a', 0, [record()]),
      one.append('b', 1, [record(), record()]),
      one.append('a', 2, [record()]),
    ])
    expect(fake.shapes).toEqual(['1: a/0@0x1 b/1@0x2', '2: a/2@0x1'])
  })

  it('returns every append’s own offsets', async () => {
    const one = producer()
    const [first, second] = await Promise.all([
      one.append('a', 0, [record(), record()]),
      one.append('a', 1, [record()]),
    ])
    expect(first).toEqual({ first: 100n, next: 102n })
    expect(second).toEqual({ first: 102n, next: 103n })
  })

  it('splits an append that exceeds the batch limit, in order, with consecutive sequences', async () => {
    const one = producer(IDENTITY, 100)
    expect(await one.append('a', 0, [record(40), record(40), record(40)])).toEqual({ first: 100n, next: 103n })
    expect(fake.shapes).toEqual(['1: a/0@0x1', '1: a/0@1x1', '1: a/0@2x1'])
  })

  it('assigns no sequences without a producer identity', async () => {
    const one = producer(null)
    await one.append('a', 0, [record()])
    await one.append('a', 0, [record()])
    expect(fake.shapes).toEqual(['1: a/0@0x1', '1: a/0@0x1'])
  })

  it('rejects only the append that the response does not name (I1)', async () => {
    const one = producer()
    fake.leaveOut = 1
    const [named, unnamed] = await Promise.allSettled([one.append('a', 0, [record()]), one.append('a', 1, [record()])])
    expect(named.status).toBe('fulfilled')
    expect(unnamed).toMatchObject({ status: 'rejected', reason: { code: 'PRODUCE_REPLY_INVALID' } })
  })

  it('judges each partition by its own result, and retries only what failed, separately from the others (I1)', async () => {
    const one = producer()
    let refusals = 3
    fake.errorOf = (_topic, partition) => (partition === 1 && refusals-- > 0 ? tooFewReplicas() : null)
    const healthy = one.append('a', 0, [record()])
    const sick = one.append('a', 1, [record(), record()])
    await expect(healthy).resolves.toEqual({ first: 100n, next: 101n })
    await vi.advanceTimersByTimeAsync(60)
    await one.append('a', 0, [record()])
    await vi.advanceTimersByTimeAsync(1_000)
    await expect(sick).resolves.toEqual({ first: 102n, next: 104n })
    expect(fake.shapes).toEqual(['1: a/0@0x1 a/1@0x2', '1~: a/1@0x2', '1: a/0@1x1', '1~: a/1@0x2', '1~: a/1@0x2'])
    // A recovered partition shares requests with the others again.
    await Promise.all([one.append('a', 0, [record()]), one.append('a', 1, [record()])])
    expect(fake.shapes.at(-1)).toBe('1: a/0@2x1 a/1@2x1')
  })

  it('pauses longer before each retry, so that a failing partition is not asked continually', async () => {
    fake.errorOf = () => tooFewReplicas()
    const times: number[] = []
    fake.onProduce = () => {
      times.push(performance.now())
    }
    const rejection = expect(producer().append('a', 0, [record()])).rejects.toThrow('NOT_ENOUGH_REPLICAS')
    await vi.advanceTimersByTimeAsync(10_000)
    await rejection
    expect(times.slice(1).map((time, index) => time - (times[index] as number))).toEqual([
      50, 100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000,
    ])
  })

  it('does not wait for a slow partition before it sends to others of the same leader', async () => {
    const one = producer()
    fake.errorOf = () => tooFewReplicas()
    void one.append('a', 1, [record()]).catch(() => {})
    await vi.advanceTimersByTimeAsync(20)
    fake.errorOf = () => null
    fake.onProduce = ({ topicData }) =>
      topicData.some(({ partitions }) => partitions.some(({ partition }) => partition === 1))
        ? new Promise(() => {})
        : undefined
    await vi.advanceTimersByTimeAsync(100)
    expect(fake.shapes).toEqual(['1: a/1@0x1', '1~: a/1@0x1'])
    await expect(one.append('a', 0, [record()])).resolves.toMatchObject({ first: 100n })
  })

  it('waits for a partition without a leader, and sends to those that have one (I1)', async () => {
    const one = producer()
    fake.leaders = [NO_LEADER, 1, 2]
    const waiting = one.append('a', 0, [record()])
    await expect(one.append('a', 1, [record()])).resolves.toMatchObject({ first: 100n })
    fake.leaders = [2, 1, 2]
    await vi.advanceTimersByTimeAsync(200)
    await expect(waiting).resolves.toMatchObject({ first: 101n })
    expect(fake.shapes).toEqual(['1: a/1@0x1', '2: a/0@0x1'])
  })

  it('rejects with the reason if no leader appears', async () => {
    fake.leaders = [NO_LEADER, 1, 2]
    const rejection = expect(producer().append('a', 0, [record()])).rejects.toThrow('a[0] has no leader')
    await vi.advanceTimersByTimeAsync(10_000)
    await rejection
  })

  it('retries with the same sequence at the current leader', async () => {
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

  it('does not retry permanent errors, such as being fenced (I7)', async () => {
    fake.onProduce = () => {
      throw Object.assign(new Error('INVALID_PRODUCER_EPOCH'), { retriable: false })
    }
    await expect(producer().append('a', 0, [record()])).rejects.toThrow('INVALID_PRODUCER_EPOCH')
    expect(fake.requests).toHaveLength(1)
  })

  it('rejects a partition that does not exist', async () => {
    await expect(producer().append('a', 9, [record()])).rejects.toThrow('a has no partition 9')
  })
})
