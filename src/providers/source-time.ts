import { CODE_LENGTH_MAX, type PaymentEvent } from '../payment/payment-event.ts'
import { strip } from './clean-text.ts'

/** The provider's own time of a status, as an event carries it. */
export type SourceTime = Pick<
  PaymentEvent,
  'occurredAt' | 'occurredAtText' | 'occurredAtPrecision' | 'zoneAssumed' | 'timeUnreadable'
>

/** The element has no time. */
export const UNTIMED: SourceTime = {
  occurredAt: null,
  occurredAtText: null,
  occurredAtPrecision: 'NONE',
  zoneAssumed: false,
  timeUnreadable: false,
}

/** The element has a time that cannot be read. `text` is published only if it looks like a time (I9). */
function unreadableTime(text: string): SourceTime {
  return { ...UNTIMED, occurredAtText: LOOKS_LIKE_TIME.test(text) ? text : null, timeUnreadable: true }
}

/**
 * Reads the time formats that the providers use, and related formats of the standards:
 *
 * | format                                                        | example                              |
 * |---------------------------------------------------------------|--------------------------------------|
 * | RFC 3339, and ISO 8601 in its extended form                    | `2025-12-12T16:22:16.205+00:00`      |
 * | the same without seconds, or without minutes                  | `2026-03-01T09:06Z`, `2026-03-01T09Z` |
 * | a blank for the T, t and z, a comma for the point              | `2026-03-01 09:06:00,5z`             |
 * | the end of a day, and a leap second                           | `2026-03-01T24:00Z`, `…T23:59:60Z`   |
 * | UTC or GMT for Z, a Java zone after Z or an offset             | `2026-03-01T10:06+01:00[Europe/Paris]` |
 * | ISO 8601 in its basic form                                    | `20260301T090600Z`                   |
 * | a date alone                                                  | `2025-12-12`, `20251212`             |
 * | month/day/year, 12 hours (InstaMed's webhook) or 24            | `12/14/2017 11:58:06 PM`             |
 * | CCYYMMDDHHMMSS (InstaMed's files)                             | `20171214235806`                     |
 *
 * An offset is +hh, +hhmm or +hh:mm. A fraction can have any number of digits. A time without a zone is read as UTC and
 * marked. The instant is truncated to milliseconds; if there are further digits, the precision says so, and they remain in
 * the text.
 *
 * Any other text, a date that does not exist or is before 1970, and a text of more than 64 characters are untimed and
 * marked as unreadable; the text is kept only if it looks like a date, alone or with a time of day. A blank text and the
 * year 1 (.NET's empty date) mean "not given".
 */
export function sourceTimeOf(given: string): SourceTime {
  const text = strip(given)
  if (text === '') {
    return UNTIMED
  }
  const parts = text.length <= CODE_LENGTH_MAX ? partsOf(text) : null
  if (parts?.year === 1) {
    return { ...UNTIMED, occurredAtText: withoutZoneName(text) }
  }
  const occurredAt = parts === null ? null : instantOf(parts)
  if (parts === null || occurredAt === null) {
    return unreadableTime(text)
  }
  return {
    occurredAt,
    occurredAtText: withoutZoneName(text),
    occurredAtPrecision: precisionOf(parts),
    zoneAssumed: parts.offsetMinutes === null,
    timeUnreadable: false,
  }
}

/**
 * A readable time without what follows it in brackets, such as `[Europe/Paris]`. The offset alone determines the instant,
 * and brackets can hold any text, which must not be published (I9) or distinguish two reports of one fact.
 */
export function withoutZoneName(text: string): string {
  const bracket = text.indexOf('[')
  return bracket === -1 ? text : text.slice(0, bracket)
}

/** The parts of a time as written. The time may not exist. */
interface TimeParts {
  readonly year: number
  readonly month: number
  readonly day: number
  /** Null for a date alone. */
  readonly hour: number | null
  readonly minute: number
  readonly second: number
  /** The digits after the point, or an empty text. */
  readonly fraction: string
  /** East of UTC; null without a zone. */
  readonly offsetMinutes: number | null
}

/** People and programs write a space or a no-break space here, and no other white space. */
const BLANK = '[ \\u00a0\\u202f]'
const ZONE = `(?:${BLANK}?([Zz]|[Uu][Tt][Cc]|[Gg][Mm][Tt]|[+\\u2212-][0-9]{2}(?::?[0-9]{2})?)(?:\\[[A-Za-z0-9_/+:=!.~-]+\\])*)?`
/** Year, month, day, hour, minute, second, fraction, zone. */
const EXTENDED = new RegExp(
  `^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:(?:[Tt]|${BLANK})([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?)?${ZONE})?$`,
)
/** The same parts as {@link EXTENDED}. */
const BASIC = new RegExp(
  `^([0-9]{4})([0-9]{2})([0-9]{2})(?:(?:[Tt]|${BLANK})([0-9]{2})(?:([0-9]{2})(?:([0-9]{2})(?:[.,]([0-9]+))?)?)?${ZONE})?$`,
)
/** The same parts, up to the second. */
const FOURTEEN_DIGITS = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})$/
/** Month, day, year, hour, minute, second, fraction, A or P. */
const US = new RegExp(
  `^([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})${BLANK}([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\\.([0-9]+))?)?(?:${BLANK}?([AaPp])[Mm])?$`,
)

