/**
 * A value that cannot be read. The message names the schema and the reason, never a byte of the value (invariant I9),
 * and the library's error is not kept as a cause because its message quotes values.
 *
 * Not retriable: the same bytes fail again. `schema-id-unknown` may heal when the schema is registered, so the codec
 * asks the registry again after a while.
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
  'schema-id-unknown': 'the registry does not know the schema that the value was written with',
  'schema-unreadable': 'the schema that the value was written with cannot be read as ours',
  truncated: 'the value ends before its last field',
  'trailing-bytes': 'bytes follow after the last field',
  'long-too-large': 'a number is beyond 2^52 and would lose digits',
  malformed: 'the value is not what its schema says',
} as const
export type AvroDecodeReason = keyof typeof AVRO_DECODE_REASONS

/** The schema id was not seen before: `await codec.prepare(error.schemaId)` and decode again. */
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

/** A value that does not fit its schema: a bug of ours. Names the fields, never what is in them. */
export class AvroEncodeError extends Error {
  readonly code = 'AVRO_ENCODE'
  readonly retriable = false

  constructor(codec: string, problem: string) {
    super(`${codec}: ${problem}`)
    this.name = 'AvroEncodeError'
  }
}
