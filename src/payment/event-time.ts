import type { PaymentEvent } from './payment-event.ts'

/** The provider's time of an event, as far as the fold compares it. */
export type EventTime = Pick<
  PaymentEvent,
  'occurredAt' | 'occurredAtText' | 'occurredAtPrecision' | 'zoneAssumed' | 'timeUnreadable'
>

/** How far from UTC a zone can be, hours: from UTC-12 to UTC+14. */
export const ZONE_HOURS_BEHIND_MAX = 12
export const ZONE_HOURS_AHEAD_MAX = 14

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * Orders events by their times as they were read: exactly as far as the digits go, also below a millisecond. An untimed
 * event is older than every timed one. A time without a zone counts as UTC, and a date as the beginning of its day.
 *
 * That is good enough where any fixed order will do. What releases or undoes something asks {@link isCertainlyLater}.
 */
export function compareAsRead(a: EventTime, b: EventTime): number {
  if (a.occurredAt === null || b.occurredAt === null) {
    return Number(a.occurredAt !== null) - Number(b.occurredAt !== null)
  }
  return a.occurredAt - b.occurredAt || compareBelowMillisecond(a, b)
}

/**
 * Whether `a` is later than `b`, whatever zone a time without one is of, and whatever moment of its day a date is.
 * False if either has no time. Two times without a zone are of the same zone.
 */
export function isCertainlyLater(a: EventTime, b: EventTime): boolean {
  if (a.occurredAt === null || b.occurredAt === null) {
    return false
  }
  const apart = earliestMs(a, a.occurredAt, b) - latestMs(b, b.occurredAt, a)
  // The last moment of a day is not a part of it, therefore what is at that moment is later.
  return apart > 0 || (apart === 0 && (standsForDay(b, a) || compareBelowMillisecond(a, b) > 0))
}

/** Whether `a` is later than `b` in some zone that a time without one may be of, or at some moment of a date's day. */
export function isPossiblyLater(a: EventTime, b: EventTime): boolean {
  if (a.occurredAt === null || b.occurredAt === null) {
    return false
  }
  const apart = latestMs(a, a.occurredAt, b) - earliestMs(b, b.occurredAt, a)
  return apart > 0 || (apart === 0 && !standsForDay(a, b) && compareBelowMillisecond(a, b) > 0)
}

/**
 * Whether it is known which of two events is the later one, or that neither is. Untimed events always are comparable: they
 * are older than all others by agreement. Where two events are comparable, {@link compareAsRead} says how.
 */
export function areComparable(a: EventTime, b: EventTime): boolean {
  return (
    a.occurredAt === null ||
    b.occurredAt === null ||
    (a.zoneAssumed === b.zoneAssumed && isDate(a) === isDate(b)) ||
    isCertainlyLater(a, b) ||
    isCertainlyLater(b, a)
  )
}

/**
 * How a time was given. Of two events of one class the later one as read is later than everything that the earlier one is
 * later than; so of many events of a class only the two ends matter to any comparison.
 */
export function timeClassOf(time: EventTime): 'untimed' | 'zoned' | 'without-zone' | 'date' {
  if (time.occurredAt === null) {
    return 'untimed'
  }
  if (!time.zoneAssumed) {
    return 'zoned'
  }
  return isDate(time) ? 'date' : 'without-zone'
}

/** The earliest moment that `time` can be, seen from `other`: two times without a zone move together. */
function earliestMs(time: EventTime, occurredAt: number, other: EventTime): number {
  return time.zoneAssumed && !other.zoneAssumed ? occurredAt - ZONE_HOURS_AHEAD_MAX * HOUR_MS : occurredAt
}

function latestMs(time: EventTime, occurredAt: number, other: EventTime): number {
  const day = standsForDay(time, other) ? DAY_MS : 0
  const zone = time.zoneAssumed && !other.zoneAssumed ? ZONE_HOURS_BEHIND_MAX * HOUR_MS : 0
  return occurredAt + day + zone
}

/** A date beside a time of day is all moments of its day; beside another date it is just that date. */
function standsForDay(time: EventTime, other: EventTime): boolean {
  return isDate(time) && !isDate(other)
}

function isDate(time: EventTime): boolean {
  return time.occurredAtPrecision === 'DAY'
}

/** For equal milliseconds. Only times of that precision have such digits, so nearly no text is ever looked at. */
function compareBelowMillisecond(a: EventTime, b: EventTime): number {
  if (a.occurredAtPrecision !== 'SUBMILLISECOND' && b.occurredAtPrecision !== 'SUBMILLISECOND') {
    return 0
  }
  const [left, right] = [digitsBelowMillisecond(a), digitsBelowMillisecond(b)]
  return left < right ? -1 : left > right ? 1 : 0
}

const FRACTION_BELOW_MILLISECOND = /[.,][0-9]{3}([0-9]*[1-9])/

/** Without zeros at the end, so that equal digits are equal texts, and texts order as the digits do. */
function digitsBelowMillisecond({ occurredAtPrecision, occurredAtText }: EventTime): string {
  if (occurredAtPrecision !== 'SUBMILLISECOND' || occurredAtText === null) {
    return ''
  }
  return FRACTION_BELOW_MILLISECOND.exec(occurredAtText)?.[1] ?? ''
}
