import type { GroupOffsets } from '../../stream/group-offsets.ts'
import type { PartitionReader } from '../../stream/partition-reader.ts'

export interface ProcessedPorts {
  readonly offsets: Pick<GroupOffsets, 'committed'>
  readonly reader: Pick<PartitionReader, 'range'>
  /** Monotonic, ms. */
  readonly clock: () => number
  readonly sleep: (ms: number) => Promise<void>
}

export interface ProcessedOptions {
  /** The status processor's group, and `payments.events`. */
  readonly group: string
  readonly topic: string
  readonly partitions: Iterable<number>
  /** Gives up after this time, ms. */
  readonly waitMaxMs?: number
  /** Called with the number of remaining records until there are none. */
  readonly onWaiting?: (records: number) => void
}

const LOOK_EVERY_MS = 250

/**
 * Waits until the status processor has committed every record that these partitions of `payments.events` contain now. Resolves
 * with the partitions that it did not finish in time; without `waitMaxMs` there are none.
 */
export async function awaitProcessed(
  { offsets, reader, clock, sleep }: ProcessedPorts,
  { group, topic, partitions, waitMaxMs, onWaiting }: ProcessedOptions,
): Promise<readonly number[]> {
  const deadline = waitMaxMs === undefined ? Number.POSITIVE_INFINITY : clock() + waitMaxMs
  const ends = new Map<number, bigint>()
  for (const partition of partitions) {
    ends.set(partition, (await reader.range(topic, partition)).highWatermark)
  }
  for (;;) {
    let left = 0n
    for (const [partition, end] of ends) {
      const { offset } = await offsets.committed(group, topic, partition)
      if (offset >= end) {
        ends.delete(partition)
      } else {
        left += end - (offset < 0n ? 0n : offset)
      }
    }
    if (ends.size === 0 || clock() >= deadline) {
      return [...ends.keys()]
    }
    onWaiting?.(Number(left))
    await sleep(LOOK_EVERY_MS)
  }
}
