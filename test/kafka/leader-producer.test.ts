import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Broker, Purpose } from '../../src/kafka/client/broker.ts'
import { NO_LEADER } from '../../src/kafka/client/cluster.ts'
import type { Connection } from '../../src/kafka/client/connection.ts'
import { LeaderProducer, type LeaderProducerOptions } from '../../src/kafka/leader-producer.ts'
import type { ProducedPartition, ProduceRequest } from '../../src/kafka/produce-request.ts'

/** A cluster of two brokers that records the produce requests and answers as a test scripts it. */
class FakeCluster {
  readonly requests: { readonly leader: number; readonly request: ProduceRequest; readonly on: Purpose }[] = []
  leaders = [1, 1, 2]
  refreshed = 0
  onProduce: (request: ProduceRequest, leader: number) => Promise<void> | void = () => {}
  leaveOut: number | undefined
  /** The leader's result for a partition. */
  errorOf: (topic: string, partition: number) => Error | null = () => null
  refresh = async (): Promise<void> => {
    this.refreshed += 1
  }
  #nextOffset = 100

  readonly cluster = {
    topic: async () => ({ id: 'id', leaders: this.leaders }),
    knownTopic: () => ({ id: 'id', leaders: this.leaders }),
    refresh: () => this.refresh(),
    broker: (nodeId: number) => ({ nodeId }),
  } as unknown as LeaderProducerOptions['cluster']

  async produce(broker: Broker, request: ProduceRequest, on: Purpose) {
    const leader = broker.nodeId
    this.requests.push({ leader, request, on })
    await this.onProduce(request, leader)
    const partitions = request.batches
      .filter(({ partition }) => partition !== this.leaveOut)
      .map(({ topic, partition, records }): ProducedPartition => {
        const error = this.errorOf(topic, partition)
        if (error !== null) {
          return { topic, partition, error, baseOffset: -1n }
        }
        this.#nextOffset += records.length
        return { topic, partition, error, baseOffset: BigInt(this.#nextOffset - records.length) }
      })
    return { connection: { isOpen: true } as Connection, partitions }
  }

  /** `leader: topic/partition@sequence x records`, one string per request; `~` if it used the second connection. */
  get shapes(): string[] {
    return this.requests.map(
      ({ leader, request, on }) =>
        `${leader}${on === 'main' ? '' : '~'}: ${request.batches
          .map(
            ({ topic, partition, firstSequence, records }) =>
              `${topic}/${partition}@${firstSequence}x${records.length}`,
          )
          .join(' ')}`,
    )
  }
}

const IDENTITY = { transactionalId: 'id', producerId: 7n, producerEpoch: 1, addsPartitions: true }
const record = (bytes = 10) => ({ key: 'k', value: Buffer.alloc(bytes) })
const retriable = () => Object.assign(new Error('NOT_LEADER_FOR_PARTITION'), { retriable: true })

const tooFewReplicas = () => Object.assign(new Error('NOT_ENOUGH_REPLICAS'), { retriable: true })

let fake: FakeCluster

function producer(
  identity: typeof IDENTITY | null = IDENTITY,
  batchBytesMax = 1_000,
  retryForMs = 5_000,
  compresses?: (topic: string) => boolean,
): LeaderProducer {
  return new LeaderProducer({
    cluster: fake.cluster,
    identity: () => identity,
    batchBytesMax,
    replicasTimeoutMs: 1_000,
    retryForMs,
    compresses,
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
  it('compresses only for topics whose readers can decompress it', async () => {
    const one = producer(IDENTITY, 1_000, 5_000, (topic) => topic === 'ours')
    await Promise.all([one.append('ours', 0, [record()]), one.append('subscribed', 0, [record()])])
    const batches = fake.requests.flatMap(({ request }) => request.batches)
    const compressed = batches.map(({ topic, compressed: is }) => [topic, is])
    expect(compressed.toSorted()).toEqual([
      ['ours', true],
      ['subscribed', false],
    ])
  })

  it('looks up the leader before the next append if one fails after its time is up', async () => {
    const one = producer(null, 1_000, 0)
    fake.onProduce = (_request, leader) => {
      if (leader === 1) {
        throw retriable()
      }
    }
    await expect(one.append('a', 0, [record()])).rejects.toThrow('NOT_LEADER')
    const { promise: found, resolve: find } = Promise.withResolvers<void>()
    fake.refresh = async () => {
      await found
      fake.leaders = [2, 2, 2]
    }
    const next = one.append('a', 0, [record()])
    // Others do not wait for it.
    await expect(one.append('a', 2, [record()])).resolves.toBeDefined()
    find()
    await expect(next).resolves.toBeDefined()
  })

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
    fake.onProduce = ({ batches }) =>
      batches.some(({ partition }) => partition === 1) ? new Promise(() => {}) : undefined
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

  it('waits for the former transaction to end, with the same sequence, however short its retry limit (I7)', async () => {
    let answers = 3
    fake.errorOf = () =>
      answers-- > 0 ? Object.assign(new Error('ending'), { type: 'CONCURRENT_TRANSACTIONS', retriable: false }) : null
    const appended = producer(IDENTITY, 1_000, 0).append('a', 0, [record()])
    await vi.advanceTimersByTimeAsync(20)
    await expect(appended).resolves.toMatchObject({ first: 100n })
    expect(fake.shapes).toEqual(['1: a/0@0x1', '1: a/0@0x1', '1: a/0@0x1', '1: a/0@0x1'])
    expect(fake.refreshed).toBe(0)
  })

  it('rejects at once if Kafka refuses to look up the leaders', async () => {
    fake.onProduce = () => {
      throw retriable()
    }
    fake.refresh = () => Promise.reject(Object.assign(new Error('not for you'), { type: 'TOPIC_AUTHORIZATION_FAILED' }))
    const rejection = expect(producer().append('a', 0, [record()])).rejects.toThrow('not for you')
    await vi.advanceTimersByTimeAsync(100)
    await rejection
    expect(fake.requests).toHaveLength(1)
  })

  it('gives up waiting for a former transaction that does not end', async () => {
    fake.errorOf = () => Object.assign(new Error('ending'), { type: 'CONCURRENT_TRANSACTIONS', retriable: false })
    const rejection = expect(producer(IDENTITY, 1_000, 0).append('a', 0, [record()])).rejects.toThrow('ending')
    await vi.advanceTimersByTimeAsync(1_100)
    await rejection
  })

  it('restarts its sequences with a new epoch', async () => {
    const one = producer()
    await one.append('a', 0, [record(), record()])
    one.restartSequences()
    await one.append('a', 0, [record()])
    expect(fake.shapes).toEqual(['1: a/0@0x2', '1: a/0@0x1'])
  })
})
