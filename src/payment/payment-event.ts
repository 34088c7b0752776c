import type { PaymentStatus } from './payment-status.ts'

/**
 * What a payment is: an original payment, or a later transaction that undoes (part of) another one. UNKNOWN: it refers to
 * an original, but how it affects the original was not understood, so it must not be counted as a payment.
 */
export const PAYMENT_KINDS = ['PAYMENT', 'REFUND', 'RETURN', 'CHARGEBACK', 'UNKNOWN'] as const
export type PaymentKind = (typeof PAYMENT_KINDS)[number]

/** Precision of the provider's own time. NONE: the element carries no usable time. */
export const TIME_PRECISIONS = ['NONE', 'DAY', 'SECOND', 'MILLISECOND', 'SUBMILLISECOND'] as const
export type TimePrecision = (typeof TIME_PRECISIONS)[number]

/** Which code list a reason's code belongs to. */
export const REASON_SCHEMES = ['JPM', 'ISO20022', 'NACHA', 'EXTERNAL', 'GPI', 'INSTAMED'] as const
export type ReasonScheme = (typeof REASON_SCHEMES)[number]

export interface Reason {
  readonly scheme: ReasonScheme
  readonly code: string
  /** The provider's rule that applied (v1 `ruleDefinition`); never free text about a person. */
  readonly rule: string | null
  readonly location: string | null
  readonly field: string | null
}

export interface Reference {
  /** Name of the identifier, for example `clearingSystemReference`, `uetr`, `achTraceNumber`, `CLMREF`. */
  readonly type: string
  readonly value: string
}

/** An exact amount. `value` is the decimal text the provider sent, never a float. */
export interface Amount {
  readonly value: string
  /** ISO 4217. Null when neither the provider nor the configuration specifies it. */
  readonly currency: string | null
}

/**
 * What one callback says about one payment, in the canonical vocabulary. Every field is on the allow-list: no personal,
 * health, card or account data, and no free text from a provider.
 *
 * An absent value is `null`, never `undefined`, so that an event survives encoding and decoding unchanged.
 */
export interface PaymentEvent {
  /** Hash of what the event says (see event-id.ts). Equal ids mean the same fact, whatever envelope it came in. */
  readonly eventId: string
  /** `<namespace>:<provider id>`; groups the events of one payment. */
  readonly paymentKey: string
  /** True if the provider sent no id of its own, so that a customer reference serves as the key. */
  readonly weakKey: boolean
  readonly source: string
  readonly provider: string
  /**
   * Version of the provider's mapping that read the callback; 0 if an older release did. Of the readings of one event id,
   * the greatest version counts. Not part of the identity.
   */
  readonly mappingVersion: number
  /**
   * True if this reading withdraws the event: the mapping of this version no longer derives it from the callback. The event
   * then has no effect, and its other fields are those of the reading that was withdrawn. Not part of the identity.
   */
  readonly withdrawn: boolean
  /** Receipt id of the callback (UUIDv7), and the position of the element in it: where to look in the raw topic. */
  readonly callbackId: string
  readonly element: number
  /** When the gateway received the callback, ms since the epoch. Not part of the identity. */
  readonly receivedAt: number
  /**
   * How the caller was authenticated: `mtls`, `basic`, `hmac`, …, sorted; `none` if the source requires nothing; empty if
   * unknown. If the event is repeated, the first callback counts. Not part of the identity, and decides nothing.
   */
  readonly authenticity: readonly string[]
  /** The provider's id of the notification, if it has one. Not part of the identity: a re-issue changes it. */
  readonly providerEventId: string | null
  /** Equal natural keys mean the same step of the payment, perhaps with new details. Used only to choose verdicts. */
  readonly naturalKey: string

  readonly kind: PaymentKind
  /** Payment key of the original that this refund, return or chargeback belongs to. */
  readonly relatesTo: string | null
  /**
   * Set if this is a report to the original: the payment key of the refund, return or chargeback that all other fields
   * describe. Such an event never changes the status of the payment it is keyed by.
   */
  readonly childKey: string | null

  readonly status: PaymentStatus
  readonly sourceStatus: string
  readonly sourceSubStatus: string | null
  readonly sourceAction: string | null
  /** Set when the status is UNKNOWN: the value was not understood, or the event is not about the payment itself. */
  readonly unknownBecause: 'STATUS' | 'CONTEXT' | null
  /** v2 `eventcontext`: the event is about a request concerning the payment, not about the payment itself. */
  readonly eventContext: string | null
  /** First segment of v2's `type`, for example `Payment`. */
  readonly sourceType: string | null
  readonly holdReason: string | null
  readonly rejectedBy: 'JPM' | 'UNKNOWN' | null

  /** The provider's time of this status, ms since the epoch; null if the element has none. Never the time of arrival. */
  readonly occurredAt: number | null
  /**
   * That time as sent, without a zone name in brackets after it. If it could not be read, it is kept only if it looks like
   * a time; otherwise null.
   */
  readonly occurredAtText: string | null
  readonly occurredAtPrecision: TimePrecision
  /** True if the time had no zone and was read as UTC. */
  readonly zoneAssumed: boolean
  /** True if a time was sent but could not be read. The event then counts as untimed. */
  readonly timeUnreadable: boolean

  readonly endToEndId: string | null
  /** At most one per type. The mappings use a closed list of types, so no separate limit is needed. */
  readonly references: readonly Reference[]
  readonly rail: string | null
  readonly direction: string | null
  readonly clearingSystem: string | null
  readonly requestedExecutionDate: string | null
  readonly valueDate: string | null
  readonly amount: Amount | null
  readonly requestAmount: Amount | null
  /** True if less than the requested amount was approved; `amount` is then what was approved. */
  readonly partialApproval: boolean
  readonly fxAppliedRate: string | null
  readonly gpiStatus: string | null
  readonly reasons: readonly Reason[]
  /**
   * Number of reasons left out: those beyond {@link REASONS_MAX} or {@link STATEMENT_BYTES_MAX}, and those that are not
   * published because they are not a code or their scheme is not known.
   */
  readonly reasonsOmitted: number
  /**
   * Names of fields that were sent but could not be read, sorted, at most {@link UNREADABLE_MAX}. Their values are left out
   * of the event; none of them decides the status.
   */
  readonly unreadable: readonly string[]
}

/** Limits that bound an event, and so a payment's state (invariant I10). */
export const REASONS_MAX = 16
export const UNREADABLE_MAX = 16

/** Longest texts an event accepts, in characters. A longer identifier is never truncated: it becomes a dead letter. */
export const ID_LENGTH_MAX = 128
export const CODE_LENGTH_MAX = 64

/** Largest encoded event that a payment stores, bytes; a larger one is a dead letter. */
export const EVENT_BYTES_MAX = 7_000

/**
 * Largest size of what an event says, bytes of its texts in UTF-8: beyond it, reasons are left out. The rest of
 * `EVENT_BYTES_MAX` is for the envelope, the natural key, times and lengths, which take at most 1,600 bytes. Without reasons,
 * an event of the longest texts takes about 6,500 bytes.
 */
export const STATEMENT_BYTES_MAX = 5_400
