import { AvroDecodeError } from '../avro/errors.ts'
import { EVENT_BYTES_MAX } from '../payment/payment-event.ts'
import type { InRecord } from '../stream/record.ts'
import type { BatchInput } from './fold-batch.ts'
import type { StatusTaskOptions } from './status-task-options.ts'

type DecodeOptions = Pick<StatusTaskOptions, 'codecs' | 'topics' | 'partition' | 'group'>

/**
 * Asks the registry about schema ids of events that have not been looked up yet; afterwards `decodeEvent` never waits for
 * it. Rejects, so that nothing is skipped, while the registry cannot answer, and with DefinedStop for an id that does not
 * lead to our schema.
 */
export async function prepareEvents(records: readonly InRecord[], options: DecodeOptions): Promise<void> {
  const { event } = options.codecs
  for (const { value, offset } of records) {
    const id = value === null || value.length > EVENT_BYTES_MAX ? null : event.unpreparedIdIn(value)
    if (id !== null) {
      await event.prepare(id, placeOf(offset, options))
    }
  }
}

/**
 * Decodes a record of `payments.events`, or gives the reason why it is not an event. Throws UnknownSchemaIdError if the
 * record was not prepared.
 *
 * @param paymentKey The text of the record's key; an event must have the same.
 * @param assertInPlace Throws DefinedStop if the key of an event does not belong to this partition.
 */
export function decodeEvent(
  record: InRecord,
  paymentKey: string,
  { codecs }: Pick<DecodeOptions, 'codecs'>,
  assertInPlace: (key: Buffer, offset: bigint) => void,
): BatchInput<InRecord> {
  const { key, value, offset } = record
  if (value === null) {
    return { record, rejected: 'undecodable' }
  }
  if (value.length > EVENT_BYTES_MAX) {
    return { record, rejected: 'too-large' }
  }
  try {
    const event = codecs.event.decode(value)
    if (key === null || event.paymentKey !== paymentKey) {
      return { record, rejected: 'key-mismatch' }
    }
    // Check this only now that the record is known to be ours. A foreign record is a dead letter, not a reason to stop.
    assertInPlace(key, offset)
    return { record, event }
  } catch (error) {
    if (error instanceof AvroDecodeError) {
      return { record, rejected: 'undecodable', schemaId: error.schemaId }
    }
    throw error
  }
}

/**
 * Confirms that records are rightly undecodable: resolves only after the registry has said that the schema id of each still
 * has the same meaning. If it does not, every event would look undecodable. Rejects as `prepareEvents` does.
 */
export async function confirmUndecodable(
  inputs: readonly BatchInput<InRecord>[],
  options: DecodeOptions,
): Promise<void> {
  for (const input of inputs) {
    const id = 'rejected' in input ? input.schemaId : undefined
    if (id !== undefined && id !== null) {
      await options.codecs.event.confirm(id, placeOf(input.record.offset, options))
    }
  }
}

function placeOf(offset: bigint, { topics, partition, group }: DecodeOptions) {
  return { topic: topics.events, partition, offset, group }
}