/** Null if the text has none of the formats. A part that is out of range can be NaN. */
function partsOf(text: string): TimeParts | null {
  const iso = EXTENDED.exec(text) ?? BASIC.exec(text) ?? FOURTEEN_DIGITS.exec(text)
  if (iso !== null) {
    const [, year, month, day, hour, minute = 0, second = 0, fraction = '', zone] = iso
    return {
      year: Number(year),
      month: Number(month),
      day: Number(day),
      hour: hour === undefined ? null : Number(hour),
      minute: Number(minute),
      second: Number(second),
      fraction,
      offsetMinutes: zone === undefined ? null : offsetMinutesOf(zone),
    }
  }
  const us = US.exec(text)
  if (us === null) {
    return null
  }
  const [, month, day, year, hour, minute, second = 0, fraction = '', half] = us
  return {
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: half === undefined ? Number(hour) : hourOfTwelve(Number(hour), half),
    minute: Number(minute),
    second: Number(second),
    fraction,
    offsetMinutes: null,
  }
}

/** NaN unless the hour is 1 to 12. */
function hourOfTwelve(hour: number, half: string): number {
  if (hour < 1 || hour > 12) {
    return Number.NaN
  }
  return (hour % 12) + (half.toUpperCase() === 'P' ? 12 : 0)
}

/** NaN if the offset is invalid: more than 23 hours or 59 minutes. */
function offsetMinutesOf(zone: string): number {
  if (/^[A-Za-z]/.test(zone)) {
    return 0
  }
  const hours = Number(zone.slice(1, 3))
  const minutes = zone.length > 3 ? Number(zone.slice(-2)) : 0
  if (hours > 23 || minutes > 59) {
    return Number.NaN
  }
  const size = hours * 60 + minutes
  return zone.startsWith('+') ? size : -size
}

/**
 * Null if the date or time of day does not exist, or if the year is before 1970. 24:00 is the start of the next day. Second
 * 60 is the start of the next minute, in any minute: which minutes have a leap second is not checked.
 */
function instantOf({ year, month, day, hour, minute, second, fraction, offsetMinutes }: TimeParts): number | null {
  const isEndOfDay = hour === 24 && minute === 0 && second === 0 && /^0*$/.test(fraction)
  if (year < 1970 || ((hour ?? 0) > 23 && !isEndOfDay) || minute > 59 || second > 60) {
    return null
  }
  // Date.UTC would carry a day or month that does not exist over into another month.
  if (new Date(Date.UTC(year, month - 1, day)).getUTCMonth() !== month - 1) {
    return null
  }
  const ms = Date.UTC(year, month - 1, day, hour ?? 0, minute, second)
  const instant = ms + Number(fraction.slice(0, 3).padEnd(3, '0')) - (offsetMinutes ?? 0) * 60_000
  return Number.isNaN(instant) ? null : instant
}

function precisionOf({ hour, fraction }: TimeParts): SourceTime['occurredAtPrecision'] {
  if (hour === null) {
    return 'DAY'
  }
  if (fraction === '') {
    return 'SECOND'
  }
  return fraction.length <= 3 ? 'MILLISECOND' : 'SUBMILLISECOND'
}

/**
 * A date in digits, even one that does not exist; then optionally a time of day, AM or PM, and a zone. Names do not match.
 * Card, account and phone numbers do not match either: no part has more digits than in a time, and the whole text has at most
 * {@link CODE_LENGTH_MAX} characters.
 */
const LOOKS_LIKE_TIME = new RegExp(
  '^(?:[0-9]{4}([-/.])[0-9]{1,2}\\1[0-9]{1,2}|[0-9]{1,2}([-/.])[0-9]{1,2}\\2(?:[0-9]{2}|[0-9]{4}))' +
    '(?:(?:T| {1,2})[0-9]{1,2}(?::?[0-9]{1,2}){0,2}(?:[.,][0-9]{0,9})?)?' +
    '(?: {0,2}[AP]\\.?M\\.?)?(?: ?(?:Z|[+\\u2212-][0-9]{1,2}(?::?[0-9]{1,2})?))?$',
  'i',
)
