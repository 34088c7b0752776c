import { headerText } from './header-text.ts'
import type { InRecord } from './record.ts'

/** Record header with the W3C trace context of the callback that a record comes from; missing if it was not sampled. */
export const TRACEPARENT = 'traceparent'

/** W3C Trace Context, version 00, sampled. */
const SAMPLED = /^00-(?<traceId>[0-9a-f]{32})-[0-9a-f]{16}-01$/

export interface TraceHeader {
  readonly headers: { readonly [TRACEPARENT]: string }
}

/** The header for a record that comes from this one; undefined if it was not sampled. */
export function traceHeaderOf(record: Pick<InRecord, 'headers'>): TraceHeader | undefined {
  const traceparent = traceparentOf(record)
  return traceparent === null ? undefined : { headers: { [TRACEPARENT]: traceparent } }
}

/** Null if the record has no trace context, or one that our gateway never writes. */
export function traceparentOf(record: Pick<InRecord, 'headers'>): string | null {
  const text = headerText(record, TRACEPARENT)
  return SAMPLED.test(text) ? text : null
}

/** The id of the trace, 32 hex digits; null if the record has no trace context. */
export function traceIdOf(record: Pick<InRecord, 'headers'>): string | null {
  return SAMPLED.exec(headerText(record, TRACEPARENT))?.groups?.['traceId'] ?? null
}
