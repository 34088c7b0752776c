import type { Kafka } from 'kafkajs'
import {
  type AbortedTransaction,
  clusterOf,
  Decoder,
  errorOfCode,
  fetchRequest,
  type InternalCluster,
  type InternalDecoder,
} from './kafkajs-internals.ts'
import { type RecordSet, readRecordSet } from './read-record-set.ts'

/** Whether open transactions count. `committed`: where a read_committed reader stops; `all`: the high watermark. */
export type Isolation = 'committed' | 'all'

export interface FetchedPartition extends RecordSet {
  readonly partition: number
}

export interface FetchOptions {
  readonly maxWaitMs: number
  /** Of one partition, and of all together. A larger record is delivered nevertheless. */
  readonly partitionBytesMax: number
  readonly bytesMax: number
}

const PEEK: FetchOptions = { maxWaitMs: 0, partitionBytesMax: 65_536, bytesMax: 65_536 }
const CONSUMER = -1
const LATEST = -1
const EARLIEST = -2
const READ_UNCOMMITTED = 0
const READ_COMMITTED = 1
const OFFSET_OUT_OF_RANGE = 1

/** The logs of topics, read without a consumer group. Needs brokers of Kafka 2.3 or newer. */
export class TopicLogs {
  readonly #cluster: InternalCluster

  constructor(kafka: Kafka) {
    this.#cluster = clusterOf(kafka)
  }

  /** Rejects if no broker can be reached. */
  async connect(topics: readonly string[]): Promise<void> {
    await this.#cluster.connect()
    await this.#cluster.addMultipleTargetTopics(topics)
  }

  async disconnect(): Promise<void> {
    await this.#cluster.disconnect()
  }

  /** 0 if the topic does not exist. */
  partitionCount(topic: string): number {
    return this.#cluster.findTopicPartitionMetadata(topic).length
  }

  /** The broker that leads a partition; undefined if none is known. */
  leaderOf(topic: string, partition: number): number | undefined {
    const found = this.#cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition)
    return found === undefined || found.leader < 0 ? undefined : found.leader
  }

  /** Asks for the leaders again. */
  async refresh(): Promise<void> {
    await this.#cluster.refreshMetadata()
  }

  start(topic: string, partition: number): Promise<bigint> {
    return this.#offset(topic, partition, EARLIEST, 'all')
  }

  end(topic: string, partition: number, isolation: Isolation): Promise<bigint> {
    return this.#offset(topic, partition, LATEST, isolation)
  }

  async #offset(topic: string, partition: number, timestamp: number, isolation: Isolation): Promise<bigint> {
    const nodeId = this.leaderOf(topic, partition)
    if (nodeId === undefined) {
      await this.refresh()
      throw new Error(`${topic}[${partition}] has no leader`)
    }
    try {
      const broker = await this.#cluster.findBroker({ nodeId })
      const { responses } = await broker.listOffsets({
        replicaId: CONSUMER,
        isolationLevel: isolation === 'committed' ? READ_COMMITTED : READ_UNCOMMITTED,
        topics: [{ topic, partitions: [{ partition, timestamp }] }],
      })
      return BigInt(responses[0]?.partitions[0]?.offset as string)
    } catch (error) {
      await this.refresh()
      throw error
    }
  }

  /** Whether a read_committed reader sees any record from one offset up to, not including, another. */
  async hasRecords(topic: string, partition: number, from: bigint, to: bigint): Promise<boolean> {
    for (let at = from; at < to; ) {
      const nodeId = this.leaderOf(topic, partition)
      if (nodeId === undefined) {
        throw new Error(`${topic}[${partition}] has no leader`)
      }
      const [fetched] = await this.fetch(nodeId, topic, new Map([[partition, at]]), PEEK)
      const next = fetched?.next ?? at
      if (fetched?.messages.some(({ offset }) => BigInt(offset) < to) || next === at) {
        return true
      }
      at = next
    }
    return false
  }

  /**
   * What the broker has of these partitions from the given offsets on; waits for at most `maxWaitMs` if it has nothing. Rejects
   * with {@link OffsetOutOfRange} if the log does not have an offset, and otherwise with kafkajs's errors.
   */
  async fetch(
    nodeId: number,
    topic: string,
    offsets: ReadonlyMap<number, bigint>,
    { maxWaitMs, partitionBytesMax, bytesMax }: FetchOptions,
  ): Promise<readonly FetchedPartition[]> {
    const broker = await this.#cluster.findBroker({ nodeId })
    const request = fetchRequest({
      replicaId: CONSUMER,
      maxWaitTime: maxWaitMs,
      minBytes: 1,
      maxBytes: bytesMax,
      isolationLevel: READ_COMMITTED,
      topics: [
        {
          topic,
          partitions: [...offsets].map(([partition, offset]) => ({
            partition,
            fetchOffset: String(offset),
            maxBytes: partitionBytesMax,
          })),
        },
      ],
    })
    const answers = await broker.connectionPool.send({
      request,
      response: { decode: readFetchResponse, parse: async (decoded) => decoded },
    })
    const fetched: FetchedPartition[] = []
    for (const { partition, errorCode, aborted, bytes } of answers) {
      const from = offsets.get(partition) as bigint
      if (errorCode === OFFSET_OUT_OF_RANGE) {
        throw new OffsetOutOfRange(partition)
      }
      if (errorCode !== 0) {
        throw errorOfCode(errorCode)
      }
      fetched.push({ partition, ...(await readRecordSet(bytes, from, aborted)) })
    }
    return fetched
  }
}

/** The topic was deleted and created again, or lost records. */
export class OffsetOutOfRange extends Error {
  readonly partition: number

  constructor(partition: number) {
    super(`the log of partition ${partition} does not have the offset that is to be read`)
    this.partition = partition
  }
}

interface PartitionAnswer {
  readonly partition: number
  readonly errorCode: number
  readonly aborted: readonly AbortedTransaction[]
  readonly bytes: Buffer
}

/** Version 11 of the response, of one topic. */
async function readFetchResponse(raw: Buffer): Promise<readonly PartitionAnswer[]> {
  const decoder = new Decoder(raw)
  decoder.readInt32() // throttle time
  const errorCode = decoder.readInt16()
  if (errorCode !== 0) {
    throw errorOfCode(errorCode)
  }
  decoder.readInt32() // session
  return decoder
    .readArray((topic) => {
      topic.readString()
      return topic.readArray(readPartition)
    })
    .flat()
}

function readPartition(decoder: InternalDecoder): PartitionAnswer {
  const partition = decoder.readInt32()
  const errorCode = decoder.readInt16()
  decoder.readInt64() // high watermark
  decoder.readInt64() // last stable offset
  decoder.readInt64() // log start
  const aborted = decoder.readArray((one) => ({
    producerId: one.readInt64().toString(),
    firstOffset: one.readInt64().toString(),
  }))
  decoder.readInt32() // preferred replica
  const length = decoder.readInt32()
  return { partition, errorCode, aborted, bytes: length > 0 ? decoder.readBytes(length) : Buffer.alloc(0) }
}
