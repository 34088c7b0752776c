import type { PaymentEvent } from '../payment/payment-event.ts'
import type { DriftNote } from './drift.ts'

/** One HTTP request from a provider, as the gateway received it. */
export interface Callback {
  /** Receipt id, UUIDv7. */
  readonly callbackId: string
  /** Id of the configured source that sent it. */
  readonly source: string
  /** Groups the payments of one provider account; the first part of every payment key. */
  readonly namespace: string
  /** ISO 4217, for providers that send amounts without a currency. */
  readonly currency: string | null
  /** When the gateway received it, ms since the epoch. */
  readonly receivedAt: number
  /** As sent; empty if the request had none. */
  readonly contentType: string
  /** How the caller was authenticated: kinds such as `basic`, sorted; empty if unknown. */
  readonly authenticity: readonly string[]
  readonly body: Buffer
  /** Limit for the nesting of JSON; JSON_DEPTH_MAX if not given. */
  readonly jsonDepthMax?: number
}

/**
 * Why a callback, or one of its elements, cannot become a payment event. An operator can act on each; messages name fields
 * and positions, never values.
 */
export const DEAD_LETTER_REASONS = {
  'unknown-source': 'the record names a source that is not configured, and its headers do not describe that source',
  'unknown-provider': 'the record names a provider that this release does not support',
  'empty-body': 'the body is empty',
  'invalid-utf8': 'the id or the status is not UTF-8 and no other character set is declared',
  'invalid-json': 'the body is not valid JSON',
  'too-deep': 'the body is JSON that is nested deeper than the limit (sources[].jsonDepthMax)',
  'invalid-form': 'the body is not a valid form',
  'invalid-xml': 'the body is not valid XML, or uses XML features that this provider does not need',
  'unexpected-shape':
    'the body is valid but not what this provider sends; the message says where it has a payment, if it has one',
  'foreign-product':
    'the body is valid but has none of the names that this provider sends: it belongs to another product, sent to the wrong URL or configured with the wrong provider',
  ambiguous:
    'the id, the status, a list or what decides their meaning appears twice with different values: either reading would lose one of them',
  'element-not-an-object': 'an element of the callback is not an object',
  'missing-payment-id': 'an element has no payment id, or only a placeholder for one',
  'missing-status': 'an element has no status',
  'invalid-field':
    'the id or the status cannot be read: it has the wrong type, is too long, or contains a character that is not allowed',
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

/** The result for a callback. Every element becomes exactly one event or one dead letter, or is set aside and counted. */
export interface Translation {
  readonly events: readonly PaymentEvent[]
  readonly deadLetters: readonly DeadLetter[]
  /** Number of parts that are understood but report no payment status: an empty array, a payment-plan message. */
  readonly setAside: number
  /** Names that the adapter does not know, each once; almost always empty. They do not affect the rest of the result. */
  readonly drift: readonly DriftNote[]
}

/** A supported wire format. A new provider is one folder that exports one of these, and one line in registry.ts. */
export interface Provider {
  readonly id: string
  /**
   * Version of the mapping, from 1. Increase it with every change that reads any callback differently: of several readings
   * of one event, the one with the greatest version counts. Enforced by test/providers/mapping-version.test.ts.
   */
  readonly mappingVersion: number
  /** Response code the provider accepts as success, unless the source configures another. */
  readonly successCode: 200 | 204
  /** How long after a failure the provider may still retry a callback, days. */
  readonly retryHorizonDays: number
  /** Path suffixes that the provider may append to the registered URL; it may always append none. */
  readonly pathSuffixes: readonly string[]
  /**
   * Translates a callback. Pure and deterministic: the same callback always gives the same events with the same ids.
   * Never throws for bad input, which becomes a dead letter.
   */
  translate(callback: Callback): Translation
  /**
   * The key of the first payment in the body, or null. It is only used to keep the callbacks of one payment in one
   * partition of the raw topic, so a wrong or missing key only reduces locality. Never throws.
   */
  firstPaymentKey(callback: Pick<Callback, 'namespace' | 'contentType' | 'body'>): string | null
}
