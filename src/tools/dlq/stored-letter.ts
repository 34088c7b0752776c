import type { PaymentEvent } from '../../payment/payment-event.ts'
import { RAW_HEADERS } from '../../raw/raw-headers.ts'
import { DLQ_HEADERS } from '../../stream/dead-letter.ts'
import { DLT_HEADERS, dltNumber } from '../../stream/dlt-headers.ts'
import { headerText } from '../../stream/header-text.ts'
import { changed, type InRecord } from '../../stream/record.ts'
import type { LetterPlace } from './letter-place.ts'

/** Headers of an event that a redrive published. If the event becomes a dead letter again, the dead letter has the same headers. */
export const REDRIVE_HEADERS = {
  /** How often it was redriven, including the dead letters from which it originated. */
  redrives: 'paystatus_redrives',
  /** `topic[partition]@offset` of the dead letter that it comes from. */
  from: 'paystatus_redriven_from',
} as const

/** A dead letter as stored in its topic. */
export interface StoredLetter {
  readonly place: LetterPlace
  readonly record: InRecord
  readonly reason: string
  readonly message: string
  /** Position in the callback; null if the dead letter is about the whole record. */
  readonly element: number | null
  /** Empty if neither the headers nor the event name one. */
  readonly provider: string
  readonly source: string
  /** When it became a dead letter, ms since the epoch. */
  readonly at: number
  /** How often the dead letters from which it originated were redriven before it was written. */
  readonly redrives: number
}

/** Only names of our format are accepted, because other programs may write into the topic (I9). */
const NAME = /^[a-z0-9][a-z0-9-]{0,62}$/

/** @param event the record's value, if it can be decoded as an event. */
export function toStoredLetter(record: InRecord, place: LetterPlace, event: PaymentEvent | null): StoredLetter {
  const text = (header: string) => headerText(record, header)
  const name = (header: string) => (NAME.test(text(header)) ? text(header) : '')
  const at = Date.parse(text(DLQ_HEADERS.time))
  return {
    place,
    record,
    reason: NAME.test(text(DLQ_HEADERS.reason)) ? text(DLQ_HEADERS.reason) : 'other',
    message: text(DLQ_HEADERS.message),
    element: wholeNumber(text(DLQ_HEADERS.element)),
    provider: event?.provider ?? name(RAW_HEADERS.provider),
    source: event?.source ?? name(RAW_HEADERS.source),
    at: Number.isNaN(at) ? record.timestamp : at,
    redrives: wholeNumber(text(REDRIVE_HEADERS.redrives)) ?? 0,
  }
}

/** The record as the stage read it, with its timestamp in the original topic, which is used if its headers contain no time. */
export function asRead(record: InRecord): InRecord {
  const timestamp = dltNumber(record, DLT_HEADERS.timestamp)
  return timestamp === null ? record : changed(record, { timestamp: Number(timestamp) })
}

function wholeNumber(text: string): number | null {
  return /^\d{1,9}$/.test(text) ? Number(text) : null
}
