import type { AvroCodec } from '../avro/codec.ts'
import { AvroDecodeError, SchemaIdError, schemaIdRemedy, UnknownSchemaIdError } from '../avro/errors.ts'
import { DefinedStop } from '../stream/partition-task.ts'

/** Where a value stands, for a person who has to look at it. */
export interface ValuePlace {
  readonly topic: string
  readonly partition: number
  /** Null if it is not known any more. */
  readonly offset: bigint | null
  /** It is the copy in Redis. */
  readonly inView?: boolean
  /** The consumer group that reads it, if one does. */
  readonly group?: string
}

/**
 * Decodes at once; only a schema id that was never seen asks the registry first.
 *
 * Throws AvroDecodeError for bytes that are no value of ours, and only after the registry has said that their schema id
 * still means what it meant: else every value would look broken after a registry gave its ids anew. Throws DefinedStop for
 * an id that does not lead to our schema: the value may be all right, so that it is no dead letter.
 */
export async function decodePrepared<T>(codec: AvroCodec<T>, bytes: Buffer, place: ValuePlace): Promise<T> {
  try {
    return codec.decode(bytes)
  } catch (error) {
    if (error instanceof UnknownSchemaIdError) {
      await orStop(codec.prepare(error.schemaId), place)
      return decodePrepared(codec, bytes, place)
    }
    if (error instanceof AvroDecodeError && error.schemaId !== null) {
      await orStop(codec.confirm(error.schemaId), place)
    }
    throw error
  }
}

async function orStop(asked: Promise<void>, place: ValuePlace): Promise<void> {
  try {
    await asked
  } catch (error) {
    throw error instanceof SchemaIdError ? schemaStop(error, place) : error
  }
}

const UNKNOWN = 'SCHEMA_ID_UNKNOWN'
const FOREIGN = 'SCHEMA_ID_FOREIGN'

/** Whether an error says that a value's schema id does not lead to our schema. */
export function isSchemaStop(error: unknown): boolean {
  return error instanceof DefinedStop && [UNKNOWN, FOREIGN].includes(error.code)
}

function schemaStop(error: SchemaIdError, { topic, partition, offset, inView, group }: ValuePlace): DefinedStop {
  const at = `${inView ? 'the view of ' : ''}${topic}[${partition}]${offset === null ? '' : ` at offset ${offset}`}`
  const skip =
    group === undefined
      ? ''
      : ` Only if the record is none of ours: set the group ${group} behind it (kafka-consumer-groups.sh --reset-offsets).`
  return new DefinedStop(
    error.problem === 'unknown' ? UNKNOWN : FOREIGN,
    `${at}: ${error.message}. Nothing was skipped. ${schemaIdRemedy(error.problem)}${skip}`,
  )
}
