import {
  CODE_LENGTH_MAX,
  ID_LENGTH_MAX,
  REASONS_MAX,
  type Reason,
  type ReasonScheme,
} from '../payment/payment-event.ts'
import { isBlank, isCleanText } from './clean-text.ts'

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

  /** Takes a code over, or counts it. `detail` that is too long or not clean is dropped; the code still says what it says. */
  add(scheme: ReasonScheme, code: unknown, detail: ReasonDetail = {}): void {
    const text = typeof code === 'number' && Number.isSafeInteger(code) ? String(code) : code
    if (this.reasons.length >= REASONS_MAX || !isCode(text)) {
      this.omitted += 1
      return
    }
    this.reasons.push({
      scheme,
      code: text,
      rule: isShortText(detail.rule, ID_LENGTH_MAX) ? detail.rule : null,
      location: isPlace(detail.location) ? detail.location : null,
      field: isFieldPath(detail.field) ? detail.field : null,
    })
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

/** False for absent, null and blank alike. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && !(typeof value === 'string' && isBlank(value))
}

function isShortText(value: unknown, lengthMax: number): value is string {
  return typeof value === 'string' && value.length <= lengthMax && !isBlank(value) && isCleanText(value)
}

/** One word of letters, digits and what stands between them: a sentence in the place of a code could say anything. */
const CODE = /^[A-Za-z0-9][A-Za-z0-9._/:-]*$/

function isCode(value: unknown): value is string {
  return typeof value === 'string' && value.length <= CODE_LENGTH_MAX && CODE.test(value)
}

/** BODY, PATH, QUERY, HEADER, and what may come: one word. */
const PLACE = /^[A-Za-z][A-Za-z_-]*$/

function isPlace(value: unknown): value is string {
  return typeof value === 'string' && value.length <= CODE_LENGTH_MAX && PLACE.test(value)
}

/** A path of names, such as `$.paymentPurpose.code` or `/debtor[0]`. A filter expression could quote a value: not taken. */
const FIELD_PATH = /^[A-Za-z0-9_$.*/[\]'"-]+$/

function isFieldPath(value: unknown): value is string {
  return typeof value === 'string' && value.length <= ID_LENGTH_MAX && FIELD_PATH.test(value)
}
