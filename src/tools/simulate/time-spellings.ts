import type { Random } from './random.ts'

/** Writes the time of a step; `undefined` leaves the field out. */
export type TimeSpelling = (timeMs: number, random: Random) => unknown

export const SECOND_MS = 1_000
export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000

/** `2026-01-05T08:00:00.000Z` */
export function zoned(timeMs: number): string {
  return new Date(timeMs).toISOString()
}

/** `2026-01-05T08:00:00.000`: read as UTC, known to within a day. */
export function zoneLess(timeMs: number): string {
  return zoned(timeMs).slice(0, -1)
}

/** `2026-01-05`: means the whole day, without a zone. */
export function dateAlone(timeMs: number): string {
  return zoned(timeMs).slice(0, 10)
}

/** With digits below the millisecond: `belowMs('0143')` writes `2026-01-05T08:00:00.0000143Z`. */
export function belowMs(digits: string): TimeSpelling {
  return (timeMs) => zoned(timeMs).replace('Z', `${digits}Z`)
}

export const notGiven: TimeSpelling = () => undefined

/** .NET's value of a date that was never set: the same as no date. */
export const emptyDate: TimeSpelling = (_timeMs, random) =>
  random.pick(['0001-01-01T00:00:00', '0001-01-01T00:00:00Z', '0001-01-01T00:00:00.0000000'])

/** Present but not a readable time. */
export const unreadable: TimeSpelling = (timeMs, random) =>
  random.pick<unknown>([
    'yesterday',
    '2026-02-30T08:00:00Z',
    '2026-13-05T08:00:00Z',
    '2026-01-05T25:00:00Z',
    '1899-12-30T00:00:00Z',
    '2026-01-05T08:00:00+99:00',
    `${zoned(timeMs).slice(0, -1)}${'0'.repeat(64)}Z`,
    timeMs,
    [zoned(timeMs)],
  ])

interface Spelling {
  /** It can write only multiples of this time, ms. */
  readonly wholeMs: number
  readonly write: (timeMs: number) => string
}

const inZone = (timeMs: number, offsetMinutes: number) => zoneLess(timeMs + offsetMinutes * MINUTE_MS)

/** RFC 3339 and ISO 8601, as written by clients in many languages. Each gives the exact instant, with its zone. */
const ISO_SPELLINGS: readonly Spelling[] = [
  { wholeMs: 1, write: (timeMs) => zoned(timeMs).toLowerCase() },
  { wholeMs: 1, write: (timeMs) => zoned(timeMs).replace('T', ' ') },
  { wholeMs: 1, write: (timeMs) => zoned(timeMs).replace('.', ',') },
  { wholeMs: 1, write: (timeMs) => zoned(timeMs).replace('Z', '000000Z') },
  { wholeMs: 1, write: (timeMs) => zoned(timeMs).replace('Z', `${'0'.repeat(24)}Z`) },
  { wholeMs: 1, write: (timeMs) => ` \t${zoned(timeMs)} ` },
  { wholeMs: 1, write: (timeMs) => zoned(timeMs).replace('Z', 'UTC') },
  { wholeMs: 1, write: (timeMs) => zoned(timeMs).replace('Z', 'GMT') },
  { wholeMs: 1, write: (timeMs) => `${zoned(timeMs)}[UTC]` },
  { wholeMs: 1, write: (timeMs) => `${inZone(timeMs, 60)}+01:00[Europe/Paris]` },
  { wholeMs: 1, write: (timeMs) => `${inZone(timeMs, 120)}+02` },
  { wholeMs: 1, write: (timeMs) => `${inZone(timeMs, 330)}+0530` },
  { wholeMs: 1, write: (timeMs) => `${inZone(timeMs, -300)}\u221205:00` },
  { wholeMs: SECOND_MS, write: (timeMs) => `${zoned(timeMs).slice(0, 19).replace(/[-:]/g, '')}Z` },
  // Java omits zero parts.
  { wholeMs: MINUTE_MS, write: (timeMs) => `${zoned(timeMs).slice(0, 16)}Z` },
  { wholeMs: MINUTE_MS, write: (timeMs) => `${inZone(timeMs, -240).slice(0, 16)}-04:00[America/New_York]` },
  { wholeMs: MINUTE_MS, write: (timeMs) => `${zoned(timeMs - MINUTE_MS).slice(0, 16)}:60Z` },
  { wholeMs: HOUR_MS, write: (timeMs) => `${zoned(timeMs).slice(0, 13)}Z` },
  { wholeMs: DAY_MS, write: (timeMs) => `${dateAlone(timeMs - DAY_MS)}T24:00:00Z` },
  { wholeMs: DAY_MS, write: (timeMs) => `${dateAlone(timeMs - DAY_MS)}T24:00Z` },
]

const two = (value: number) => String(value).padStart(2, '0')

/** `12/14/2017 11:58:06 PM`: US order, twelve hours, whole seconds, no zone (read as UTC). */
export function instamedTime(timeMs: number): string {
  return usTime(timeMs, { padded: true, seconds: true, before: ' ', half: (name) => name })
}

function usTime(
  timeMs: number,
  how: {
    readonly padded: boolean
    readonly seconds: boolean
    readonly before: string
    readonly half: (name: 'AM' | 'PM') => string
  },
): string {
  const time = new Date(timeMs)
  const number = how.padded ? two : String
  const hour = time.getUTCHours()
  const date = `${number(time.getUTCMonth() + 1)}/${number(time.getUTCDate())}/${time.getUTCFullYear()}`
  const seconds = how.seconds ? `:${two(time.getUTCSeconds())}` : ''
  const clock = `${number(hour % 12 === 0 ? 12 : hour % 12)}:${two(time.getUTCMinutes())}${seconds}`
  return `${date} ${clock}${how.before}${how.half(hour < 12 ? 'AM' : 'PM')}`
}

/** InstaMed's own format, and variants of other cultures and newer runtimes; all without a zone. */
const US_SPELLINGS: readonly Spelling[] = [
  ...[' ', '\u00a0', '\u202f', ''].map((before) => ({
    wholeMs: SECOND_MS,
    write: (timeMs: number) => usTime(timeMs, { padded: false, seconds: true, before, half: (name) => name }),
  })),
  {
    wholeMs: SECOND_MS,
    write: (timeMs) => usTime(timeMs, { padded: true, seconds: true, before: ' ', half: (name) => name.toLowerCase() }),
  },
  {
    wholeMs: MINUTE_MS,
    write: (timeMs) => usTime(timeMs, { padded: false, seconds: false, before: '\u202f', half: (name) => name }),
  },
  { wholeMs: SECOND_MS, write: (timeMs) => instamedTime(timeMs).replace(/(:\d\d) /, '$1.000 ') },
  {
    wholeMs: SECOND_MS,
    write: (timeMs) => {
      const [year, month, day] = dateAlone(timeMs).split('-').map(Number)
      return `${month}/${day}/${year} ${zoned(timeMs).slice(11, 19)}`
    },
  },
  { wholeMs: SECOND_MS, write: (timeMs) => zoned(timeMs).slice(0, 19).replace(/[-:T]/g, '') },
]

function anyOf(spellings: readonly Spelling[]): TimeSpelling {
  return (timeMs, random) => random.pick(spellings.filter(({ wholeMs }) => timeMs % wholeMs === 0)).write(timeMs)
}

/** Any way to write an instant with its zone. */
export const isoAnyhow = anyOf(ISO_SPELLINGS)
/** Any spelling of InstaMed's times, without a zone. */
export const instamedAnyhow = anyOf(US_SPELLINGS)
