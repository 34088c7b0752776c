import type { AvroCodec } from '../../avro/codec.ts'
import { AvroDecodeError } from '../../avro/errors.ts'
import { isSchemaStop, type ValuePlace } from '../../avro/schema-stop.ts'

/**
 * Null for a tombstone and for a value that is not ours, so that tools can report it instead of stopping. Throws DefinedStop
 * if the schema id does not lead to our schema, because then the value cannot be interpreted.
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

/** The same for places that can hold any bytes, including unknown schema ids: dead letters and Redis. Never throws DefinedStop. */
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
