import type { AvroCodec } from '../avro/codec.ts'
import { UnknownSchemaIdError } from '../avro/errors.ts'

/** Decodes at once; only a schema id that was never seen asks the registry first. */
export async function decodePrepared<T>(codec: AvroCodec<T>, bytes: Buffer): Promise<T> {
  try {
    return codec.decode(bytes)
  } catch (error) {
    if (!(error instanceof UnknownSchemaIdError)) {
      throw error
    }
    await codec.prepare(error.schemaId)
    return codec.decode(bytes)
  }
}
