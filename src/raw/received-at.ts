import { headerText } from '../stream/header-text.ts'
import type { InRecord } from '../stream/record.ts'
import { RAW_HEADERS } from './raw-headers.ts'

/** When the gateway received a raw record, ms since the epoch; of a record without a readable time, when it was appended. */
export function receivedAtOf(record: InRecord): number {
  const receivedAt = Date.parse(headerText(record, RAW_HEADERS.time))
  return Number.isNaN(receivedAt) ? record.timestamp : receivedAt
}
