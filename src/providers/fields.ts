import { CODE_LENGTH_MAX, ID_LENGTH_MAX, UNREADABLE_MAX } from '../payment/payment-event.ts'
import { isAscii, isBlank, isCleanText, strip } from './clean-text.ts'
import type { DriftNotes, KnownNames } from './drift.ts'
import { isEmptyDate, isIsoDate } from './iso-date.ts'
import { isJsonObject, type JsonObject } from './json-object.ts'
import { isPlaceholder } from './placeholder.ts'
import type { DeadLetterReason } from './provider.ts'
import type { NumberTexts } from './read-json.ts'
import { type SourceTime, sourceTimeOf, UNTIMED, withoutZoneName } from './source-time.ts'

/** Why an element cannot become an event: a deciding field that cannot be read. */
export interface FieldProblem {
  readonly reason: Extract<DeadLetterReason, 'invalid-field' | 'invalid-utf8'>
  /** The field's name. */
  readonly field: string
  /** What is wrong, worded to follow the field's name. Never contains a value. */
  readonly what: string
}

/** Stands in for a text whose percent-encoding is broken. */
export const BROKEN_ENCODING: unique symbol = Symbol('broken percent-encoding')

/** For a body in which the characters of no field, or of every field, are a guess. A form records this per field. */
export const NOTHING_GUESSED: KnownNames = { has: () => false }
export const ALL_GUESSED: KnownNames = { has: () => true }

/**
 * Reads the fields of one element and records those that were given but cannot be read.
 *
 * Texts are stripped. Absent, `null`, blank and, for an id, a placeholder all mean "not given" and are read as null. A field
 * cannot be read if it has the wrong type, is too long, contains a control character or a lone surrogate, or has a
 * character outside ASCII in an unknown character set. Nothing is truncated or repaired.
 *
 * - Deciding fields (`decidingId`, `decidingCode`): the first one that cannot be read becomes `problem`, and the element a
 *   dead letter. The caller must check `problem` before it publishes an event.
 * - Any other field is left out and named in `unreadable`: a detail never costs the status.
 *
 * `label` is the name shown for a nested field: its path.
 */
export class FieldReader {
  problem: FieldProblem | null = null
  readonly #drift: DriftNotes
  readonly #guessed: KnownNames
  #unreadable: string[] | null = null

  /** `guessed` contains the fields whose characters outside ASCII are a guess. */
  constructor(drift: DriftNotes, guessed: KnownNames) {
    this.#drift = drift
    this.#guessed = guessed
  }

