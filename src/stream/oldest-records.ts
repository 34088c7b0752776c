import { sleep } from '../sleep.ts'
import type { GroupOffsets } from './group-offsets.ts'
import type { PartitionReader } from './partition-reader.ts'
import { type PartitionTask, wrapTask } from './partition-task.ts'
import { firstRecord } from './read-until.ts'

export interface OldestRecordsOptions {
  readonly group: string
  /** The topic that the stage reads. */
  readonly topic: string
  readonly offsets: Pick<GroupOffsets, 'committed'>
  readonly reader: Pick<PartitionReader, 'read'>
  /** The clock, ms since the epoch. */
  readonly now: () => number
}

/** How often the log is read while a lane is kept from it, ms. */
export const READ_INTERVAL_MS = 1_000

/**
 * The age of the oldest record that a stage has not processed, per partition, by the records' timestamps, to about a second.
 *
 * It observes the lanes, so it costs nothing per record. A chunk in progress begins with the oldest record; once it is done, what
 * is left is not older than its last record; and a lane becomes idle only when nothing is left. Only opening a partition, and an
 * idle call that takes long because it waits for another server, read a record: the one at the committed offset.
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
      open: (signal, onProgress) => this.#readDuring(partition, 0, () => task.open(signal, onProgress)),
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
        return this.#readDuring(partition, READ_INTERVAL_MS, () => task.idle(signal))
      },
    })
  }

  /** Reads, after a delay, the oldest record while a call lasts that processes none. It neither delays the call nor fails. */
  async #readDuring<T>(partition: number, delayMs: number, call: () => Promise<T>): Promise<T> {
    const ended = new AbortController()
    void this.#readUntilFound(partition, delayMs, ended.signal).catch(() => {})
    try {
      return await call()
    } finally {
      ended.abort()
    }
  }

  /** A record that was found stays the oldest: none is processed meanwhile. */
  async #readUntilFound(partition: number, delayMs: number, signal: AbortSignal): Promise<void> {
    if (delayMs > 0) {
      await sleep(delayMs, signal)
    }
    while ((await this.#readOldest(partition, signal).catch(() => null)) === null) {
      await sleep(READ_INTERVAL_MS, signal)
    }
  }

  /** Resolves with the timestamp of the record at the committed offset; null if there is none. */
  async #readOldest(partition: number, signal: AbortSignal): Promise<number | null> {
    const { group, topic, offsets, reader } = this.#options
    const { offset } = await offsets.committed(group, topic, partition)
    const first = await firstRecord(reader, topic, partition, offset < 0n ? 0n : offset, signal)
    const timestamp = first?.timestamp ?? null
    signal.throwIfAborted()
    this.#since.set(partition, timestamp)
    return timestamp
  }
}
