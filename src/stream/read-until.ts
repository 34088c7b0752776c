import type { PartitionReader } from './partition-reader.ts'
import type { InRecord } from './record.ts'

/** Reads as `PartitionReader.read` does, and stops as soon as `hasEnough`, which gets every portion, says so. */
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
