import { headerValue } from './header-value.ts'
import type { InRecord } from './record.ts'

/** The text of a record's header; empty if the record does not have it. */
export function headerText(record: Pick<InRecord, 'headers'>, name: string): string {
  return headerValue(record, name)?.toString() ?? ''
}
