import type { PartitionRange, PartitionReader } from '../../stream/partition-reader.ts'
import type { InRecord } from '../../stream/record.ts'

const LOOK_EVERY_MS = 100

/** A transaction has been open for too long. The records after it are not visible, so the topic cannot be judged. */
class UndecidedError extends Error {
  readonly code = 'UNDECIDED'
  readonly retriable = true

  constructor(topic: string, partition: number, waitMs: number) {
    super(
      `a transaction in ${topic}[${partition}] has been open for ${waitMs} ms: what follows it cannot be seen yet; try again later`,
    )
    this.name = 'UndecidedError'
  }
}

/**
 * Reads an output of the status processor up to its high watermark at the time of the call. The coordinator acknowledges a
 * commit before its markers are in every partition, so the end visible to a read_committed reader can lag behind the commit;
 * this function waits until it has caught up. Rejects with UndecidedError after `waitMs`.
 */
export async function readDecided(
  { reader, sleep }: { readonly reader: PartitionReader; readonly sleep: (ms: number) => Promise<void> },
  { topic, partition, from, waitMs }: { topic: string; partition: number; from: bigint; waitMs: number },
  onRecords: (records: readonly InRecord[]) => Promise<void> | void,
  signal?: AbortSignal,
): Promise<PartitionRange> {
  const { end, highWatermark } = await reader.range(topic, partition)
  let waitedMs = 0
  for (let visible = end; visible < highWatermark; visible = (await reader.range(topic, partition)).end) {
    if (waitedMs >= waitMs) {
      throw new UndecidedError(topic, partition, waitMs)
    }
    await sleep(LOOK_EVERY_MS)
    waitedMs += LOOK_EVERY_MS
  }
  return reader.read(topic, partition, from, onRecords, signal)
}
