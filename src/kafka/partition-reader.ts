import type { PartitionRange, Standing, TimedPartitionReader } from '../stream/partition-reader.ts'
import type { InRecord } from '../stream/record.ts'
import type { Broker } from './client/broker.ts'
import { assertNoError, onlyPartition, protocolError } from './client/client-errors.ts'
import type { Cluster } from './client/cluster.ts'
import { Fetcher } from './client/fetcher.ts'
import { standingIn } from './client/read-record-batches.ts'
import { ANY_EPOCH, FETCH, LIST_OFFSETS, READ_COMMITTED, READ_UNCOMMITTED } from './client/requests.ts'
import { orStop } from './errors.ts'
import type { KafkaClient } from './kafka-client.ts'

const LATEST = -1n
const EARLIEST = -2n
const OFFSET_OUT_OF_RANGE = 1
const LIMITS = { maxWaitMs: 100, maxBytes: 16 << 20, partitionBytesMax: 8 << 20, retryForMs: 10_000 }

/**
 * Reads single partitions to their end, read_committed, without a consumer group.
 *
 * @param isCompacted Whether compaction may have removed records of a topic, up to the end of a partition. By default it may.
 */
export function createPartitionReader(
  { queries }: KafkaClient,
  isCompacted: (topic: string) => boolean = () => true,
): TimedPartitionReader {
  const fetcher = new Fetcher(queries, LIMITS)
  const askLeader = <T>(topic: string, partition: number, ask: (leader: Broker) => Promise<T>): Promise<T> =>
    orStop(`reading ${topic}`, () => queries.onCurrentLeader(topic, partition, ask))
  const range = (topic: string, partition: number) =>
    askLeader(topic, partition, (leader) => rangeOf(leader, topic, partition))
  return {
    range,
    at: (topic, partition, offset) =>
      askLeader(topic, partition, (leader) => standingAt(queries, leader, topic, partition, offset)),
    offsetAt: (topic, partition, since) =>
      askLeader(topic, partition, async (leader) => {
        const offset = await offsetAt(leader, topic, partition, BigInt(Math.floor(since)), READ_COMMITTED)
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
      const { id } = await queries.topic(topic)
      const place = { topic, partition, topicId: id, offset: start }
      const end = await orStop(`reading ${topic}[${partition}]`, () =>
        readToEnd(fetcher, place, found.end, isCompacted(topic), onRecords, signal ?? new AbortController().signal),
      )
      return { ...found, end }
    },
  }
}

/** Nothing is skipped: the records may be there, so the reader must try again. */
class NothingReturnedError extends Error {
  readonly code = 'NOTHING_RETURNED'
  readonly retriable = true

  constructor({ topic, partition }: { readonly topic: string; readonly partition: number }, at: bigint, end: bigint) {
    super(
      `the leader of ${topic}[${partition}] returns no record at offset ${at}, although the partition ends at ${end}`,
    )
    this.name = 'NothingReturnedError'
  }
}

/**
 * Resolves with the offset up to which it read, exclusive. Rejects if the leader keeps answering without records before the end: one
 * with tiered storage does while the remote storage is too slow.
 */
async function readToEnd(
  fetcher: Fetcher,
  place: Parameters<Fetcher['fetch']>[0],
  end: bigint,
  isCompacted: boolean,
  onRecords: (records: readonly InRecord[]) => Promise<void> | void,
  signal: AbortSignal,
): Promise<bigint> {
  let at = place.offset
  let movedAt = performance.now()
  while (at < end) {
    const fetched = await fetcher.fetch({ ...place, offset: at }, signal)
    if (fetched.kind === 'other-topic') {
      throw new Error(`${place.topic} was deleted and created again while it was read`)
    }
    if (fetched.kind !== 'records') {
      throw protocolError(OFFSET_OUT_OF_RANGE)
    }
    if (fetched.records.length > 0) {
      await onRecords(fetched.records)
    }
    // Compaction removed everything from here to the end: step over it, one offset at a time.
    const isHole = isCompacted && fetched.next === at && at < fetched.lastStableOffset
    const next = isHole ? at + 1n : fetched.next
    if (next > at) {
      at = next
      movedAt = performance.now()
    } else if (performance.now() - movedAt > LIMITS.retryForMs) {
      throw new NothingReturnedError(place, at, end)
    }
  }
  return at
}

async function standingAt(
  queries: Cluster,
  leader: Broker,
  topic: string,
  partition: number,
  offset: bigint,
): Promise<Standing> {
  const { id } = await queries.topic(topic)
  const { errorCode, topics } = await leader.send(
    FETCH,
    {
      maxWaitMs: LIMITS.maxWaitMs,
      // The batch that contains the offset is returned whole, whatever its size.
      maxBytes: 1,
      isolationLevel: READ_COMMITTED,
      topics: [{ id, partitions: [{ partition, offset, lastFetchedEpoch: ANY_EPOCH, maxBytes: 1 }] }],
    },
    { on: `fetch ${id} ${partition}` },
  )
  assertNoError(errorCode)
  const found = onlyPartition(topics)
  assertNoError(found.errorCode)
  return standingIn(found.records ?? Buffer.alloc(0), offset, found.abortedTransactions)
}

async function rangeOf(leader: Broker, topic: string, partition: number): Promise<PartitionRange> {
  const [start, end, highWatermark] = await Promise.all([
    offsetAt(leader, topic, partition, EARLIEST, READ_COMMITTED),
    offsetAt(leader, topic, partition, LATEST, READ_COMMITTED),
    offsetAt(leader, topic, partition, LATEST, READ_UNCOMMITTED),
  ])
  return { start, end, highWatermark }
}

/** Offset of the first record that is not older than the timestamp, ms since the epoch; -1 if there is none. */
async function offsetAt(
  leader: Broker,
  topic: string,
  partition: number,
  timestamp: bigint,
  isolationLevel: number,
): Promise<bigint> {
  const { topics } = await leader.send(LIST_OFFSETS, {
    isolationLevel,
    topics: [{ name: topic, partitions: [{ partition, timestamp }] }],
  })
  const { errorCode, offset } = onlyPartition(topics)
  assertNoError(errorCode)
  return offset
}
