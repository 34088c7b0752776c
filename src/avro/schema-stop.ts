import { DefinedStop } from '../stream/partition-task.ts'
import { type SchemaIdError, schemaIdRemedy } from './errors.ts'

/** Where a value is stored, for the person who investigates it. */
export interface ValuePlace {
  readonly topic: string
  readonly partition: number
  /** Null if it is no longer known. */
  readonly offset: bigint | null
  /** The value is the copy in Redis. */
  readonly inView?: boolean
  /** The consumer group that reads it, if any. */
  readonly group?: string
}

const UNKNOWN = 'SCHEMA_ID_UNKNOWN'
const FOREIGN = 'SCHEMA_ID_FOREIGN'

/** The stop for a value whose schema id does not lead to our schema. */
export function schemaStop(error: SchemaIdError, { topic, partition, offset, inView, group }: ValuePlace): DefinedStop {
  const at = `${inView ? 'the view of ' : ''}${topic}[${partition}]${offset === null ? '' : ` at offset ${offset}`}`
  const skip =
    group === undefined
      ? ''
      : ` Only if the record is not ours: move the group ${group} past it (kafka-consumer-groups.sh --reset-offsets).`
  return new DefinedStop(
    error.problem === 'unknown' ? UNKNOWN : FOREIGN,
    `${at}: ${error.message}. Nothing was skipped. ${schemaIdRemedy(error.problem)}${skip}`,
  )
}

export function isSchemaStop(error: unknown): boolean {
  return error instanceof DefinedStop && [UNKNOWN, FOREIGN].includes(error.code)
}
