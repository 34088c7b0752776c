import { breaksOf } from '../avro/schema-breaks.ts'
import type { Schema } from '../avro/schema-definition.ts'
import { readTopicSchemas } from '../avro/schema-files.ts'
import { historyFolderOf, type ReleasedSchema, readSchemaHistory } from '../avro/schema-history.ts'
import { topicNames } from '../topics.ts'

export interface HistoryFinding {
  /** In `schemas/`. */
  readonly file: string
  readonly problem: 'breaks' | 'not-in-history'
  /** For people, with the remedy. */
  readonly message: string
}

/** Compares this release's schemas with every released version in `schemas/history/`; needs no registry. */
export function checkAgainstHistory(): readonly HistoryFinding[] {
  return readTopicSchemas(topicNames('')).flatMap(({ file, schema }) =>
    findingsOf(file, JSON.parse(schema), readSchemaHistory(file)),
  )
}

/** What is wrong with one schema, compared with its released versions, oldest first. Pure. */
export function findingsOf(
  file: string,
  schema: Schema,
  released: readonly ReleasedSchema[],
): readonly HistoryFinding[] {
  const findings = breaksOf(schema, released).map(
    (sentence): HistoryFinding => ({ file, problem: 'breaks', message: `${file}: ${sentence}` }),
  )
  const latest = released.at(-1)
  if (latest !== undefined && withoutDocs(latest.schema) === withoutDocs(schema)) {
    return findings
  }
  const next = `schemas/${historyFolderOf(file)}/${(latest?.version ?? 0) + 1}.avsc`
  const message = `${file}: differs from the latest version in schemas/history; before it is released: cp schemas/${file} ${next}`
  return [...findings, { file, problem: 'not-in-history', message }]
}

/** The schema as text, without texts for people and with the properties of a definition in one order. */
export function withoutDocs(schema: Schema): string {
  return JSON.stringify(schema, (name, part: unknown) => {
    if (name === 'doc') {
      return undefined
    }
    return typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : part
  })
}
