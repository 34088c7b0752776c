import { readdirSync } from 'node:fs'
import type { Schema } from './schema-definition.ts'
import { readSchemaFile } from './schema-files.ts'

/** A released version of a schema. */
export interface ReleasedSchema {
  /** 1, 2, 3 … */
  readonly version: number
  readonly schema: Schema
}

/** Every released version of a file in `schemas/`, oldest first: `schemas/history/<file without .avsc>/<version>.avsc`. */
export function readSchemaHistory(file: string): readonly ReleasedSchema[] {
  const folder = historyFolderOf(file)
  return readdirSync(new URL(`../../schemas/${folder}/`, import.meta.url))
    .map((name) => ({ name, version: Number(name.replace(/\.avsc$/, '')) }))
    .toSorted((a, b) => a.version - b.version)
    .map(({ name, version }) => ({ version, schema: JSON.parse(readSchemaFile(`${folder}/${name}`)) as Schema }))
}

/** Relative to `schemas/`. */
export function historyFolderOf(file: string): string {
  return `history/${file.replace(/\.avsc$/, '')}`
}
