import fc from 'fast-check'

/**
 * Building blocks for bodies that a provider's schema allows: fields absent, null, empty and of every length from minimum
 * to maximum, lists with no elements, one, and the maximum.
 */

/** Content of every field that must never be read. In an event, it is a leak. */
export const UNREAD = 'UNREAD-7f3a'

/** Letters of several scripts, digits and punctuation. No control characters: no documented value has one. */
const CHARACTER = fc.constantFrom(...'ABCXYZabcxyz0123456789 .,:;/-_()+?ÄÖéñłØ漢字', "'")
const LONG_TEXT = 'Abc 09-xyz/ÄÖé漢 '.repeat(400)

/** A text of minimum, maximum or any other length. It starts with a letter, so that it is not blank. */
export function text(max: number, { prefix = 'T' } = {}): fc.Arbitrary<string> {
  const most = `${prefix}${LONG_TEXT}`.slice(0, max - 1)
  return fc.oneof(
    {
      weight: 4,
      arbitrary: fc
        .string({ unit: CHARACTER, maxLength: Math.min(20, max - prefix.length) })
        .map((rest) => prefix + rest),
    },
    { weight: 1, arbitrary: fc.constant(prefix.slice(0, max)) },
    // Padded, so that it ends with a letter and has the maximum length.
    { weight: 1, arbitrary: fc.constant(`${most}Z`.padEnd(max, 'Z')) },
  )
}

/** A text that is never read and would be recognized if it were. */
export function unread(max: number): fc.Arbitrary<string> {
  return max < UNREAD.length ? fc.constant('') : text(max, { prefix: UNREAD })
}

export const DIGITS = fc.constantFrom(...'0123456789')
export const HEX = fc.constantFrom(...'0123456789abcdef')

export const uuid = fc
  .string({ unit: HEX, minLength: 31, maxLength: 31 })
  // Never all zeros.
  .map((hex) => `a${hex}`.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'))

/** Absent, null, empty, or given: an optional field can be sent in any of these ways. */
export function optional<T>(given: fc.Arbitrary<T>): fc.Arbitrary<T | '' | null | undefined> {
  return fc.oneof(
    { weight: 5, arbitrary: given as fc.Arbitrary<T | '' | null | undefined> },
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constant('' as const) },
  )
}

/** The same for an object or a list, which is never an empty text. */
export function optionalObject<T>(given: fc.Arbitrary<T>): fc.Arbitrary<T | null | undefined> {
  return fc.oneof(
    { weight: 4, arbitrary: given as fc.Arbitrary<T | null | undefined> },
    { weight: 3, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.constant(null) },
  )
}

/**
 * A list of `least` elements or one, of a few, or rarely of `most`. The elements of a long list repeat: only their number
 * matters, and the run stays fast.
 */
export function list<T>(element: fc.Arbitrary<T>, least: number, most: number): fc.Arbitrary<T[]> {
  return fc.oneof(
    { weight: 60, arbitrary: fc.array(element, { minLength: Math.max(least, 1), maxLength: Math.min(3, most) }) },
    { weight: 6, arbitrary: fc.array(element, { minLength: least, maxLength: Math.max(least, 1) }) },
    {
      weight: 1,
      arbitrary: fc
        .array(element, { minLength: 3, maxLength: 3 })
        .map((some) => Array.from({ length: most }, (_, index) => some[index % some.length] as T)),
    },
  )
}

/** A decimal as a text of at most `max` characters. */
export function decimal(max: number): fc.Arbitrary<string> {
  return fc.oneof(
    fc.tuple(fc.nat(99_999), fc.nat(99)).map(([whole, cents]) => `${whole}.${String(cents).padStart(2, '0')}`),
    fc.constantFrom('0', '1', '0.00', '1.0000000000000000'),
    fc.constant('9'.repeat(max)),
    fc.constant(`1.${'0'.repeat(max - 3)}1`),
  )
}

const time = fc.date({ min: new Date('1970-01-02'), max: new Date('2099-12-31'), noInvalidDate: true })

export const isoDate = time.map((date) => date.toISOString().slice(0, 10))

/** An instant with its zone, in the formats of the providers' examples. */
export const isoTime = fc.tuple(time, fc.nat(3)).map(([date, spelling]) => {
  const iso = date.toISOString()
  return [iso, iso.replace('Z', '+00:00'), `${iso.slice(0, 19)}Z`, iso.replace('Z', '770Z')][spelling] as string
})

export const zoneLessTime = isoTime.map((iso) => iso.slice(0, 19))

/** `12/14/2017 11:58:06 PM` */
export const usTime = time.map((date) => {
  const two = (value: number) => String(value).padStart(2, '0')
  const hour = date.getUTCHours()
  const day = `${two(date.getUTCMonth() + 1)}/${two(date.getUTCDate())}/${date.getUTCFullYear()}`
  const clock = `${two(hour % 12 === 0 ? 12 : hour % 12)}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`
  return `${day} ${clock} ${hour < 12 ? 'AM' : 'PM'}`
})

export const fileTime = time.map((date) => date.toISOString().slice(0, 19).replace(/[-:T]/g, ''))
