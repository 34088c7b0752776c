import { compareTexts } from './compare-texts.ts'
import type { PaymentEvent } from './payment-event.ts'

/** The fields of an event that the fold needs to compare times. */
export type EventTime = Pick<
  PaymentEvent,
  'occurredAt' | 'occurredAtText' | 'occurredAtPrecision' | 'zoneAssumed' | 'timeUnreadable'
>

/** Range of time zones, hours from UTC: UTC-12 to UTC+14. */
export const ZONE_HOURS_BEHIND_MAX = 12
export const ZONE_HOURS_AHEAD_MAX = 14

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * Orders events by their times as read, to the last digit, also below a millisecond. An untimed event is older than every
 * timed one. A time without a zone is read as UTC, a date as the start of its day.
 *
 * Use it where any fixed order will do. To release or undo something, use {@link isCertainlyLater}.
 */
export function compareAsRead(a: EventTime, b: EventTime): number {
  if (a.occurredAt === null || b.occurredAt === null) {
    return Number(a.occurredAt !== null) - Number(b.occurredAt !== null)
  }
  return a.occurredAt - b.occurredAt || compareBelowMillisecond(a, b)
}

/**
 * Whether `a` is later than `b` in every zone that a time without one could have, and at every moment of a date's day.
 * False if either has no time. Two times without a zone are in the same zone.
 */
export function isCertainlyLater(a: EventTime, b: EventTime): boolean {
  if (a.occurredAt === null || b.occurredAt === null) {
    return false
  }
  const apart = earliestMs(a, a.occurredAt, b) - latestMs(b, b.occurredAt, a)
  // The end of a day is exclusive, so an event at exactly that moment is later.
  return apart > 0 || (apart === 0 && (isDate(b) || compareBelowMillisecond(a, b) > 0))
}

/** Whether `a` is later than `b` in some zone that a time without one could have, or at some moment of a date's day. */
export function isPossiblyLater(a: EventTime, b: EventTime): boolean {
  if (a.occurredAt === null || b.occurredAt === null) {
    return false
  }
  const apart = latestMs(a, a.occurredAt, b) - earliestMs(b, b.occurredAt, a)
  return apart > 0 || (apart === 0 && !isDate(a) && compareBelowMillisecond(a, b) > 0)
}

/**
 * Whether it is certain which of two events is later, or that neither is. Untimed events are always comparable: by
 * definition they are older than all others. Two events of one date are not. The order of comparable events is that of
 * {@link compareAsRead}.
 */
export function areComparable(a: EventTime, b: EventTime): boolean {
  return (
    a.occurredAt === null ||
    b.occurredAt === null ||
    (a.zoneAssumed === b.zoneAssumed && !isDate(a) && !isDate(b)) ||
    isCertainlyLater(a, b) ||
    isCertainlyLater(b, a)
  )
}

/**
 * How a time was given. Within a class, the order as read is consistent: the later of two events is later than everything
 * the earlier one is later than. So of many events of a class, only the first and the last matter to any comparison.
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

/** The earliest moment `time` can stand for, compared with `other`: two times without a zone share one. */
function earliestMs(time: EventTime, occurredAt: number, other: EventTime): number {
  return time.zoneAssumed && !other.zoneAssumed ? occurredAt - ZONE_HOURS_AHEAD_MAX * HOUR_MS : occurredAt
}

function latestMs(time: EventTime, occurredAt: number, other: EventTime): number {
  const day = isDate(time) ? DAY_MS : 0
  const zone = time.zoneAssumed && !other.zoneAssumed ? ZONE_HOURS_BEHIND_MAX * HOUR_MS : 0
  return occurredAt + day + zone
}

/** A date stands for its whole day. */
function isDate(time: EventTime): boolean {
  return time.occurredAtPrecision === 'DAY'
}

/** For equal milliseconds. Only times of this precision have more digits, so texts are rarely compared. */
function compareBelowMillisecond(a: EventTime, b: EventTime): number {
  if (a.occurredAtPrecision !== 'SUBMILLISECOND' && b.occurredAtPrecision !== 'SUBMILLISECOND') {
    return 0
  }
  return compareTexts(digitsBelowMillisecond(a), digitsBelowMillisecond(b))
}

const FRACTION_BELOW_MILLISECOND = /[.,][0-9]{3}([0-9]*[1-9])/

/** Without trailing zeros, so that equal fractions are equal texts and texts sort like the fractions. */
function digitsBelowMillisecond({ occurredAtPrecision, occurredAtText }: EventTime): string {
  if (occurredAtPrecision !== 'SUBMILLISECOND' || occurredAtText === null) {
    return ''
  }
  return FRACTION_BELOW_MILLISECOND.exec(occurredAtText)?.[1] ?? ''
}
