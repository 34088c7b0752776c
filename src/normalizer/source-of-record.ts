import type { Provider } from '../providers/provider.ts'
import { providerById } from '../providers/registry.ts'
import { headerText, RAW_HEADERS } from '../stream/raw-headers.ts'
import type { InRecord } from '../stream/record.ts'
import type { SourcesById } from './sources.ts'
import type { SourceFacts } from './to-callback.ts'

/** What the translation of a raw record needs to know of its source. */
export interface RecordSource {
  readonly facts: SourceFacts
  readonly provider: Provider
}

/** Why a raw record cannot be read: nobody says who called, or this release does not know the provider. */
export type UnknownSource = 'unknown-source' | 'unknown-provider'

/**
 * The source of a raw record as its headers tell it; for a record of a release that did not write them, as the configuration
 * has it. Headers win: a callback is read with what held when it was received.
 */
export function sourceOfRecord(record: Pick<InRecord, 'headers'>, sources: SourcesById): RecordSource | UnknownSource {
  const id = headerText(record, RAW_HEADERS.source)
  const told = sourceTold(record, id)
  return told ?? sources.get(id) ?? 'unknown-source'
}

/** Null if the headers say nothing, or what no gateway of ours writes: somebody else may write into raw. */
function sourceTold(record: Pick<InRecord, 'headers'>, id: string): RecordSource | 'unknown-provider' | null {
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

/** As the configuration has them. */
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/
const CURRENCY = /^[A-Z]{3}$/
const DEPTH = /^[1-9][0-9]{1,2}$|^1000$/

/** A record that cannot be read, for a log line: names as we write them, or empty (I9). */
export function unknownSourceNote(record: Pick<InRecord, 'headers' | 'offset'>, reason: UnknownSource) {
  const name = (header: string) => {
    const text = headerText(record, header)
    return NAME.test(text) ? text : ''
  }
  return { reason, source: name(RAW_HEADERS.source), provider: name(RAW_HEADERS.provider), offset: record.offset }
}
