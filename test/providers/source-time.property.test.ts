import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { compareAsRead } from '../../src/payment/event-time.ts'
import { strip } from '../../src/providers/clean-text.ts'
import { sourceTimeOf } from '../../src/providers/source-time.ts'
import { runs } from '../runs.ts'

// A hundred times what it needs, so that a busy machine does not cause a failure.
vi.setConfig({ testTimeout: 120_000 })

const YEAR_2100_MS = Date.UTC(2100, 0, 1)
const DAY_MS = 86_400_000

/** Half of them are round times, where parts can be omitted. */
const instantMs = fc
  .tuple(fc.integer({ min: 2 * DAY_MS, max: YEAR_2100_MS }), fc.constantFrom(1, 1_000, 60_000, 3_600_000, DAY_MS))
  .map(([ms, unit]) => ms - (ms % unit))

const digits = (length: fc.IntegerConstraints) =>
  fc.integer(length).chain((size) => fc.stringMatching(new RegExp(`^[0-9]{${size}}$`)))

interface Spelling {
  readonly offsetMinutes: number
  readonly withMinus: string
  readonly offsetForm: 'hh:mm' | 'hhmm' | 'hh' | 'letter'
  readonly letter: string
  readonly suffix: string
  readonly basic: boolean
  readonly between: string
  readonly point: string
  readonly below: string
  readonly leaveOut: boolean
  readonly lateName: boolean
  readonly around: string
}

const spelling: fc.Arbitrary<Spelling> = fc.record({
  offsetMinutes: fc.integer({ min: -(23 * 60 + 59), max: 23 * 60 + 59 }),
  withMinus: fc.constantFrom('-', '\u2212'),
  offsetForm: fc.constantFrom('hh:mm', 'hhmm', 'hh', 'letter'),
  letter: fc.constantFrom('Z', 'z', 'UTC', 'GMT', ' UTC'),
  suffix: fc.constantFrom('', '[UTC]', '[Europe/Paris]'),
  basic: fc.boolean(),
  between: fc.constantFrom('T', 't', ' '),
  point: fc.constantFrom('.', ','),
  below: digits({ min: 0, max: 12 }),
  leaveOut: fc.boolean(),
  lateName: fc.boolean(),
  around: fc.constantFrom('', ' ', '\u00a0'),
})

/** Formats an instant as RFC 3339 or ISO 8601 allows; `zone` is empty for a time without one. */
function written(ms: number, how: Spelling, zone: { readonly offsetMinutes: number; readonly text: string }): string {
  const { basic, below, point, leaveOut, lateName } = how
  const local = new Date(ms + zone.offsetMinutes * 60_000)
  const fraction = String(local.getUTCMilliseconds()).padStart(3, '0') + below
  const hasFraction = /[1-9]/.test(fraction)
  // The same instant in its other form: second 60 of the previous minute, or 24:00 of the previous day.
  const asLeapSecond = lateName && local.getUTCSeconds() === 0
  const asEndOfDay =
    lateName && !hasFraction && local.getUTCHours() === 0 && local.getUTCMinutes() === 0 && asLeapSecond
  const shown = asEndOfDay
    ? new Date(local.getTime() - DAY_MS)
    : asLeapSecond
      ? new Date(local.getTime() - 60_000)
      : local
  const [date = '', time = ''] = shown.toISOString().split('T')
  const [hour = '', minute = ''] = time.split(':')
  const parts = [asEndOfDay ? '24' : hour, minute, asLeapSecond && !asEndOfDay ? '60' : time.slice(6, 8)]
  while (leaveOut && !hasFraction && parts.length > 1 && parts.at(-1) === '00') {
    parts.pop()
  }
  const clock =
    parts.join(basic ? '' : ':') + (parts.length === 3 && (hasFraction || !leaveOut) ? point + fraction : '')
  return `${how.around}${basic ? date.replaceAll('-', '') : date}${how.between}${clock}${zone.text}${how.around}`
}

function zoneOf({ offsetMinutes, withMinus, offsetForm, letter, suffix }: Spelling) {
  if (offsetForm === 'letter') {
    return { offsetMinutes: 0, text: letter + suffix }
  }
  const whole = offsetForm === 'hh' ? offsetMinutes - (offsetMinutes % 60) : offsetMinutes
  const size = Math.abs(whole)
  const hours = String(Math.floor(size / 60)).padStart(2, '0')
  const minutes = offsetForm === 'hh' ? '' : (offsetForm === 'hh:mm' ? ':' : '') + String(size % 60).padStart(2, '0')
  return { offsetMinutes: whole, text: (whole < 0 ? withMinus : '+') + hours + minutes + suffix }
}

