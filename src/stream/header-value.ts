import type { InRecord } from './record.ts'

/** The first value of a record's header; undefined if the record does not have it. */
export function headerValue({ headers }: Pick<InRecord, 'headers'>, name: string): Buffer | string | undefined {
  const value = headers[name]
  return Array.isArray(value) ? value[0] : value
}
