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
 * A reason explains a status, it does not make one: what cannot be taken over is left out and counted, and the event
 * goes on. Only codes, names of rules and names of fields are taken; the providers' messages are free text and stay in
 * the raw topic.
 */
export class ReasonList {
  readonly reasons: Reason[] = []
  omitted = 0
  readonly #guessed: boolean

  /** `guessed`: the characters outside ASCII are a guess, so that no text that has one is taken over. */
  constructor(guessed: boolean) {
    this.#guessed = guessed
  }

  /** Takes a code over, or counts it. `detail` that is too long or not clean is dropped; the code still says what it says. */
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

  /** Counts something that should be a reason and is not one. */
  omit(): void {
    this.omitted += 1
  }
}

interface ReasonDetail {
  readonly rule?: unknown
  readonly location?: unknown
  readonly field?: unknown
}

/** What a provider sends as a list, also when it sends a single item without the list around it. */
export function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) {
    return []
  }
  return Array.isArray(value) ? value : [value]
}

/** The text, stripped; null for anything else, and for nothing. */
function textOf(value: unknown): string | null {
  return typeof value === 'string' ? strip(value) || null : null
}

/** One word of letters, digits and what stands between them: a sentence in the place of a code could say anything. */
const CODE = /^[A-Za-z0-9][A-Za-z0-9._/:-]*$/

function isCode(text: string): boolean {
  return text.length <= CODE_LENGTH_MAX && CODE.test(text)
}

/** BODY, PATH, QUERY, HEADER, and what may come: one word. */
const PLACE = /^[A-Za-z][A-Za-z_-]*$/

function isPlace(text: string): boolean {
  return text.length <= CODE_LENGTH_MAX && PLACE.test(text)
}

/** A path of names, such as `$.paymentPurpose.code` or `/debtor[0]`. A filter expression could quote a value: not taken. */
const FIELD_PATH = /^[A-Za-z0-9_$.*/[\]'"-]+$/

function isFieldPath(text: string): boolean {
  return text.length <= ID_LENGTH_MAX && FIELD_PATH.test(text)
}
