import type { Callback, Provider } from '../providers/provider.ts'
import { providerById } from '../providers/registry.ts'
import { headerText } from '../stream/header-text.ts'
import type { InRecord } from '../stream/record.ts'
import { RAW_HEADERS } from './raw-headers.ts'
import { receivedAtOf } from './received-at.ts'
import type { SourceFacts, SourcesById } from './sources-by-id.ts'

/** A callback, and the adapter that translates it. */
export interface RawCallback {
  readonly callback: Callback
  readonly provider: Provider
}

/** Why a raw record cannot be read: its source is unknown, or this release does not know the provider. */
export type UnknownSource = 'unknown-source' | 'unknown-provider'

/**
 * The callback of a raw record: the inverse of `toRawRecord`.
 *
 * The source is read from the headers, so a callback is read with the settings that held when it was received. Only a record
 * without these headers, written by an older release, is read with the configured source of that id.
 */
export function fromRawRecord(record: InRecord, sources: SourcesById): RawCallback | UnknownSource {
  const id = headerText(record, RAW_HEADERS.source)
  const source = sourceInHeaders(record, id) ?? sources.get(id) ?? 'unknown-source'
  return typeof source === 'string' ? source : { callback: toCallback(record, source.facts), provider: source.provider }
}

/** Null if the headers are missing or hold values that our gateway never writes: others may write to raw. */
function sourceInHeaders(
  record: InRecord,
  id: string,
): { readonly facts: SourceFacts; readonly provider: Provider } | 'unknown-provider' | null {
  const providerId = headerText(record, RAW_HEADERS.provider)
  const namespace = headerText(record, RAW_HEADERS.namespace)
  const currency = headerText(record, RAW_HEADERS.currency)
  const depth = headerText(record, RAW_HEADERS.jsonDepthMax)
  if (!NAME.test(id) || !NAME.test(providerId) || !NAME.test(namespace)) {
    return null
  }
  if ((currency !== '' && !CURRENCY.test(currency)) || (depth !== '' && !DEPTH.test(depth))) {
    return null
  }
  const provider = providerById(providerId)
  if (provider === undefined) {
    return 'unknown-provider'
  }
  const facts = { id, namespace, currency: currency === '' ? null : currency }
  return { provider, facts: depth === '' ? facts : { ...facts, jsonDepthMax: Number(depth) } }
}

/** The same limits as in the configuration. */
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/
const CURRENCY = /^[A-Z]{3}$/
const DEPTH = /^[1-9][0-9]{1,2}$|^1000$/

function toCallback(record: InRecord, source: SourceFacts): Callback {
  return {
    callbackId: headerText(record, RAW_HEADERS.id),
    source: source.id,
    namespace: source.namespace,
    currency: source.currency,
    receivedAt: receivedAtOf(record),
    contentType: headerText(record, RAW_HEADERS.contentType),
    authenticity: toAuthenticity(headerText(record, RAW_HEADERS.authentication)),
    body: record.value ?? Buffer.alloc(0),
    ...(source.jsonDepthMax !== undefined && { jsonDepthMax: source.jsonDepthMax }),
  }
}

/** Allows more and longer kinds than exist, but bounds them: foreign records must not grow a payment's state (I10). */
const KINDS_MAX = 8
const KIND = /^[a-z0-9][a-z0-9-]{0,31}$/
const NO_KINDS: readonly string[] = []

/** The authentication kinds in the header, sorted; empty for a record of a release that did not write it. */
function toAuthenticity(header: string): readonly string[] {
  if (header === '') {
    return NO_KINDS
  }
  const kinds = header.split(',', KINDS_MAX + 1).map((kind) => kind.trim())
  return [...new Set(kinds.filter((kind) => KIND.test(kind)))].sort().slice(0, KINDS_MAX)
}

/** Describes an unreadable record for the log: only names of the form we write, otherwise empty (I9). */
export function unknownSourceNote(record: Pick<InRecord, 'headers' | 'offset'>, reason: UnknownSource) {
  const name = (header: string) => {
    const text = headerText(record, header)
    return NAME.test(text) ? text : ''
  }
  return { reason, source: name(RAW_HEADERS.source), provider: name(RAW_HEADERS.provider), offset: record.offset }
}
