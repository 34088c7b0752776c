import type { CommittedOffset } from './group-offsets.ts'
import type { PartitionRange } from './partition-reader.ts'
import { DefinedStop } from './partition-task.ts'

/**
 * Where a partition's work begins: at the committed offset, or at the start if the group never committed one.
 *
 * An out-of-range offset is never "corrected": data is missing or the topic was recreated, and resuming elsewhere would
 * silently lose or repeat records. Throws DefinedStop.
 */
export function startOffset(
  group: string,
  topic: string,
  partition: number,
  committed: CommittedOffset,
  range: PartitionRange,
): bigint {
  const { offset } = committed
  if (offset === -1n) {
    return range.start
  }
  if (offset < range.start || offset > range.end) {
    throw new DefinedStop(
      'OFFSET_OUT_OF_RANGE',
      `group ${group} has committed offset ${offset} of ${topic}[${partition}], but the topic holds offsets ${range.start} to ${range.end}. ` +
        (offset < range.start
          ? 'Records were deleted before they were processed, or the offset was reset too far back.'
          : 'The topic lost records or was recreated.') +
        ` Nothing was skipped. Decide where to resume, then set the offset with kafka-consumer-groups.sh --group ${group} --topic ${topic}:${partition} --reset-offsets.`,
    )
  }
  return offset
}
