import avro from 'avsc'
import { SchemaIdError } from './errors.ts'
import type { FoundSchema } from './schema-registry.ts'

export interface ExpectedSchema {
  readonly schemaId: number
  readonly subject: string
  /** Our schema of that subject, as JSON text: the record's full name counts. */
  readonly schema: string
  /** What the id stood for when it was looked up before, or our schema for our own id. */
  readonly before?: string | undefined
}

/**
 * Why an id that the registry answered for does not stand for a schema of ours; undefined if it does.
 *
 * The subject decides, because ids are numbers that every registry gives anew. A registry that cannot say under which
 * subjects an id is registered leaves only the record's full name to compare.
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
        const detail = others === '' ? 'it is under no subject' : `it is under ${others}`
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

/** With its namespace; undefined for what is no record. */
function recordNameOf(schema: string): string | undefined {
  const { type, name, namespace } = JSON.parse(schema) as Readonly<Record<string, unknown>>
  if (type !== 'record' || typeof name !== 'string') {
    return undefined
  }
  return typeof namespace === 'string' && namespace !== '' && !name.includes('.') ? `${namespace}.${name}` : name
}

/** Whether bytes of the one are bytes of the other: documentation, defaults and aliases do not matter for that. */
function isSameSchema(one: string, other: string): boolean {
  return one === other || canonicalForm(one).equals(canonicalForm(other))
}

/** A hash of Avro's parsing canonical form. */
function canonicalForm(schema: string): Buffer {
  return avro.Type.forSchema(JSON.parse(schema), { wrapUnions: 'auto' }).fingerprint('sha256')
}
