import type { Callback } from '../providers/provider.ts'
import type { InRecord } from '../stream/record.ts'

/** Names of the headers on raw records: CloudEvents in binary mode. The gateway writes them, the normalizer reads them. */
export const RAW_HEADERS = {
  specVersion: 'ce_specversion',
  id: 'ce_id',
  source: 'ce_source',
  type: 'ce_type',
  time: 'ce_time',
  contentType: 'content-type',
} as const

export function headerText(record: InRecord, name: string): string {
  const value = record.headers[name]
  const first = Array.isArray(value) ? value[0] : value
  return first === undefined ? '' : first.toString()
}

/** What the normalizer must know of a source. */
export interface SourceFacts {
  readonly id: string
  readonly namespace: string
  readonly currency: string | null
  /** How deep its JSON is read; the default if not given. */
  readonly jsonDepthMax?: number
}

/** A raw record as the callback it holds. */
export function toCallback(record: InRecord, source: SourceFacts): Callback {
  const receivedAt = Date.parse(headerText(record, RAW_HEADERS.time))
  return {
    callbackId: headerText(record, RAW_HEADERS.id),
    source: source.id,
    namespace: source.namespace,
    currency: source.currency,
    receivedAt: Number.isNaN(receivedAt) ? record.timestamp : receivedAt,
    contentType: headerText(record, RAW_HEADERS.contentType),
    body: record.value ?? Buffer.alloc(0),
    ...(source.jsonDepthMax !== undefined && { jsonDepthMax: source.jsonDepthMax }),
  }
}
