import fc from 'fast-check'

/**
 * Building blocks for bodies that a provider's schema allows, as the facts about it tell: fields absent, null, empty and
 * of every length from the least to the most, lists of no, one and the most elements.
 */

/** Stands in every field that must never be read; found in an event, it is a leak. */
export const UNREAD = 'UNREAD-7f3a'

/** Letters of several scripts, digits and what stands between them. No control character: no document sends one. */
const CHARACTER = fc.constantFrom(...'ABCXYZabcxyz0123456789 .,:;/-_()+?ÄÖéñłØ漢字', "'")
const LONG_TEXT = 'Abc 09-xyz/ÄÖé漢 '.repeat(400)

/** A text of the least length, of the most, or of any in between. It begins with a letter, so that it is not blank. */
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
    // Filled up, so that it ends with a letter and is as long as it may be.
    { weight: 1, arbitrary: fc.constant(`${most}Z`.padEnd(max, 'Z')) },
  )
}

/** A text that nobody reads, and that would be recognised if somebody did. */
export function unread(max: number): fc.Arbitrary<string> {
  return max < UNREAD.length ? fc.constant('') : text(max, { prefix: UNREAD })
}

export const DIGITS = fc.constantFrom(...'0123456789')
export const HEX = fc.constantFrom(...'0123456789abcdef')

export const uuid = fc
  .string({ unit: HEX, minLength: 31, maxLength: 31 })
  // Never all zeros.
  .map((hex) => `a${hex}`.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'))

/** Absent, null, empty, or given: all of them are sent where a field is optional. */
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
 * A list of `least` or one element, of a few, or rarely of the most. Of a long list the elements repeat: that there are
 * many is the point, and the run stays quick.
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

/** A decimal as a text, with at most so many characters. */
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

/** An instant with its zone, in the spellings that the providers' examples show. */
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
