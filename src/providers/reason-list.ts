import {
  CODE_LENGTH_MAX,
  ID_LENGTH_MAX,
  REASONS_MAX,
  type Reason,
  type ReasonScheme,
} from '../payment/payment-event.ts'
import { isAscii, isCleanText, strip } from './clean-text.ts'

/**
 * Collects the reasons of one event, at most {@link REASONS_MAX}.
 *
 * A reason explains a status but does not determine it: a reason that cannot be published is left out and counted, and the
 * event is published without it. Only codes, rule names and field names are published; the providers' messages are free
 * text and stay in the raw topic.
 */
export class ReasonList {
  readonly reasons: Reason[] = []
  omitted = 0
  readonly #guessed: boolean

  /** `guessed`: characters outside ASCII are a guess, so no text that contains one is published. */
  constructor(guessed: boolean) {
    this.#guessed = guessed
  }

  /** Adds a code, or counts it as omitted. A `detail` that is too long or not clean is dropped without the code. */
  add(scheme: ReasonScheme, code: unknown, detail: ReasonDetail = {}): void {
    const text = typeof code === 'number' && Number.isSafeInteger(code) ? String(code) : textOf(code)
    if (this.reasons.length >= REASONS_MAX || text === null || !isCode(text)) {
      this.omitted += 1
      return
    }
    const [rule, location, field] = [textOf(detail.rule), textOf(detail.location), textOf(detail.field)]
    this.reasons.push({
      scheme,
      code: text,
      rule: rule !== null && this.#isRule(rule) ? rule : null,
      location: location !== null && isPlace(location) ? location : null,
      field: field !== null && isFieldPath(field) ? field : null,
    })
  }

  #isRule(text: string): boolean {
    return text.length <= ID_LENGTH_MAX && isCleanText(text) && !(this.#guessed && !isAscii(text))
  }

  /** Counts a value that should be a reason but is not one. */
  omit(): void {
    this.omitted += 1
  }
}

interface ReasonDetail {
  readonly rule?: unknown
  readonly location?: unknown
  readonly field?: unknown
}

/** A value that should be a list. A single item counts as a list of one, an absent value as an empty list. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) {
    return []
  }
  return Array.isArray(value) ? value : [value]
}

/** The stripped text; null for a blank text or any other type. */
function textOf(value: unknown): string | null {
  return typeof value === 'string' ? strip(value) || null : null
}

/** One word of letters, digits and separators. A sentence in place of a code could contain anything. */
const CODE = /^[A-Za-z0-9][A-Za-z0-9._/:-]*$/

function isCode(text: string): boolean {
  return text.length <= CODE_LENGTH_MAX && CODE.test(text)
}

/** BODY, PATH, QUERY, HEADER, or another single word. */
const PLACE = /^[A-Za-z][A-Za-z_-]*$/

function isPlace(text: string): boolean {
  return text.length <= CODE_LENGTH_MAX && PLACE.test(text)
}

/** A path of names, such as `$.paymentPurpose.code` or `/debtor[0]`. Filter expressions do not match: they could quote a value. */
const FIELD_PATH = /^[A-Za-z0-9_$.*/[\]'"-]+$/

function isFieldPath(text: string): boolean {
  return text.length <= ID_LENGTH_MAX && FIELD_PATH.test(text)
}
