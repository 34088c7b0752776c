import type { InRecord } from '../stream/record.ts'
import { protocolError } from './client/client-errors.ts'
import { Fetcher } from './client/fetcher.ts'
import { asStop } from './errors.ts'
import type { KafkaClient } from './kafka-client.ts'
import { createPartitionReader } from './partition-reader.ts'

const LIMITS = { maxWaitMs: 100, maxBytes: 4 << 20, partitionBytesMax: 1 << 20 }
const OFFSET_OUT_OF_RANGE = 1

export interface FollowOptions {
  /** If false, only records appended after the call are read. */
  readonly fromBeginning: boolean
  readonly signal: AbortSignal
  /** Called with the records of a partition, in order, and awaited. */
  readonly onRecords: (partition: number, records: readonly InRecord[]) => Promise<void>
  /** Called once the start positions are set: nothing appended afterwards is missed. */
  readonly onReady?: (() => void) | undefined
}

/** Reads all partitions of a topic, read_committed, until the signal aborts. Needs no consumer group and leaves no state behind. */
export async function followTopic(kafka: KafkaClient, topic: string, options: FollowOptions): Promise<void> {
  const { fromBeginning, signal, onRecords, onReady } = options
  const { queries } = kafka
  const reader = createPartitionReader(kafka)
  const fetcher = new Fetcher(queries, LIMITS)
  // The first failure stops the other partitions.
  const failed = new AbortController()
  const either = AbortSignal.any([signal, failed.signal])
  const follow = async (partition: number, start: bigint, topicId: string) => {
    for (let offset = start; !either.aborted; ) {
      const fetched = await fetcher.fetch({ topic, partition, offset, topicId }, either)
      if (fetched.kind === 'other-topic') {
        throw new Error(`${topic} was deleted and created again`)
      }
      if (fetched.kind !== 'records') {
        throw protocolError(OFFSET_OUT_OF_RANGE)
      }
      offset = fetched.next
      if (fetched.records.length > 0 && !either.aborted) {
        await onRecords(partition, fetched.records)
      }
    }
  }
  try {
    const { id, leaders } = await queries.retried(() => queries.topic(topic))
    const starts = await Promise.all(
      leaders.map(async (_, partition) => {
        const { start, highWatermark } = await reader.range(topic, partition)
        return fromBeginning ? start : highWatermark
      }),
    )
    onReady?.()
    await Promise.all(
      starts.map((start, partition) =>
        follow(partition, start, id).catch((error: unknown) => {
          failed.abort(error)
          throw error
        }),
      ),
    )
  } catch (error) {
    if (!signal.aborted) {
      throw asStop(error, `reading ${topic}`)
    }
  }
}
