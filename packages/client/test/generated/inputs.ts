import { readFileSync } from 'node:fs'

const schema = (name: string) => readFileSync(new URL(`../../../../schemas/${name}.avsc`, import.meta.url), 'utf8')

export const RECORDS_FILE = new URL('../../src/generated/records.ts', import.meta.url)

/** The schemas that the client reads, by the names of their constants. */
export const SCHEMAS = {
  CHANGE_SCHEMA: schema('payment-status-change'),
  STATUS_SCHEMA: schema('payment-status'),
} as const
