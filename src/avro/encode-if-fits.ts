import type { AvroCodec } from './codec.ts'
import { AvroEncodeError } from './errors.ts'

/**
 * The bytes of a value; null if our own schema rejects it. Throws any other error, such as that of a schema id that nothing may be
 * written with now: it is not the fault of the value.
 */
export function encodeIfFits<T>(codec: Pick<AvroCodec<T>, 'encode'>, value: T): Buffer | null {
  try {
    return codec.encode(value)
  } catch (error) {
    if (error instanceof AvroEncodeError) {
      return null
    }
    throw error
  }
}
