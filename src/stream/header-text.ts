import type { InRecord } from './record.ts'

/** The text of a record's header; empty if the record does not have it. */
export function headerText(record: Pick<InRecord, 'headers'>, name: string): string {
  const value = record.headers[name]
  const first = Array.isArray(value) ? value[0] : value
  return first === undefined ? '' : first.toString()
}
