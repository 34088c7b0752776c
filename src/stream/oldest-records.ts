import type { GroupOffsets } from './group-offsets.ts'
import type { PartitionReader } from './partition-reader.ts'
import { type PartitionTask, wrapTask } from './partition-task.ts'
import { readUntil } from './read-until.ts'
import type { InRecord } from './record.ts'

export interface OldestRecordsOptions {
  readonly group: string
  /** The topic that the stage reads. */
  readonly topic: string
  readonly offsets: Pick<GroupOffsets, 'committed'>
  readonly reader: Pick<PartitionReader, 'read'>
  /** The clock, ms since the epoch. */
  readonly now: () => number
}

/**
 * The age of the oldest record that a stage has not processed, per partition, by the records' timestamps, to about a second.
 *
 * It observes the lanes, so it costs nothing per record. A chunk in progress begins with the oldest record; once it is done, what
 * is left is not older than its last record; and a lane is idle only when nothing is left. Only opening a partition reads a
 * record: the one at the committed offset.
 */
export class OldestRecords {
  readonly #options: OldestRecordsOptions
  /** By partition: earliest possible timestamp of the records left, ms since the epoch; null if none is left. */
  readonly #since = new Map<number, number | null>()

  constructor(options: OldestRecordsOptions) {
    this.#options = options
  }

  /** The ages in these partitions, ms. Partitions about which nothing is known yet are left out. */
  ages(partitions: readonly number[]): readonly (readonly [partition: number, ageMs: number])[] {
    const now = this.#options.now()
    return partitions.flatMap((partition) => {
      const since = this.#since.get(partition)
      return since === undefined ? [] : [[partition, since === null ? 0 : Math.max(0, now - since)] as const]
    })
  }

  /** The same task, observed. */
  watch(partition: number, task: PartitionTask): PartitionTask {
    const since = this.#since
    return wrapTask(task, {
      open: (signal, onProgress) => {
        // Not awaited: it must not delay the task, and may fail.
        void this.#readOldest(partition, signal).catch(() => {})
        return task.open(signal, onProgress)
      },
      process: async (records, next, signal) => {
        const [first] = records
        if (first !== undefined) {
          since.set(partition, first.timestamp)
        }
        await task.process(records, next, signal)
        since.set(partition, records.at(-1)?.timestamp ?? since.get(partition) ?? null)
      },
      idle: (signal) => {
        since.set(partition, null)
        return task.idle(signal)
      },
    })
  }

  async #readOldest(partition: number, signal: AbortSignal): Promise<void> {
    const { group, topic, offsets, reader } = this.#options
    const before = this.#since.get(partition)
    const { offset } = await offsets.committed(group, topic, partition)
    let timestamp: number | null = null
    const isFirst = ([first]: readonly InRecord[]) => {
      timestamp = first?.timestamp ?? null
      return true
    }
    await readUntil(reader, topic, partition, offset < 0n ? 0n : offset, isFirst, signal)
    // Otherwise the lane has reported something newer.
    if (this.#since.get(partition) === before) {
      this.#since.set(partition, timestamp)
    }
  }
}
