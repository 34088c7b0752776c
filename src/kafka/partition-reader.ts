import { createRequire } from 'node:module'
import type { Kafka, KafkaMessage } from 'kafkajs'
import { sleep } from '../sleep.ts'
import type { PartitionRange, Standing, TimedPartitionReader } from '../stream/partition-reader.ts'
import type { InRecord } from '../stream/record.ts'
import { stopIfUnreadable } from './errors.ts'
import { UnreadableBatchError } from './inflate-batches.ts'
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
import { SharedCluster } from './shared-cluster.ts'

const require = createRequire(import.meta.url)
const filterAborted = require('kafkajs/src/consumer/filterAbortedMessages.js') as (fetched: {
  messages: readonly FetchedMessage[]
  abortedTransactions: unknown
}) => FetchedMessage[]

const LATEST = '-1'
const EARLIEST = '-2'
const ATTEMPTS_MAX = 10

/** Reads single partitions to their end, read_committed, without a consumer group. */
export function createPartitionReader(kafka: Kafka): TimedPartitionReader {
  const shared = new SharedCluster(kafka)
  const askLeader = <T>(topic: string, partition: number, ask: (leader: KafkaBroker) => Promise<T>): Promise<T> =>
    refusedAsStop(topic, () =>
      shared.with(async (cluster) => {
        await cluster.addMultipleTargetTopics([topic])
        // Always refresh: a former leader that has just resumed would answer with outdated values.
        await cluster.refreshMetadata()
        return ask(await leaderOf(cluster, topic, partition))
      }),
    )
  const range = (topic: string, partition: number) =>
    askLeader(topic, partition, (leader) => rangeOf(leader, topic, partition))
  return {
    range,
    at: (topic, partition, offset) =>
      askLeader(topic, partition, (leader) => standingAt(leader, topic, partition, offset)),
    offsetAt: (topic, partition, since) =>
      askLeader(topic, partition, async (leader) => {
        const offset = await offsetAt(leader, topic, partition, String(Math.floor(since)), READ_COMMITTED)
        return offset < 0n ? offsetAt(leader, topic, partition, LATEST, READ_COMMITTED) : offset
      }),
    async read(topic, partition, from, onRecords, signal) {
      const found = await range(topic, partition)
      let start = from
      if (start < found.start) {
        start = found.start
      }
      if (start >= found.end) {
        return { ...found, end: start }
      }
      // Separate connections: a broker answers the requests of a connection one after the other, and fetches take long.
      const end = await refusedAsStop(`${topic}[${partition}]`, () =>
        withCluster(kafka, topic, (cluster) =>
          readToEnd(cluster, topic, partition, start, found.end, onRecords, signal),
        ),
      )
      return { ...found, end }
    },
  }
}

/** Resolves with the offset that it read up to, exclusive. */
async function readToEnd(
  cluster: KafkaCluster,
  topic: string,
  partition: number,
  start: bigint,
  end: bigint,
  onRecords: (records: readonly InRecord[]) => Promise<void> | void,
  signal: AbortSignal | undefined,
): Promise<bigint> {
  let at = start
  let failures = 0
  while (at < end) {
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
      if (failures >= ATTEMPTS_MAX || error instanceof UnreadableBatchError) {
        throw error
      }
      await sleep(100 * failures)
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
    // From the batch's header, not its last record, which compaction may have removed.
    const next = BigInt(last.batchContext.firstOffset) + BigInt(last.batchContext.lastOffsetDelta) + 1n
    at = next > at ? next : at + 1n
  }
  return at
}

export function toInRecord(message: KafkaMessage): InRecord {
  const leaderEpoch = leaderEpochOf(message)
  return {
    ...(leaderEpoch !== undefined && { leaderEpoch }),
    offset: BigInt(message.offset),
    key: message.key,
    value: message.value,
    headers: message.headers ?? {},
    timestamp: Number(message.timestamp),
  }
}

/** Undefined for records in message formats older than Kafka 0.11. */
export function leaderEpochOf(message: KafkaMessage): number | undefined {
  return (message as Partial<FetchedMessage>).batchContext?.partitionLeaderEpoch
}

async function standingAt(broker: KafkaBroker, topic: string, partition: number, offset: bigint): Promise<Standing> {
  const { responses } = await broker.fetch({
    maxWaitTime: 100,
    minBytes: 1,
    // The batch that contains the offset is returned whole, whatever its size.
    maxBytes: 1,
    isolationLevel: READ_COMMITTED,
    rackId: '',
    topics: [{ topic, partitions: [{ partition, fetchOffset: String(offset), maxBytes: 1 }] }],
  })
  const found = responses[0]?.partitions[0]
  if (found === undefined) {
    throw new Error(`the leader's response does not include ${topic}[${partition}]`)
  }
  const { messages, abortedTransactions } = found
  const isIt = (message: FetchedMessage) => BigInt(message.offset) === offset
  if (!messages.some(isIt)) {
    return 'nothing'
  }
  return filterAborted({ messages, abortedTransactions }).some((one) => isIt(one) && !one.isControlRecord)
    ? 'visible'
    : 'hidden'
}

async function rangeOf(broker: KafkaBroker, topic: string, partition: number): Promise<PartitionRange> {
  const [start, end, highWatermark] = await Promise.all([
    offsetAt(broker, topic, partition, EARLIEST, READ_COMMITTED),
    offsetAt(broker, topic, partition, LATEST, READ_COMMITTED),
    offsetAt(broker, topic, partition, LATEST, READ_UNCOMMITTED),
  ])
  return { start, end, highWatermark }
}

/** Offset of the first record that is not older than the timestamp, ms since the epoch; -1 if there is none. */
async function offsetAt(
  broker: KafkaBroker,
  topic: string,
  partition: number,
  timestamp: string,
  isolationLevel: number,
): Promise<bigint> {
  const { responses } = await broker.listOffsets({
    replicaId: -1,
    isolationLevel,
    topics: [{ topic, partitions: [{ partition, timestamp }] }],
  })
  return BigInt(responses[0]?.partitions[0]?.offset ?? '-1')
}

async function withCluster<T>(kafka: Kafka, topic: string, work: (cluster: KafkaCluster) => Promise<T>): Promise<T> {
  const cluster = createCluster(kafka)
  try {
    await cluster.connect()
    await cluster.addMultipleTargetTopics([topic])
    return await work(cluster)
  } finally {
    await cluster.disconnect()
  }
}

async function refusedAsStop<T>(topic: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw stopIfUnreadable(error, `reading ${topic}`)
  }
}
