import { CODE_LENGTH_MAX, type PaymentEvent } from '../payment/payment-event.ts'
import { isBlank, isCleanText } from './clean-text.ts'

/** The provider's own time of a status, as an event carries it. */
export type SourceTime = Pick<
  PaymentEvent,
  'occurredAt' | 'occurredAtText' | 'occurredAtPrecision' | 'zoneAssumed' | 'timeUnreadable'
>

/** The element gives no time. */
export const UNTIMED: SourceTime = {
  occurredAt: null,
  occurredAtText: null,
  occurredAtPrecision: 'NONE',
  zoneAssumed: false,
  timeUnreadable: false,
}

/**
 * Reads the time formats that the providers use, and no other:
 *
 * | format                                         | example                        | who                             |
 * |------------------------------------------------|--------------------------------|---------------------------------|
 * | ISO 8601, 0 to 9 fraction digits, Z or offset   | `2025-12-12T16:22:16.205+00:00` | J.P. Morgan v1 and v2           |
 * | the same without a zone                         | `2023-06-13T00:00:12.145`       | J.P. Morgan v1                  |
 * | ISO 8601 with 7 fraction digits                 | `2016-04-27T19:17:05.2770143Z`  | InstaMed name-value pairs       |
 * | a date alone                                    | `2025-12-12`                    |                                 |
 * | month/day/year, 12 hours                        | `12/14/2017 11:58:06 PM`        | InstaMed webhook                |
 * | CCYYMMDDHHMMSS                                  | `20171214235806`                | InstaMed files                  |
 *
 * Without a zone the time is read as UTC and marked. Below a millisecond it is cut, and the precision says so. Anything
 * else, and any date that does not exist or lies before 1970 (.NET's empty date is the year 1), is untimed; its text is
 * kept if it is short enough to be published.
 */
export function sourceTimeOf(text: string): SourceTime {
  return (
    fromIso(text) ??
    fromUsTwelveHours(text) ??
    fromDigits(text) ?? { ...UNTIMED, occurredAtText: publishable(text) ? text : null }
  )
}

const ISO =
  /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,9}))?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?$/
const US_TWELVE_HOURS = /^([0-9]{1,2})\/([0-9]{1,2})\/([0-9]{4}) ([0-9]{1,2}):([0-9]{2}):([0-9]{2}) ([AP])M$/
const DIGITS = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})$/

function fromIso(text: string): SourceTime | null {
  const match = ISO.exec(text)
  if (match === null) {
    return null
  }
  const fraction = match[7] ?? ''
  const zone = match[8]
  const offsetMinutes = zone === undefined ? 0 : offsetMinutesOf(zone)
  const local = utcMs(
    Number(match[1]),
    Number(match[2]),
    Number(match[3]),
    Number(match[4] ?? 0),
    Number(match[5] ?? 0),
    Number(match[6] ?? 0),
  )
  if (local === null || offsetMinutes === null) {
    return null
  }
  return {
    occurredAt: local + Number(fraction.slice(0, 3).padEnd(3, '0')) - offsetMinutes * 60_000,
    occurredAtText: text,
    occurredAtPrecision: match[4] === undefined ? 'DAY' : precisionOf(fraction),
    zoneAssumed: zone === undefined,
    timeUnreadable: false,
  }
}

function fromUsTwelveHours(text: string): SourceTime | null {
  const match = US_TWELVE_HOURS.exec(text)
  if (match === null) {
    return null
  }
  const hour = Number(match[4])
  if (hour < 1 || hour > 12) {
    return null
  }
  const afternoon = match[7] === 'P' ? 12 : 0
  const occurredAt = utcMs(
    Number(match[3]),
    Number(match[1]),
    Number(match[2]),
    (hour % 12) + afternoon,
    Number(match[5]),
    Number(match[6]),
  )
  return occurredAt === null ? null : secondsWithoutZone(occurredAt, text)
}

function fromDigits(text: string): SourceTime | null {
  const match = DIGITS.exec(text)
  if (match === null) {
    return null
  }
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number)
  const occurredAt = utcMs(year ?? 0, month ?? 0, day ?? 0, hour ?? 0, minute ?? 0, second ?? 0)
  return occurredAt === null ? null : secondsWithoutZone(occurredAt, text)
}

function secondsWithoutZone(occurredAt: number, text: string): SourceTime {
  return { occurredAt, occurredAtText: text, occurredAtPrecision: 'SECOND', zoneAssumed: true, timeUnreadable: false }
}

function precisionOf(fraction: string): SourceTime['occurredAtPrecision'] {
  if (fraction === '') {
    return 'SECOND'
  }
  return fraction.length <= 3 ? 'MILLISECOND' : 'SUBMILLISECOND'
}

/** Null if the offset is not one: more than 23 hours or 59 minutes. */
function offsetMinutesOf(zone: string): number | null {
  if (zone === 'Z') {
    return 0
  }
  const hours = Number(zone.slice(1, 3))
  const minutes = zone.length > 3 ? Number(zone.slice(-2)) : 0
  if (hours > 23 || minutes > 59) {
    return null
  }
  const size = hours * 60 + minutes
  return zone.startsWith('-') ? -size : size
}

/** Null if there is no such date or time of day. */
function utcMs(year: number, month: number, day: number, hour: number, minute: number, second: number): number | null {
  if (year < 1970 || hour > 23 || minute > 59 || second > 59) {
    return null
  }
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  // A day or month that does not exist is carried over into another month.
  return new Date(ms).getUTCMonth() === month - 1 ? ms : null
}

function publishable(text: string): boolean {
  return text.length <= CODE_LENGTH_MAX && isCleanText(text) && !isBlank(text)
}