  /**
   * The details that were given but cannot be read: each once, sorted, at most {@link UNREADABLE_MAX}. Of more, nested ones
   * are left out: all that can change the meaning of the element are in it or in its envelope, so that two events with
   * different meanings have different ids.
   */
  get unreadable(): readonly string[] {
    if (this.#unreadable === null) {
      return NO_NAMES
    }
    const names = [...new Set(this.#unreadable)].sort()
    return names.length <= UNREADABLE_MAX
      ? names
      : names
          .toSorted((a, b) => Number(a.includes('.')) - Number(b.includes('.')))
          .slice(0, UNREADABLE_MAX)
          .sort()
  }

  isUnreadable(label: string): boolean {
    return this.#unreadable?.includes(label) ?? false
  }

  /** The id of the payment, at most {@link ID_LENGTH_MAX} characters. */
  decidingId(object: JsonObject, name: string): string | null {
    return withoutPlaceholder(this.#text(object, name, name, ID_LENGTH_MAX, true))
  }

  /** The status, at most {@link CODE_LENGTH_MAX} characters. */
  decidingCode(object: JsonObject, name: string): string | null {
    return this.#text(object, name, name, CODE_LENGTH_MAX, true)
  }

  /** Another identifier, at most {@link ID_LENGTH_MAX} characters. */
  id(object: JsonObject | null, name: string, label = name): string | null {
    return withoutPlaceholder(this.#text(object, name, label, ID_LENGTH_MAX, false))
  }

  /** A code or another short text, at most `lengthMax` characters. */
  code(object: JsonObject | null, name: string, label = name, lengthMax = CODE_LENGTH_MAX): string | null {
    return this.#text(object, name, label, lengthMax, false)
  }

  /** A currency code: three letters, returned in upper case. Whether the currency exists is not checked. */
  currency(object: JsonObject | null, name: string, label: string): string | null {
    const text = this.code(object, name, label)
    if (text === null) {
      return null
    }
    return CURRENCY.test(text) ? text.toUpperCase() : this.leaveOut(label)
  }

  /** An ISO 8601 date, with or without a time of day. .NET's empty date means "not given". */
  date(object: JsonObject, name: string): string | null {
    const text = this.code(object, name)
    if (text === null || isEmptyDate(text)) {
      return null
    }
    return isIsoDate(text) ? withoutZoneName(text) : this.leaveOut(name)
  }

  /** A nested object. */
  object(object: JsonObject | null, name: string, label = name): JsonObject | null {
    const value = object?.[name]
    if (isJsonObject(value)) {
      return value
    }
    return isGiven(value) ? this.leaveOut(label) : null
  }

  /**
   * A decimal as the provider wrote it. The digits of a JSON number are taken from the text of the body; `path` leads from
   * the root of the body to `object`.
   */
  decimal(
    object: JsonObject | null,
    name: string,
    label: string,
    json: NumberTexts | null,
    path: readonly (string | number)[],
  ): string | null {
    const value = object?.[name]
    if (!isGiven(value)) {
      return null
    }
    let decimal: string | null = null
    if (typeof value === 'string') {
      decimal = strip(value)
    } else if (typeof value === 'number') {
      const digits = json?.numberTextAt([...path, name]) ?? null
      decimal = digits === null ? null : withoutExponent(digits)
    }
    return decimal !== null && decimal.length <= CODE_LENGTH_MAX && DECIMAL.test(decimal)
      ? decimal
      : this.leaveOut(label)
  }

  /**
   * A time of the provider. If it was given but cannot be read, the event is untimed and has its own marker
   * (`timeUnreadable`), and drift is noted: the format may be new.
   */
  time(object: JsonObject, name: string): SourceTime {
    const value = object[name]
    const text = typeof value === 'string' ? strip(value) : value
    if (text === undefined || text === null || text === '') {
      return UNTIMED
    }
    const time = typeof text === 'string' && !this.#isGuess(name, text) ? sourceTimeOf(text) : TIME_UNREADABLE
    if (time.timeUnreadable) {
      this.#drift.name('time', name)
    }
    return time
  }

  /** Marks a detail as unreadable. */
  leaveOut(label: string): null {
    this.#unreadable ??= []
    this.#unreadable.push(label)
    return null
  }

  #text(object: JsonObject | null, name: string, label: string, lengthMax: number, decides: boolean): string | null {
    const value = object?.[name]
    if (value === undefined || value === null) {
      return null
    }
    if (typeof value !== 'string') {
      const what = value === BROKEN_ENCODING ? 'has a broken percent-encoding' : 'is not a text'
      return this.#fail(decides, label, 'invalid-field', what)
    }
    const text = strip(value)
    if (text === '') {
      return null
    }
    if (text.length > lengthMax) {
      return this.#fail(decides, label, 'invalid-field', `is longer than ${lengthMax} characters`)
    }
    if (this.#isGuess(name, text)) {
      return this.#fail(decides, label, 'invalid-utf8', UNKNOWN_CHARSET)
    }
    return isCleanText(text)
      ? text
      : this.#fail(decides, label, 'invalid-field', 'contains a character that is not allowed')
  }

  #isGuess(name: string, text: string): boolean {
    return this.#guessed.has(name) && !isAscii(text)
  }

  #fail(decides: boolean, label: string, reason: FieldProblem['reason'], what: string): null {
    if (!decides) {
      return this.leaveOut(label)
    }
    this.problem ??= { reason, field: label, what }
    return null
  }
}

/** False for absent, null and blank alike. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && !(typeof value === 'string' && isBlank(value))
}

const UNKNOWN_CHARSET =
  'has characters outside ASCII in an unknown character set: the text is not UTF-8, and neither ISO-8859-1 nor windows-1252 is declared'

const NO_NAMES: readonly string[] = []
const TIME_UNREADABLE: SourceTime = { ...UNTIMED, timeUnreadable: true }

function withoutPlaceholder(id: string | null): string | null {
  return id === null || isPlaceholder(id) ? null : id
}

const CURRENCY = /^[A-Za-z]{3}$/
const DECIMAL = /^-?[0-9]+(?:\.[0-9]+)?$/
const NUMBER_WITH_EXPONENT = /^(-?)([0-9]+)(?:\.([0-9]+))?[eE]([+-]?[0-9]{1,3})$/

/** Rewrites `1.5E-7` as `0.00000015` by moving the point in the text. Adds at most a thousand zeros. */
function withoutExponent(text: string): string {
  const match = NUMBER_WITH_EXPONENT.exec(text)
  if (match === null) {
    return text
  }
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const digits = whole + fraction
  const point = whole.length + Number(exponent)
  const padded = point > 0 ? digits.padEnd(point, '0') : digits.padStart(digits.length - point + 1, '0')
  const split = Math.max(point, 1)
  const wholePart = padded.slice(0, split).replace(/^0+(?=[0-9])/, '')
  const fractionPart = padded.slice(split)
  return sign + wholePart + (fractionPart === '' ? '' : `.${fractionPart}`)
}
