import type { Callback } from '../providers/provider.ts'
import { headerText, RAW_HEADERS } from '../stream/raw-headers.ts'
import type { InRecord } from '../stream/record.ts'

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
    authenticity: toAuthenticity(headerText(record, RAW_HEADERS.authentication)),
    body: record.value ?? Buffer.alloc(0),
    ...(source.jsonDepthMax !== undefined && { jsonDepthMax: source.jsonDepthMax }),
  }
}

/** More kinds than there are, and longer than any: what somebody else wrote into raw must not grow a payment's state. */
const KINDS_MAX = 8
const KIND = /^[a-z0-9][a-z0-9-]{0,31}$/

/** The kinds of the header, sorted; empty for a record of a release that did not write it. */
export function toAuthenticity(header: string): readonly string[] {
  if (header === '') {
    return NO_KINDS
  }
  const kinds = header.split(',', KINDS_MAX + 1).map((kind) => kind.trim())
  return [...new Set(kinds.filter((kind) => KIND.test(kind)))].sort().slice(0, KINDS_MAX)
}

const NO_KINDS: readonly string[] = []
