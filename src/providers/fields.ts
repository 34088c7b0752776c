import { CODE_LENGTH_MAX, ID_LENGTH_MAX } from '../payment/payment-event.ts'
import { isBlank, isCleanText } from './clean-text.ts'
import { isJsonObject, type JsonObject } from './json-object.ts'
import type { JsonBody } from './read-json.ts'
import { type SourceTime, sourceTimeOf, UNTIMED } from './source-time.ts'

/**
 * Reads the optional fields of one element and remembers the first one that cannot be used.
 *
 * Absent, `null` and blank are all "not given" and read as null. A wrong type, a text that is too long, a control
 * character or half a surrogate pair is a problem: the element becomes a dead letter, nothing is cut or repaired. The
 * caller checks `problem` before it publishes what it read.
 *
 * `label` is what the message calls a nested field. Messages never hold a value.
 */
export class FieldReader {
  problem: string | null = null

  /** An identifier, at most {@link ID_LENGTH_MAX} characters. */
  id(object: JsonObject | null, name: string, label = name): string | null {
    return this.#text(object, name, label, ID_LENGTH_MAX)
  }

  /** A code or another short word, at most {@link CODE_LENGTH_MAX} characters. */
  code(object: JsonObject | null, name: string, label = name): string | null {
    return this.#text(object, name, label, CODE_LENGTH_MAX)
  }

  /** A nested object. */
  object(object: JsonObject | null, name: string, label = name): JsonObject | null {
    const value = object?.[name]
    if (value === undefined || value === null) {
      return null
    }
    return isJsonObject(value) ? value : this.#fail(label, 'is not an object')
  }

  /**
   * A decimal as the provider wrote it. Sent as a JSON number, its digits are taken from the body's own text; `path`
   * leads from the root of the body to `object`.
   */
  decimal(
    object: JsonObject | null,
    name: string,
    label: string,
    json: JsonBody | null,
    path: readonly (string | number)[],
  ): string | null {
    const value = object?.[name]
    if (value === undefined || value === null) {
      return null
    }
    const text = typeof value === 'number' ? (json?.numberTextAt([...path, name]) ?? null) : value
    if (typeof text !== 'string') {
      return this.#fail(label, 'is neither a text nor a number')
    }
    if (isBlank(text)) {
      return null
    }
    const decimal = typeof value === 'number' ? withoutExponent(text) : text
    return decimal !== null && decimal.length <= CODE_LENGTH_MAX && DECIMAL.test(decimal)
      ? decimal
      : this.#fail(label, 'is not a decimal')
  }

  /** A time of the provider. One that cannot be read leaves the event untimed; only a wrong type is a problem. */
  time(object: JsonObject | null, name: string, label = name): SourceTime {
    const value = object?.[name]
    if (value === undefined || value === null) {
      return UNTIMED
    }
    if (typeof value !== 'string') {
      this.#fail(label, 'is not a text')
      return UNTIMED
    }
    return sourceTimeOf(value)
  }

  #text(object: JsonObject | null, name: string, label: string, lengthMax: number): string | null {
    const value = object?.[name]
    if (value === undefined || value === null) {
      return null
    }
    if (typeof value !== 'string') {
      return this.#fail(label, 'is not a text')
    }
    if (value.length > lengthMax) {
      return this.#fail(label, `is longer than ${lengthMax} characters`)
    }
    if (!isCleanText(value)) {
      return this.#fail(label, 'holds a character that is not allowed')
    }
    return isBlank(value) ? null : value
  }

  #fail(label: string, what: string): null {
    this.problem ??= `${label} ${what}`
    return null
  }
}

const DECIMAL = /^-?[0-9]+(?:\.[0-9]+)?$/
const NUMBER_WITH_EXPONENT = /^(-?)([0-9]+)(?:\.([0-9]+))?[eE]([+-]?[0-9]{1,3})$/

/** `1.5E-7` as `0.00000015`, by moving the point in the text. Null if it is longer than a decimal may be. */
function withoutExponent(text: string): string | null {
  const match = NUMBER_WITH_EXPONENT.exec(text)
  if (match === null) {
    return text
  }
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = match
  const digits = whole + fraction
  const point = whole.length + Number(exponent)
  if (Math.abs(point) > CODE_LENGTH_MAX || digits.length > CODE_LENGTH_MAX) {
    return null
  }
  const padded = point > 0 ? digits.padEnd(point, '0') : digits.padStart(digits.length - point + 1, '0')
  const split = Math.max(point, 1)
  const wholePart = padded.slice(0, split).replace(/^0+(?=[0-9])/, '')
  const fractionPart = padded.slice(split)
  return sign + wholePart + (fractionPart === '' ? '' : `.${fractionPart}`)
}
