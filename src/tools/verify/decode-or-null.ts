import type { AvroCodec } from '../../avro/codec.ts'
import { AvroDecodeError } from '../../avro/errors.ts'
import { decodePrepared } from '../../processor/decode-prepared.ts'

/** Null for a tombstone and for what is no value of ours: an oracle says so, and does not stop at it. */
export async function decodeOrNull<T>(codec: AvroCodec<T>, value: Buffer | null): Promise<T | null> {
  try {
    return value === null ? null : await decodePrepared(codec, value)
  } catch (error) {
    if (error instanceof AvroDecodeError) {
      return null
    }
    throw error
  }
}
