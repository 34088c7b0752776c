import { AvroDecodeError } from '../avro/errors.ts'
import type { InRecord } from '../stream/record.ts'
import type { BatchInput } from './fold-batch.ts'
import type { StatusTaskOptions } from './status-task-options.ts'

/**
 * Largest event, bytes. A payment keeps at most 256 events, so its state, children included, stays below the 2 MiB that
 * the topics accept, whatever arrives in whichever order.
 */
export const EVENT_BYTES_MAX = 7_000

/**
 * Decodes records of `payments.events`, or gives the reason why a record is not an event. Asks the registry for schemas not
 * seen yet; while it cannot answer, rejects and skips nothing.
 *
 * @param assertInPlace Throws DefinedStop if the key of an event does not belong to this partition.
 */
export async function decodeEvents(
  records: readonly InRecord[],
  { codecs, topics, partition, group }: Pick<StatusTaskOptions, 'codecs' | 'topics' | 'partition' | 'group'>,
  assertInPlace: (key: Buffer, offset: bigint) => void,
): Promise<readonly BatchInput<InRecord>[]> {
  const decode = async (record: InRecord): Promise<BatchInput<InRecord>> => {
    const { key, value, offset } = record
    if (value === null) {
      return { record, rejected: 'undecodable' }
    }
    if (value.length > EVENT_BYTES_MAX) {
      return { record, rejected: 'too-large' }
    }
    try {
      const event = await codecs.event.decodeFetching(value, { topic: topics.events, partition, offset, group })
      if (key?.toString() !== event.paymentKey) {
        return { record, rejected: 'key-mismatch' }
      }
      // Check this only now that the record is known to be ours. A foreign record is a dead letter, not a reason to stop.
      assertInPlace(key, offset)
      return { record, event }
    } catch (error) {
      if (error instanceof AvroDecodeError) {
        return { record, rejected: 'undecodable' }
      }
      throw error
    }
  }
  const inputs: BatchInput<InRecord>[] = []
  for (const record of records) {
    inputs.push(await decode(record))
  }
  return inputs
}
