import type { PartitionReader } from './partition-reader.ts'
import type { InRecord } from './record.ts'

/** Reads like `PartitionReader.read`, and stops as soon as `hasEnough`, called with every portion, returns true. */
export async function readUntil(
  reader: Pick<PartitionReader, 'read'>,
  topic: string,
  partition: number,
  from: bigint,
  hasEnough: (records: readonly InRecord[]) => boolean,
  signal?: AbortSignal,
): Promise<void> {
  const enough = new Error('enough was read')
  const onRecords = (records: readonly InRecord[]) => {
    if (hasEnough(records)) {
      throw enough
    }
  }
  try {
    await reader.read(topic, partition, from, onRecords, signal)
  } catch (error) {
    if (error !== enough) {
      throw error
    }
    signal?.throwIfAborted()
  }
}

/** The first record at or after `from`; null if there is none. Compare its offset to find one record. */
export async function firstRecord(
  reader: Pick<PartitionReader, 'read'>,
  topic: string,
  partition: number,
  from: bigint,
  signal?: AbortSignal,
): Promise<InRecord | null> {
  let first: InRecord | null = null
  const isFound = (records: readonly InRecord[]) => {
    first ??= records[0] ?? null
    return first !== null
  }
  await readUntil(reader, topic, partition, from, isFound, signal)
  return first
}
