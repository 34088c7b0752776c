import { createRequire } from 'node:module'
import type { Kafka, KafkaMessage } from 'kafkajs'
import type { PartitionRange, PartitionReader } from '../stream/partition-reader.ts'
import type { InRecord } from '../stream/record.ts'
import { stopIfRefused } from './errors.ts'
import {
  createCluster,
  type FetchedMessage,
  type FetchedPartition,
  type KafkaBroker,
  type KafkaCluster,
  leaderOf,
  READ_COMMITTED,
  READ_UNCOMMITTED,
  recoverCluster,
} from './kafkajs-cluster.ts'

const require = createRequire(import.meta.url)
const filterAborted = require('kafkajs/src/consumer/filterAbortedMessages.js') as (fetched: {
  messages: readonly FetchedMessage[]
  abortedTransactions: unknown
}) => FetchedMessage[]

const LATEST = '-1'
const EARLIEST = '-2'
const ATTEMPTS_MAX = 10

/** Reads single partitions to their end, read_committed, without a consumer group. */
export function createPartitionReader(kafka: Kafka): PartitionReader {
  return {
    range: (topic, partition) =>
      withCluster(kafka, topic, async (cluster) =>
        rangeOf(await leaderOf(cluster, topic, partition), topic, partition),
      ),
    read: (topic, partition, from, onRecords, signal) =>
      withCluster(kafka, topic, (cluster) => readToEnd(cluster, topic, partition, from, onRecords, signal)),
  }
}

async function readToEnd(
  cluster: KafkaCluster,
  topic: string,
  partition: number,
  from: bigint,
  onRecords: (records: readonly InRecord[]) => Promise<void> | void,
  signal: AbortSignal | undefined,
): Promise<PartitionRange> {
  const range = await rangeOf(await leaderOf(cluster, topic, partition), topic, partition)
  let at = from < range.start ? range.start : from
  let failures = 0
  while (at < range.end) {
    signal?.throwIfAborted()
    let fetched: FetchedPartition
    try {
      const broker = await leaderOf(cluster, topic, partition)
      const { responses } = await broker.fetch({
        maxWaitTime: 100,
        minBytes: 1,
        maxBytes: 16 << 20,
        isolationLevel: READ_COMMITTED,
        rackId: '',
        topics: [{ topic, partitions: [{ partition, fetchOffset: String(at), maxBytes: 8 << 20 }] }],
      })
      fetched = responses[0]?.partitions[0] as FetchedPartition
      failures = 0
    } catch (error) {
      failures += 1
      if (failures >= ATTEMPTS_MAX) {
        throw error
      }
      await new Promise((resolve) => setTimeout(resolve, 100 * failures))
      await recoverCluster(cluster, error)
      continue
    }
    const last = fetched.messages.at(-1)
    if (last === undefined) {
      // A cleaned segment can end in a batch without records: step over it, one offset at a time.
      if (at < BigInt(fetched.lastStableOffset)) {
        at += 1n
      }
      continue
    }
    const visible = filterAborted({
      messages: fetched.messages.filter((message) => BigInt(message.offset) >= at),
      abortedTransactions: fetched.abortedTransactions,
    }).filter((message) => !message.isControlRecord)
    if (visible.length > 0) {
      await onRecords(visible.map(toInRecord))
    }
    // From the batch's header, not its last record: compaction may have removed that one.
    const next = BigInt(last.batchContext.firstOffset) + BigInt(last.batchContext.lastOffsetDelta) + 1n
    at = next > at ? next : at + 1n
  }
  return { ...range, end: at }
}

export function toInRecord(message: KafkaMessage): InRecord {
  return {
    offset: BigInt(message.offset),
    key: message.key,
    value: message.value,
    headers: message.headers ?? {},
    timestamp: Number(message.timestamp),
  }
}

async function rangeOf(broker: KafkaBroker, topic: string, partition: number): Promise<PartitionRange> {
  const offsetAt = async (timestamp: string, isolationLevel: number): Promise<bigint> => {
    const { responses } = await broker.listOffsets({
      replicaId: -1,
      isolationLevel,
      topics: [{ topic, partitions: [{ partition, timestamp }] }],
    })
    return BigInt(responses[0]?.partitions[0]?.offset ?? '-1')
  }
  const [start, end, highWatermark] = await Promise.all([
    offsetAt(EARLIEST, READ_COMMITTED),
    offsetAt(LATEST, READ_COMMITTED),
    offsetAt(LATEST, READ_UNCOMMITTED),
  ])
  return { start, end, highWatermark }
}

async function withCluster<T>(kafka: Kafka, topic: string, work: (cluster: KafkaCluster) => Promise<T>): Promise<T> {
  const cluster = createCluster(kafka)
  try {
    await cluster.connect()
    await cluster.addMultipleTargetTopics([topic])
    return await work(cluster)
  } catch (error) {
    throw stopIfRefused(error, `reading ${topic}`)
  } finally {
    await cluster.disconnect()
  }
}
