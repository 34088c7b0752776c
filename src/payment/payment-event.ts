import type { PaymentStatus } from './payment-status.ts'

/**
 * What a payment is: a payment of its own, or a later transaction that undoes (part of) another one. UNKNOWN: it names
 * another original, but not in words that say what it does to it, so it must not be counted as a payment.
 */
export const PAYMENT_KINDS = ['PAYMENT', 'REFUND', 'RETURN', 'CHARGEBACK', 'UNKNOWN'] as const
export type PaymentKind = (typeof PAYMENT_KINDS)[number]

/** How exact the provider's own time is. NONE: the element carries no usable time. */
export const TIME_PRECISIONS = ['NONE', 'DAY', 'SECOND', 'MILLISECOND', 'SUBMILLISECOND'] as const
export type TimePrecision = (typeof TIME_PRECISIONS)[number]

/** Whose code a reason is. */
export const REASON_SCHEMES = ['JPM', 'ISO20022', 'NACHA', 'EXTERNAL', 'GPI', 'INSTAMED'] as const
export type ReasonScheme = (typeof REASON_SCHEMES)[number]

export interface Reason {
  readonly scheme: ReasonScheme
  readonly code: string
  /** Which rule of the provider spoke (v1 `ruleDefinition`); never free text about a person. */
  readonly rule: string | null
  readonly location: string | null
  readonly field: string | null
}

export interface Reference {
  /** Name of the identifier, for example `clearingSystemReference`, `uetr`, `achTraceNumber`, `CLMREF`. */
  readonly type: string
  readonly value: string
}

/** An exact amount. `value` is the decimal as the provider wrote it, never a float. */
export interface Amount {
  readonly value: string
  /** ISO 4217. Null when neither the provider nor the configuration says which. */
  readonly currency: string | null
}

/**
 * What one callback says about one payment, in our vocabulary. Every field is on the allow-list: no personal, health,
 * card or account data, and no free text of a provider.
 *
 * Absent is `null`, never `undefined`, so that an event survives encoding and decoding unchanged.
 */
export interface PaymentEvent {
  /** Hash of what the event says (see event-id.ts). Equal id = the same fact, whatever envelope it came in. */
  readonly eventId: string
  /** `<namespace>:<provider id>`; groups the events of one payment. */
  readonly paymentKey: string
  /** True if the provider gave no id of its own and a customer reference had to serve as the key. */
  readonly weakKey: boolean
  readonly source: string
  readonly provider: string
  /** Receipt id of the callback (UUIDv7) and the position of the element in it: where to look in the raw topic. */
  readonly callbackId: string
  readonly element: number
  /** When the gateway received the callback, ms since the epoch. Not part of the identity. */
  readonly receivedAt: number
  /**
   * How the caller of that callback was authenticated: `mtls`, `basic`, `hmac`, … sorted; `none` if the source asks for
   * nothing; empty if that is not known. Of repeats the first counts. Not part of the identity, and decides nothing.
   */
  readonly authenticity: readonly string[]
  /** The provider's own id of the notification, if it has one. Not part of the identity: re-issues change it. */
  readonly providerEventId: string | null
  /** Same natural key = the same step of the payment, perhaps with new details. Only chooses verdicts. */
  readonly naturalKey: string

  readonly kind: PaymentKind
  /** Payment key of the original that this refund, return or chargeback belongs to. */
  readonly relatesTo: string | null
  /**
   * Set if this is a report to the original: the payment key of the refund, return or chargeback that everything else in
   * the event is about. Such an event never moves the status of the payment it is keyed by.
   */
  readonly childKey: string | null

  readonly status: PaymentStatus
  readonly sourceStatus: string
  readonly sourceSubStatus: string | null
  readonly sourceAction: string | null
  /** Set when the status is UNKNOWN: the value was not understood, or the event is about something beside the payment. */
  readonly unknownBecause: 'STATUS' | 'CONTEXT' | null
  /** v2 `eventcontext`: the event speaks of a request about the payment, not of the payment. */
  readonly eventContext: string | null
  /** First segment of v2's `type`, for example `Payment`. */
  readonly sourceType: string | null
  readonly holdReason: string | null
  readonly rejectedBy: 'JPM' | 'UNKNOWN' | null

  /** The provider's time of this status, ms since the epoch; null if the element has none. Never the time of arrival. */
  readonly occurredAt: number | null
  /** That time exactly as sent; of one that could not be read only what looks like a time, otherwise null. */
  readonly occurredAtText: string | null
  readonly occurredAtPrecision: TimePrecision
  /** True if the time had no zone and was read as UTC. */
  readonly zoneAssumed: boolean
  /** True if a time was given and could not be read. The event then counts as untimed. */
  readonly timeUnreadable: boolean

  readonly endToEndId: string | null
  /** At most one of each type. The types are those a mapping names, so the list is bounded without a limit of its own. */
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
  /** How many reasons were left out because an event carries at most {@link REASONS_MAX}. */
  readonly reasonsOmitted: number
  /**
   * Names of the fields that were given and could not be read, sorted, at most {@link UNREADABLE_MAX}. They are left out
   * of the event; none of them decides the status.
   */
  readonly unreadable: readonly string[]
}

/** Limits that keep an event, and so a payment's state, bounded (invariant I10). */
export const REASONS_MAX = 16
export const UNREADABLE_MAX = 16

/** Longest texts that an event takes over, in characters. A longer identifier is a dead letter, never cut. */
export const ID_LENGTH_MAX = 128
export const CODE_LENGTH_MAX = 64
