/**
 * A value that cannot be read. The message names the schema and the reason, never a byte of the value (invariant I9),
 * and the library's error is not kept as a cause because its message quotes values.
 *
 * Not retriable: the same bytes fail again. A schema id that does not lead to our schema is a SchemaIdError instead:
 * the fault is then in the registry, not in the value.
 */
export class AvroDecodeError extends Error {
  readonly code = 'AVRO_DECODE'
  readonly retriable = false
  readonly reason: AvroDecodeReason
  /** The writer's schema id, if the value was long enough to hold one. */
  readonly schemaId: number | null

  constructor(codec: string, reason: AvroDecodeReason, schemaId: number | null) {
    super(`${codec}: ${AVRO_DECODE_REASONS[reason]}${schemaId === null ? '' : ` (schema id ${schemaId})`}`)
    this.name = 'AvroDecodeError'
    this.reason = reason
    this.schemaId = schemaId
  }
}

export const AVRO_DECODE_REASONS = {
  'too-short': 'the value is shorter than its header of 5 bytes',
  'wrong-magic': 'the value does not begin with the registry header (byte 0)',
  truncated: 'the value ends before its last field',
  'trailing-bytes': 'bytes follow the last field',
  'long-too-large': 'a number is beyond 2^52 and would lose precision',
  malformed: 'the value does not match its schema',
} as const
export type AvroDecodeReason = keyof typeof AVRO_DECODE_REASONS

/** The schema id has not been looked up yet: `decodeFetching` asks the registry for it. */
export class UnknownSchemaIdError extends Error {
  readonly code = 'AVRO_SCHEMA_ID_NOT_PREPARED'
  readonly retriable = true
  readonly schemaId: number

  constructor(codec: string, schemaId: number) {
    super(`${codec}: schema id ${schemaId} is not prepared yet`)
    this.name = 'UnknownSchemaIdError'
    this.schemaId = schemaId
  }
}

/**
 * A schema id that does not lead to a schema of ours. The value may be intact: the registry may have lost its schemas
 * or reassigned their ids, or may not be the one that the value was written with. So this is never a reason for a dead
 * letter: a person must fix it, and until then nothing may be read or written with the id.
 */
export class SchemaIdError extends Error {
  readonly code = 'AVRO_SCHEMA_ID'
  readonly retriable = false
  readonly schemaId: number
  /** The subject that the id should belong to. */
  readonly subject: string
  readonly problem: SchemaIdProblem

  constructor(schemaId: number, subject: string, problem: SchemaIdProblem, detail = '') {
    super(
      `schema id ${schemaId} ${SCHEMA_ID_PROBLEMS[problem]} (subject ${subject}${detail === '' ? '' : `; ${detail}`})`,
    )
    this.name = 'SchemaIdError'
    this.schemaId = schemaId
    this.subject = subject
    this.problem = problem
  }
}

export const SCHEMA_ID_PROBLEMS = {
  unknown: 'is not known to the schema registry',
  'not-avro': 'is not an Avro schema in the schema registry',
  'other-record': 'is the schema of another record in the schema registry',
  'other-subject': 'is not registered under the subject of the topic',
  'other-schema': 'now stands for a different schema in the schema registry',
  unreadable: 'is a schema that this release cannot read as its own',
} as const
export type SchemaIdProblem = keyof typeof SCHEMA_ID_PROBLEMS

/** What an operator can do about a SchemaIdError. */
export function schemaIdRemedy(problem: SchemaIdProblem): string {
  return problem === 'unreadable'
    ? 'Run the release that wrote it, or a newer one.'
    : 'Restore the registry from its backup, or point registry.url to the one that the records were written with. ' +
        '`paystatus schemas apply` assigns new ids to schemas, which does not help with records that carry the old ones, unless ' +
        'the registry assigns the same ids again. `paystatus schemas check` shows which ids the topics contain.'
}

/** A value that does not fit its schema: a bug of ours. Names the fields, never their contents. */
export class AvroEncodeError extends Error {
  readonly code = 'AVRO_ENCODE'
  readonly retriable = false

  constructor(codec: string, problem: string) {
    super(`${codec}: ${problem}`)
    this.name = 'AvroEncodeError'
  }
}
