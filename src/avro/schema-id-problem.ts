import avro from 'avsc'
import { SchemaIdError } from './errors.ts'
import type { FoundSchema } from './schema-registry.ts'

export interface ExpectedSchema {
  readonly schemaId: number
  readonly subject: string
  /** Our schema of that subject, as JSON text: the record's full name counts. */
  readonly schema: string
  /** The schema that the id stood for at the previous lookup, or our schema for our own id. */
  readonly before?: string | undefined
}

/**
 * Why, by the registry's answer, an id does not stand for a schema of ours; undefined if it does.
 *
 * The subject decides, because every registry assigns its own ids. If a registry cannot say under which subjects an id
 * is registered, only the record's full name is compared.
 */
export function schemaIdProblem(found: FoundSchema, expected: ExpectedSchema): SchemaIdError | undefined {
  const { schemaId, subject } = expected
  switch (found.found) {
    case 'none':
      return new SchemaIdError(schemaId, subject, 'unknown')
    case 'other':
      return new SchemaIdError(schemaId, subject, 'not-avro')
    case 'avro': {
      const [theirs, ours] = [recordNameOf(found.schema), recordNameOf(expected.schema)]
      if (theirs !== ours) {
        return new SchemaIdError(schemaId, subject, 'other-record', `it is ${theirs ?? 'no record'}, not ${ours}`)
      }
      if (found.subjects !== null && !found.subjects.includes(subject)) {
        const others = found.subjects.slice(0, SUBJECTS_SHOWN_MAX).join(', ')
        const detail = others === '' ? 'it is registered under no subject' : `it is registered under ${others}`
        return new SchemaIdError(schemaId, subject, 'other-subject', detail)
      }
      return expected.before === undefined || isSameSchema(found.schema, expected.before)
        ? undefined
        : new SchemaIdError(schemaId, subject, 'other-schema')
    }
    default:
      return found satisfies never
  }
}

const SUBJECTS_SHOWN_MAX = 3

/** With its namespace; undefined if the schema is not a record. */
function recordNameOf(schema: string): string | undefined {
  const { type, name, namespace } = JSON.parse(schema) as Readonly<Record<string, unknown>>
  if (type !== 'record' || typeof name !== 'string') {
    return undefined
  }
  return typeof namespace === 'string' && namespace !== '' && !name.includes('.') ? `${namespace}.${name}` : name
}

/** Whether both describe the same bytes: documentation, defaults and aliases do not affect that. */
function isSameSchema(one: string, other: string): boolean {
  return one === other || canonicalForm(one).equals(canonicalForm(other))
}

/** A hash of Avro's parsing canonical form. */
function canonicalForm(schema: string): Buffer {
  return avro.Type.forSchema(JSON.parse(schema), { wrapUnions: 'auto' }).fingerprint('sha256')
}
