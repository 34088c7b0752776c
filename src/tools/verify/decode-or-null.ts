import type { AvroCodec } from '../../avro/codec.ts'
import { AvroDecodeError } from '../../avro/errors.ts'
import { isSchemaStop, type ValuePlace } from '../../avro/schema-stop.ts'

/**
 * Null for a tombstone and for what is no value of ours: an oracle says so, and does not stop at it. Throws DefinedStop
 * for a schema id that does not lead to our schema: nobody can say what such a value is.
 */
export async function decodeOrNull<T>(codec: AvroCodec<T>, value: Buffer | null, place: ValuePlace): Promise<T | null> {
  try {
    return value === null ? null : await codec.decodeFetching(value, place)
  } catch (error) {
    if (error instanceof AvroDecodeError) {
      return null
    }
    throw error
  }
}

/** The same where anything may stand, also an id that leads nowhere: dead letters, and what somebody wrote into Redis. */
export async function decodeAnything<T>(
  codec: AvroCodec<T>,
  value: Buffer | null,
  place: ValuePlace,
): Promise<T | null> {
  try {
    return await decodeOrNull(codec, value, place)
  } catch (error) {
    if (isSchemaStop(error)) {
      return null
    }
    throw error
  }
}
