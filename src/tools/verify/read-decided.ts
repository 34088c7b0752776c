import type { PartitionRange, PartitionReader } from '../../stream/partition-reader.ts'
import type { InRecord } from '../../stream/record.ts'

const LOOK_EVERY_MS = 100

/** A transaction stays open for longer than it may: what is behind it cannot be seen, so nothing can be said. */
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
 * Reads an output of the status processor up to everything that stands there when the call begins. The coordinator
 * answers a commit before its markers stand in every partition, so the end that a read_committed reader sees can be
 * behind what was committed: it is waited for. Rejects with UndecidedError after `waitMs`.
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
