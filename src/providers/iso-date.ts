import { sourceTimeOf } from './source-time.ts'

/** Whether a text is an existing ISO 8601 date, alone or with a time of day. */
export function isIsoDate(text: string): boolean {
  // Nearly every date stands alone and has a day that every month has.
  if (PLAIN.test(text)) {
    return text >= YEAR_MIN
  }
  const match = DATE.exec(text)
  if (match === null) {
    return false
  }
  const [, year, , month, day, rest] = match
  return rest === '' ? exists(Number(year), Number(month), Number(day)) : sourceTimeOf(text).occurredAt !== null
}

/** Whether a text is .NET's empty date, in the year 1, which means "no date". */
export function isEmptyDate(text: string): boolean {
  return EMPTY_DATE.test(text)
}

const EMPTY_DATE = /^0001-?[0-9]{2}-?[0-9]{2}(?:$|[Tt ])/

const PLAIN = /^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])$/
const YEAR_MIN = '1970'
const DATE = /^([0-9]{4})(-?)([0-9]{2})\2([0-9]{2})($|[Tt ].)/

/** As for times, dates before 1970 are not accepted: no payment has one. */
function exists(year: number, month: number, day: number): boolean {
  return year >= 1970 && month >= 1 && month <= 12 && day >= 1 && (day <= 28 || day <= daysIn(year, month))
}

function daysIn(year: number, month: number): number {
  // The day before the first of the next month.
  return new Date(Date.UTC(year, month, 0)).getUTCDate()
}
