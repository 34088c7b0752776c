import type { PaymentEvent } from '../payment/payment-event.ts'
import type { DriftNote } from './drift.ts'

/** One HTTP request of a provider, as the gateway received it. */
export interface Callback {
  /** Receipt id, UUIDv7. */
  readonly callbackId: string
  /** Id of the configured source that called. */
  readonly source: string
  /** Groups the payments of one provider account; the first part of every payment key. */
  readonly namespace: string
  /** ISO 4217, for providers that send amounts without a currency. */
  readonly currency: string | null
  /** When the gateway received it, ms since the epoch. */
  readonly receivedAt: number
  /** As sent; empty if the request had none. */
  readonly contentType: string
  /** How the caller was authenticated: kinds such as `basic`, sorted; empty if that is not known. */
  readonly authenticity: readonly string[]
  readonly body: Buffer
  /** How deep its JSON is read; JSON_DEPTH_MAX if not given. */
  readonly jsonDepthMax?: number
}

/**
 * Why a callback, or one element of it, cannot become a payment event. An operator can act on each; the messages name
 * fields and positions, never values.
 */
export const DEAD_LETTER_REASONS = {
  'unknown-source': 'the record names a source that is not configured, and its headers do not tell of it',
  'unknown-provider': 'the record names a provider that this release does not know',
  'empty-body': 'the body is empty',
  'invalid-utf8': 'the body, or a field that decides, is not UTF-8 and nothing says which other character set it is in',
  'invalid-json': 'the body is not valid JSON',
  'too-deep': 'the body is JSON that is nested deeper than is read (sources[].jsonDepthMax)',
  'invalid-form': 'the body is not a valid form',
  'invalid-xml': 'the body is not valid XML, or XML with more in it than this provider has use for',
  'unexpected-shape': 'the body is valid but not what this provider sends',
  'foreign-product':
    'the body is valid and has no name in common with what this provider sends: it is of another product, called at the wrong URL or answered by another adapter',
  ambiguous: 'a name that decides stands twice with different values: either reading would lose one of them',
  'element-not-an-object': 'an element of the callback is not an object',
  'missing-payment-id': 'an element carries no id that a payment could be known by, or only a placeholder for one',
  'missing-status': 'an element carries no status',
  'invalid-field':
    'the id or the status cannot be read: it has the wrong type, is too long, or holds a character that is not allowed',
  undecryptable: 'the body cannot be decrypted with its data key: the record was changed or moved',
  'internal-error': 'the adapter failed on this callback; a defect of paystatus',
} as const
export type DeadLetterReason = keyof typeof DEAD_LETTER_REASONS

export interface DeadLetter {
  readonly reason: DeadLetterReason
  /** What was wrong and where; never a value from the body. */
  readonly message: string
  /** Position of the element in the callback; null if the callback as a whole is meant. */
  readonly element: number | null
}

/** What a callback says. Every element ends as exactly one event, dead letter, or is set aside (counted). */
export interface Translation {
  readonly events: readonly PaymentEvent[]
  readonly deadLetters: readonly DeadLetter[]
  /** Parts that are understood and are no payment status: an empty array, a payment-plan message. */
  readonly setAside: number
  /** Names that the adapter does not know, each once; almost always empty. They change nothing of the above. */
  readonly drift: readonly DriftNote[]
}

/** A wire format we understand. A new provider is one folder that exports one of these, and a line in registry.ts. */
export interface Provider {
  readonly id: string
  /** What the provider takes for success when the source does not say. */
  readonly successCode: 200 | 204
  /** How long after a failure the provider may still repeat a callback, days. */
  readonly retryHorizonDays: number
  /** Path suffixes, beside none, under which the provider may call the registered URL. */
  readonly pathSuffixes: readonly string[]
  /**
   * Translates a callback. Pure and deterministic: the same callback always gives the same events with the same ids.
   * Never throws for bad input; bad input is a dead letter.
   */
  translate(callback: Callback): Translation
  /**
   * The payment key of the first payment that the body names, or null. Only used to keep the callbacks of one payment
   * in one partition of the raw topic, so a wrong or missing key costs nothing but locality. Never throws.
   */
  firstPaymentKey(callback: Pick<Callback, 'namespace' | 'contentType' | 'body'>): string | null
}