test('every format of an instant that RFC 3339 and ISO 8601 allow gives that instant', () => {
  fc.assert(
    fc.property(instantMs, spelling, (ms, how) => {
      const text = written(ms, how, zoneOf(how))
      expect(sourceTimeOf(text)).toMatchObject({
        occurredAt: ms,
        occurredAtText: text.trim().replace(how.suffix, ''),
        zoneAssumed: false,
        timeUnreadable: false,
      })
    }),
    runs(2_000),
  )
})

test('a time without a zone is read as UTC and marked', () => {
  fc.assert(
    fc.property(instantMs, spelling, (ms, how) => {
      expect(sourceTimeOf(written(ms, how, { offsetMinutes: 0, text: '' }))).toMatchObject({
        occurredAt: ms,
        zoneAssumed: true,
        timeUnreadable: false,
      })
    }),
    runs(1_000),
  )
})

test('two times compare by all their digits, whatever their format and length', () => {
  fc.assert(
    fc.property(instantMs, spelling, spelling, digits({ min: 0, max: 12 }), (ms, one, other, below) => {
      const a = { ...one, below: one.below }
      const b = { ...other, below }
      const [left, right] = [Number(`0.${a.below}0`), Number(`0.${b.below}0`)]
      const compared = compareAsRead(sourceTimeOf(written(ms, a, zoneOf(a))), sourceTimeOf(written(ms, b, zoneOf(b))))
      expect(Math.sign(compared)).toBe(Math.sign(left - right))
    }),
    runs(1_000),
  )
})

test('InstaMed: every format of a local time gives that time', () => {
  const half = fc.constantFrom<(afternoon: boolean) => string>(
    (afternoon) => (afternoon ? ' PM' : ' AM'),
    (afternoon) => (afternoon ? '\u202fpm' : '\u202fam'),
    (afternoon) => (afternoon ? '\u00a0Pm' : '\u00a0Am'),
    (afternoon) => (afternoon ? 'PM' : 'AM'),
  )
  fc.assert(
    fc.property(
      instantMs,
      fc.option(half),
      fc.boolean(),
      fc.boolean(),
      digits({ min: 0, max: 4 }),
      (ms, name, padded, short, below) => {
        const at = new Date(ms)
        const pad = (n: number) => String(n).padStart(padded ? 2 : 1, '0')
        const two = (n: number) => String(n).padStart(2, '0')
        const hours = at.getUTCHours()
        const fraction = String(at.getUTCMilliseconds()).padStart(3, '0') + below
        const isRound = at.getUTCSeconds() === 0 && !/[1-9]/.test(fraction)
        const seconds = short && isRound ? '' : `:${two(at.getUTCSeconds())}.${fraction}`
        const clock = `${pad(name === null ? hours : hours % 12 || 12)}:${two(at.getUTCMinutes())}${seconds}`
        const text = `${pad(at.getUTCMonth() + 1)}/${pad(at.getUTCDate())}/${at.getUTCFullYear()} ${clock}${name?.(hours >= 12) ?? ''}`
        expect(sourceTimeOf(text)).toMatchObject({ occurredAt: ms, zoneAssumed: true, timeUnreadable: false })
      },
    ),
    runs(1_000),
  )
})

test('any text is exactly one of readable, not given and unreadable, and never an error', () => {
  const nearly = fc.tuple(instantMs, spelling, fc.nat(40), fc.string({ maxLength: 3 })).map(([ms, how, at, put]) => {
    const text = written(ms, how, zoneOf(how))
    return text.slice(0, at) + put + text.slice(at + put.length)
  })
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ maxLength: 80 }), fc.string({ unit: 'binary', maxLength: 80 }), nearly),
      (text) => {
        const { occurredAt, occurredAtText, occurredAtPrecision, zoneAssumed, timeUnreadable } = sourceTimeOf(text)
        expect(occurredAt === null).toBe(occurredAtPrecision === 'NONE')
        expect(occurredAt !== null && timeUnreadable).toBe(false)
        expect(occurredAt === null && zoneAssumed).toBe(false)
        expect((occurredAtText ?? '').length).toBeLessThanOrEqual(64)
        expect(timeUnreadable || occurredAt !== null || strip(text) === '' || /0001/.test(text)).toBe(true)
      },
    ),
    runs(2_000),
  )
})
