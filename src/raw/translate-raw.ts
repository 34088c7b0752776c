import { DEAD_LETTER_REASONS, type Provider, type Translation } from '../providers/provider.ts'
import { onlyDeadLetter } from '../providers/translate-elements.ts'
import type { InRecord } from '../stream/record.ts'
import { fromRawRecord, type UnknownSource } from './from-raw-record.ts'
import type { SourcesById } from './sources-by-id.ts'

/** The translation of a raw record and its provider, or why the record cannot be read. */
export interface RawTranslation {
  readonly translation: Translation
  readonly by: Provider | UnknownSource
}

/** Translates a raw record with a readable body. A record of an unknown source is one dead letter. Pure. */
export function translateRaw(record: InRecord, sources: SourcesById): RawTranslation {
  const raw = fromRawRecord(record, sources)
  return typeof raw === 'string'
    ? { by: raw, translation: onlyDeadLetter({ reason: raw, message: DEAD_LETTER_REASONS[raw], element: null }) }
    : { by: raw.provider, translation: raw.provider.translate(raw.callback) }
}
