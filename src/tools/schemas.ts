import { breaksOf } from '../avro/schema-breaks.ts'
import { readTopicSchemas } from '../avro/schema-files.ts'
import {
  type Compatibility,
  createSchemaRegistry,
  type FoundSchema,
  SchemaNotRegisteredError,
} from '../avro/schema-registry.ts'
import type { RegistryConnection } from '../client-security/connections.ts'
import type { TopicNames } from '../topics.ts'

/** Every reader understands every writer of any version, so consumers and paystatus can upgrade in any order. */
export const COMPATIBILITY: Compatibility = 'FULL_TRANSITIVE'

export interface AppliedSchema {
  readonly subject: string
  readonly schemaId: number
  readonly outcome: 'registered' | 'unchanged'
}

/**
 * Registers this release's schemas, one subject per topic, and sets their compatibility. Idempotent. `out` receives one line
 * per subject.
 *
 * Throws SchemaIncompatibleError if a schema would break readers or writers of an older version (the subject keeps its
 * schemas), RegistryUnreachableError and RegistryRefusedError.
 */
export async function applySchemas(
  connection: RegistryConnection,
  topicNames: TopicNames,
  out: (line: string) => void,
): Promise<readonly AppliedSchema[]> {
  const registry = createSchemaRegistry(connection)
  const applied: AppliedSchema[] = []
  for (const { subject, schema } of readTopicSchemas(topicNames)) {
    const latestBefore = await registry.latestId(subject)
    // Compatibility is set first, so that the registry applies it to the new version. Not every registry keeps it for a
    // subject that does not exist yet, so it is checked again afterwards.
    const ruled = (await registry.compatibility(subject)) === COMPATIBILITY
    if (!ruled) {
      await registry.setCompatibility(subject, COMPATIBILITY)
    }
    const schemaId = await registry.register(subject, schema)
    if (!ruled && (await registry.compatibility(subject)) !== COMPATIBILITY) {
      await registry.setCompatibility(subject, COMPATIBILITY)
    }
    const outcome = latestBefore === schemaId ? 'unchanged' : 'registered'
    out(`${subject}: id ${schemaId}, ${outcome}, ${COMPATIBILITY}`)
    applied.push({ subject, schemaId, outcome })
  }
  return applied
}

export interface SchemaFinding {
  readonly subject: string
  readonly problem: 'missing' | 'not-registered' | 'not-latest' | 'compatibility'
  /** For people, with the remedy. */
  readonly message: string
}

/** Compares the registry with this release's schemas; changes nothing. Empty if they agree. */
export async function checkSchemas(
  connection: RegistryConnection,
  topicNames: TopicNames,
): Promise<readonly SchemaFinding[]> {
  const registry = createSchemaRegistry(connection)
  const findings: SchemaFinding[] = []
  for (const { subject, schema, file } of readTopicSchemas(topicNames)) {
    const find = (problem: SchemaFinding['problem'], message: string) =>
      findings.push({ subject, problem, message: `${subject}: ${message}` })
    const latest = await registry.latestId(subject)
    if (latest === undefined) {
      find('missing', 'the subject does not exist: run paystatus schemas apply')
      continue
    }
    const ours = await idOrUndefined(() => registry.idOf(subject, schema))
    if (ours === undefined) {
      find('not-registered', notRegistered(file, schema, latest, await registry.schemaById(latest)))
    } else if (ours !== latest) {
      find(
        'not-latest',
        `its latest schema (id ${latest}) is not schemas/${file} of this release (id ${ours}): another release registered it`,
      )
    }
    const level = await registry.compatibility(subject)
    if (level !== COMPATIBILITY) {
      find(
        'compatibility',
        `its compatibility is ${level ?? 'not set'}, not ${COMPATIBILITY}: run paystatus schemas apply`,
      )
    }
  }
  return findings
}

/** What to do about a schema that is not registered, and what it would break if it were. Pure. */
export function notRegistered(file: string, schema: string, latestId: number, latest: FoundSchema): string {
  const what = `schemas/${file} of this release is not among its versions`
  const breaks =
    latest.found === 'avro'
      ? breaksOf(
          JSON.parse(schema),
          [{ version: latestId, schema: JSON.parse(latest.schema) }],
          ([id]) => `schema id ${id}`,
        )
      : []
  return breaks.length === 0
    ? `${what}: run paystatus schemas apply`
    : `${what}, and must not be registered: ${breaks.join('; ')}`
}

async function idOrUndefined(lookUp: () => Promise<number>): Promise<number | undefined> {
  try {
    return await lookUp()
  } catch (error) {
    if (error instanceof SchemaNotRegisteredError) {
      return undefined
    }
    throw error
  }
}
