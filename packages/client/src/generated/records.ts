// Generated from schemas/*.avsc by `node packages/client/test/generated/main.ts`.

/**
 * One step of a payment: one record for every distinct event, and one when the payment becomes overdue. Value of
 * payments.status.changes. Read it with isolation level read_committed. A redelivered callback produces no
 * record.
 */
export interface PaymentStatusChange {
  /** <namespace>:<provider id>, the key of the record. */
  readonly paymentKey: string
  /**
   * An opaque number that grows each time a forgotten payment returns: it then restarts at statusVersion 1 with a
   * greater incarnation. Compare (incarnation, statusVersion) in that order; the greater pair is newer.
   */
  readonly incarnation: number
  /**
   * 1, 2, 3 …, incremented by every record of the payment, without a gap within an incarnation. Skip a record whose
   * (incarnation, statusVersion) you have already seen.
   */
  readonly statusVersion: number
  /** What the arrival of the event meant. To follow only the status, use statusChanged. */
  readonly verdict: Verdict
  /**
   * Id of the rule that decided the verdict, for example status-changed; the list is in docs/consumers.md. A
   * string, not an enum: it is for people; base decisions on the verdict. overdue for the verdict OVERDUE.
   */
  readonly rule: string
  /** Status before this step. Null for the first record of an incarnation. */
  readonly statusBefore: Status | null
  /**
   * Status of the payment from now on: what all its events mean together. It may differ from event.status, because
   * a late event does not undo a newer status.
   */
  readonly statusAfter: Status
  /**
   * True if statusAfter differs from statusBefore; true for the first record. A consumer interested only in status
   * changes can skip all other records.
   */
  readonly statusChanged: boolean
  /** What to expect after statusAfter. */
  readonly finality: Finality
  /**
   * What this is: PAYMENT, or a later transaction that undoes (part of) another one: REFUND, RETURN, CHARGEBACK.
   * UNKNOWN: it refers to another payment, but how it affects that one was not understood. A string, not an enum:
   * no value is a safe default, because an unfamiliar kind, like UNKNOWN, must never be counted as a payment.
   */
  readonly kind: string
  /** Payment key of the original that this refund, return or chargeback belongs to. Null for an original payment. */
  readonly relatesTo: string | null
  /** The customer's end-to-end id, to find the payment in the system that ordered it. Null when not known. */
  readonly endToEndId: string | null
  /**
   * Things a person should look at: released, contradictory-finals, positive-after-final, negative-after-positive,
   * contradictory-kinds, unknown-status, event-context, client-action, weak-key, time-uncertain, unreadable-time,
   * unreadable-detail, partial-approval (explained in docs/consumers.md). Strings, not an enum: show unfamiliar
   * ones. Empty when there are none. All codes that apply after this step, not only new ones.
   */
  readonly attention: readonly string[]
  /**
   * When the payment was reported overdue, milliseconds since the epoch, UTC. Null if it is not. Cleared when the
   * status changes, and when all events of the payment itself are withdrawn.
   */
  readonly overdueSince: number | null
  /**
   * When the status processor recorded this step, milliseconds since the epoch, UTC. Not a time of the provider;
   * see event.occurredAt.
   */
  readonly recordedAt: number
  /**
   * Set for the verdicts RESTATED and WITHDRAWN: mapping version of the reading that this one replaces. The new
   * version is event.mappingVersion. Null for every other verdict, and for a withdrawal of an event that was not
   * known.
   */
  readonly mappingVersionBefore: number | null
  /** The event of this step. Null for the verdict OVERDUE, which is no event. */
  readonly event: PaymentEvent | null
}

/**
 * What the arrival of an event meant. APPLIED: the status changed. LATE: recorded; a stronger or later event
 * decides. REVISION: the status stays, its details changed. CONFLICT: recorded; it contradicts a final status, or
 * the provider used one event id for two facts; a person should look at it. UNKNOWN: recorded; not understood as
 * a status and without effect on it; also the reading of a symbol that a reader does not know. RESTATED: the
 * event was known and is now read otherwise; the new reading replaces the old one, and the status may have
 * changed. WITHDRAWN: a newer mapping no longer reads this event from its callback; it counts for nothing from
 * now on, and the status may have changed. OVERDUE: no event arrived; the payment has waited longer than allowed
 * (only in payments.status.changes, never in the history of events).
 */
export type Verdict =
  | 'APPLIED'
  | 'LATE'
  | 'REVISION'
  | 'CONFLICT'
  | 'UNKNOWN'
  | 'RESTATED'
  | 'WITHDRAWN'
  | 'OVERDUE'

/**
 * Canonical status of a payment. A symbol that a reader does not know is read as UNKNOWN. Progress: RECEIVED,
 * ACCEPTED, SCHEDULED, PROCESSING, ON_HOLD (waits for a person or a rule). Outcome: AUTHORIZED, PENDING_POSTING,
 * SENT_TO_CLEARING, COMPLETED, SETTLED, CREDITED, each further than the one before. Negative but sometimes
 * released later: BLOCKED, SETTLEMENT_FAILED. Final: DECLINED, REJECTED, CANCELED, VOIDED. Afterwards: RETURNED
 * (the money came back). UNKNOWN: no report could be understood as a status.
 */
export type Status =
  | 'UNKNOWN'
  | 'RECEIVED'
  | 'ACCEPTED'
  | 'SCHEDULED'
  | 'PROCESSING'
  | 'ON_HOLD'
  | 'AUTHORIZED'
  | 'PENDING_POSTING'
  | 'SENT_TO_CLEARING'
  | 'COMPLETED'
  | 'SETTLED'
  | 'CREDITED'
  | 'BLOCKED'
  | 'SETTLEMENT_FAILED'
  | 'DECLINED'
  | 'REJECTED'
  | 'CANCELED'
  | 'VOIDED'
  | 'RETURNED'

/**
 * What to expect after a status. OPEN: a further status is expected. SOFT: normally the last status, but a later
 * change is documented or realistic. FINAL: the last status, unless the provider contradicts itself. A symbol
 * that a reader does not know is read as OPEN, so that it keeps waiting.
 */
export type Finality =
  | 'OPEN'
  | 'SOFT'
  | 'FINAL'

/**
 * What one callback says about one payment, in the canonical vocabulary. It contains no personal, health, card or
 * account data and no free text from a provider: every field is on an allow-list. An absent value is null.
 */
export interface PaymentEvent {
  /**
   * Identity of the event: 32 hex digits, a hash of the payment key and of what the provider said. Equal ids mean
   * the same fact, whatever callback it came in. Use it to drop repeats.
   */
  readonly eventId: string
  /** <namespace>:<provider id>, the key of the record. Groups the events of one payment. */
  readonly paymentKey: string
  /**
   * True if the provider sent no id of its own, so that a customer reference serves as the key; two payments could
   * share it.
   */
  readonly weakKey: boolean
  /** Id of the configured source (the caller) that the callback came from. */
  readonly source: string
  /** Wire format of the callback, for example jpm-global-payments-v2. */
  readonly provider: string
  /**
   * Version of the mapping by which the callback was read. Of several readings of one eventId the one with the
   * greatest version counts. 0 for events from before this field. Not part of the identity.
   */
  readonly mappingVersion: number
  /**
   * True if the mapping of mappingVersion no longer gives this event: it then counts for nothing, neither for the
   * status nor for details, and the other fields are those of the reading that was withdrawn. Not part of the
   * identity.
   */
  readonly withdrawn: boolean
  /** Receipt id (UUIDv7) of the first callback with this event: the header ce_id in payments.callbacks.raw. */
  readonly callbackId: string
  /**
   * Position of the event in that callback, from 0. With callbackId it says where to look in
   * payments.callbacks.raw.
   */
  readonly element: number
  /** When the gateway received that callback, milliseconds since the epoch, UTC. Not part of the identity. */
  readonly receivedAt: number
  /**
   * How the caller that sent the event was authenticated, sorted: mtls, mtls-proxy, basic, header, hmac,
   * standard-webhooks, ip-allow-list, path-token; none if the source requires nothing. All methods listed were
   * required and passed. Empty when unknown, as for events older than this field. If the event is repeated, the
   * first callback counts. Not part of the identity, and decides nothing. Strings, not an enum: treat an unfamiliar
   * value as unknown, never as none.
   */
  readonly authenticity: readonly string[]
  /** The provider's id of the notification. Null when it has none. Not part of the identity: a re-issue changes it. */
  readonly providerEventId: string | null
  /**
   * Equal natural keys mean the same step of the payment, perhaps with other details. Used only to choose between
   * the verdicts REVISION and LATE; do not store it as an id.
   */
  readonly naturalKey: string
  /**
   * What this is: PAYMENT, or a later transaction that undoes (part of) another one: REFUND, RETURN, CHARGEBACK.
   * UNKNOWN: it refers to another payment, but how it affects that one was not understood. A string, not an enum:
   * no value is a safe default, because an unfamiliar kind, like UNKNOWN, must never be counted as a payment.
   */
  readonly kind: string
  /** Payment key of the original that this refund, return or chargeback belongs to. Null for an original payment. */
  readonly relatesTo: string | null
  /**
   * Set if this event reports a refund, return or chargeback to its original: the payment key of that child, which
   * all other fields describe. Such an event never changes the status of the payment it is keyed by. Null for an
   * event of the payment itself.
   */
  readonly childKey: string | null
  /** The provider's status in the canonical vocabulary. UNKNOWN when it was not understood; see unknownBecause. */
  readonly status: Status
  /**
   * The provider's status exactly as sent. For display, and to interpret an UNKNOWN status; do not base decisions
   * on it.
   */
  readonly sourceStatus: string
  /** The provider's sub-status exactly as sent. Null when not given. */
  readonly sourceSubStatus: string | null
  /**
   * The provider's action or transaction type exactly as sent, if it contributes to the status. Null when not
   * given.
   */
  readonly sourceAction: string | null
  /**
   * Set when the status is UNKNOWN: STATUS (the value was not understood) or CONTEXT (the event is not about the
   * payment itself). A string, not an enum: treat an unfamiliar value as STATUS. Null when the status was
   * understood.
   */
  readonly unknownBecause: string | null
  /**
   * Version 2 eventcontext: the event is about a request concerning the payment, not about the payment itself. Null
   * when not given.
   */
  readonly eventContext: string | null
  /** First segment of version 2's type, for example Payment. Null when not given. */
  readonly sourceType: string | null
  /**
   * Why the payment is on hold, for example PENDING_CLIENT_ACTION (the client must act). A string, not an enum:
   * pass unfamiliar values on. Null when not on hold or when no reason was given.
   */
  readonly holdReason: string | null
  /**
   * Who refused the payment: JPM (the bank) or UNKNOWN (the provider does not say who). A string, not an enum, so
   * that UNKNOWN keeps this single meaning. Null when not refused or not stated.
   */
  readonly rejectedBy: string | null
  /**
   * The provider's own time of this status, milliseconds since the epoch, UTC. Null when the element has none: such
   * an event counts as older than every timed one. Never the time of arrival.
   */
  readonly occurredAt: number | null
  /**
   * That time as sent, without a zone name in brackets after it. Formats differ by provider: use occurredAt for
   * calculations. Null when the element has none, or when it cannot be read and does not look like a time.
   */
  readonly occurredAtText: string | null
  /**
   * Precision of occurredAt: NONE, DAY, SECOND, MILLISECOND, SUBMILLISECOND. DAY stands for the whole day; the
   * digits below a millisecond are in occurredAtText and are used to order events. A string, not an enum: readers
   * need not interpret it, statusAfter is the result.
   */
  readonly occurredAtPrecision: string
  /**
   * True if the time had no zone and was read as UTC. Such a time is known only to within about a day: it does not
   * release a payment or lift a hold if it would not do so in every zone.
   */
  readonly zoneAssumed: boolean
  /**
   * True if a time was sent but could not be read; the event then counts as older than every timed one. Also false
   * for events older than this field.
   */
  readonly timeUnreadable: boolean
  /** The customer's end-to-end id, to find the payment in the system that ordered it. Null when not given. */
  readonly endToEndId: string | null
  /** Identifiers that the element carries, at most one per type. Empty when it carries none. */
  readonly references: readonly Reference[]
  /** Payment rail as the provider names it, for example RTP or ACH. Null when not given. */
  readonly rail: string | null
  /** Direction of the transfer as the provider names it, for example CREDIT or DEBIT. Null when not given. */
  readonly direction: string | null
  /** Clearing system as the provider names it. Null when not given. */
  readonly clearingSystem: string | null
  /**
   * Day on which the payment is to be executed, as sent. A text, not a date, because formats differ between
   * providers. Null when not given.
   */
  readonly requestedExecutionDate: string | null
  /** Value date as sent. Null when not given. */
  readonly valueDate: string | null
  /** Amount the status refers to. Null when the provider sends none; not every provider does. */
  readonly amount: Amount | null
  /** Requested amount, where it can differ from amount (partial approvals). Null when not given. */
  readonly requestAmount: Amount | null
  /**
   * True if less than requestAmount was approved; amount is then the approved amount. Also false for events older
   * than this field.
   */
  readonly partialApproval: boolean
  /** Applied exchange rate, as decimal text. Null when no conversion was reported. */
  readonly fxAppliedRate: string | null
  /** SWIFT gpi status code as sent. Null when not given. */
  readonly gpiStatus: string | null
  /** Why the payment has this status, at most 16. Empty when no reason was given. */
  readonly reasons: readonly Reason[]
  /**
   * Number of reasons left out: those beyond the 16, or the size, that an event carries, and those that are not
   * published because they are not a code or their scheme is not known. 0 when it has all.
   */
  readonly reasonsOmitted: number
  /**
   * Names of fields that the callback contained but that could not be read, sorted, at most 16. Their values are
   * left out of the event; fields that decide the status are never among them. Empty when everything was read.
   */
  readonly unreadable: readonly string[]
}

/** An identifier of the payment in some system. */
export interface Reference {
  /**
   * Name of the identifier, for example clearingSystemReference, uetr, achTraceNumber, CLMREF. A string, not an
   * enum: providers add names.
   */
  readonly type: string
  /** The identifier exactly as sent. */
  readonly value: string
}

/** An exact amount of money as the provider sent it. */
export interface Amount {
  /**
   * Decimal text exactly as sent, in the major unit of the currency, for example 100.10. Parse it as a decimal,
   * never as a float.
   */
  readonly value: string
  /**
   * ISO 4217 code. Null when neither the provider nor the configuration of the source specifies it; do not guess
   * one.
   */
  readonly currency: string | null
}

/** Why a payment has its status: a code, never a provider's free text, which may hold personal data. */
export interface Reason {
  /**
   * Which code list the code belongs to: JPM, ISO20022, NACHA, EXTERNAL, GPI, INSTAMED. A string, not an enum: an
   * unfamiliar scheme is passed on unchanged and must not be taken for a known one.
   */
  readonly scheme: string
  /** The code exactly as sent; its meaning depends on the scheme. */
  readonly code: string
  /** The provider's rule that applied (version 1 ruleDefinition). Null when none was named. */
  readonly rule: string | null
  /** Where in the instruction the problem is, as the provider names it. Null when not given. */
  readonly location: string | null
  /** The field of the instruction the reason refers to. Null when not given. */
  readonly field: string | null
}

/**
 * Everything known about one payment. Value of payments.status.current, a compacted topic: the latest record of a
 * key is valid; a tombstone (null value) means that the payment was forgotten after its retention. Read it with
 * isolation level read_committed.
 */
export interface PaymentStatus {
  /** <namespace>:<provider id>, the key of the record. */
  readonly paymentKey: string
  /**
   * An opaque number that grows each time a forgotten payment returns: it then restarts at statusVersion 1 with a
   * greater incarnation. Compare (incarnation, statusVersion) in that order; the greater pair is newer.
   */
  readonly incarnation: number
  /** Number of the last record of the payment in payments.status.changes, from 1. */
  readonly statusVersion: number
  /** What all events of the payment mean together, in whatever order they arrived. */
  readonly status: Status
  /** What to expect after this status. */
  readonly finality: Finality
  /**
   * eventId of the event the details come from: the latest one with the current status. Null when no event decides
   * (status UNKNOWN).
   */
  readonly decidedBy: string | null
  /**
   * How the caller that sent the deciding event was authenticated; see PaymentEvent.authenticity. Empty when no
   * event decides or when unknown.
   */
  readonly authenticity: readonly string[]
  /**
   * Things a person should look at: released, contradictory-finals, positive-after-final, negative-after-positive,
   * contradictory-kinds, unknown-status, event-context, client-action, weak-key, time-uncertain, unreadable-time,
   * unreadable-detail, partial-approval (explained in docs/consumers.md). Strings, not an enum: show unfamiliar
   * ones. Empty when there are none.
   */
  readonly attention: readonly string[]
  /**
   * What this is: PAYMENT, or a later transaction that undoes (part of) another one: REFUND, RETURN, CHARGEBACK.
   * UNKNOWN: it refers to another payment, but how it affects that one was not understood. A string, not an enum:
   * no value is a safe default, because an unfamiliar kind, like UNKNOWN, must never be counted as a payment.
   */
  readonly kind: string
  /** Payment key of the original that this refund, return or chargeback belongs to. Null for an original payment. */
  readonly relatesTo: string | null
  /**
   * When the status last changed, by the status processor's clock, milliseconds since the epoch, UTC. The
   * provider's time is the deciding event's occurredAt.
   */
  readonly statusChangedAt: number
  /**
   * When an event was last recorded for the payment, milliseconds since the epoch, UTC. A payment without a new
   * record for the retention is forgotten.
   */
  readonly touchedAt: number
  /**
   * When the payment was reported overdue, milliseconds since the epoch, UTC. Null if it is not. Cleared when the
   * status changes, and when all events of the payment itself are withdrawn.
   */
  readonly overdueSince: number | null
  /**
   * The customer's end-to-end id, to find the payment in the system that ordered it. Null when not given. Taken
   * from the deciding event or, if missing there, from the latest event that has it.
   */
  readonly endToEndId: string | null
  /** All known identifiers of the payment, one per type, ordered by type. Empty when none is known. */
  readonly references: readonly Reference[]
  /**
   * Payment rail as the provider names it, for example RTP or ACH. Null when not given. Taken from the deciding
   * event or, if missing there, from the latest event that has it.
   */
  readonly rail: string | null
  /**
   * Direction of the transfer as the provider names it, for example CREDIT or DEBIT. Null when not given. Taken
   * from the deciding event or, if missing there, from the latest event that has it.
   */
  readonly direction: string | null
  /**
   * Clearing system as the provider names it. Null when not given. Taken from the deciding event or, if missing
   * there, from the latest event that has it.
   */
  readonly clearingSystem: string | null
  /**
   * Day on which the payment is to be executed, as sent. A text, not a date, because formats differ between
   * providers. Null when not given. Taken from the deciding event or, if missing there, from the latest event that
   * has it.
   */
  readonly requestedExecutionDate: string | null
  /**
   * Value date as sent. Null when not given. Taken from the deciding event or, if missing there, from the latest
   * event that has it.
   */
  readonly valueDate: string | null
  /**
   * Amount the status refers to. Null when the provider sends none; not every provider does. Taken from the
   * deciding event or, if missing there, from the latest event that has it.
   */
  readonly amount: Amount | null
  /**
   * Requested amount, where it can differ from amount (partial approvals). Null when not given. Taken from the
   * deciding event or, if missing there, from the latest event that has it.
   */
  readonly requestAmount: Amount | null
  /**
   * Applied exchange rate, as decimal text. Null when no conversion was reported. Taken from the deciding event or,
   * if missing there, from the latest event that has it.
   */
  readonly fxAppliedRate: string | null
  /**
   * SWIFT gpi status code as sent. Null when not given. Taken from the deciding event or, if missing there, from
   * the latest event that has it.
   */
  readonly gpiStatus: string | null
  /**
   * Why the payment has this status, at most 16. Empty when no reason was given. Taken only from events of the
   * current status, because it explains that status.
   */
  readonly reasons: readonly Reason[]
  /**
   * Why the payment is on hold, for example PENDING_CLIENT_ACTION (the client must act). A string, not an enum:
   * pass unfamiliar values on. Null when not on hold or when no reason was given. Taken only from events of the
   * current status, because it explains that status.
   */
  readonly holdReason: string | null
  /**
   * Who refused the payment: JPM (the bank) or UNKNOWN (the provider does not say who). A string, not an enum, so
   * that UNKNOWN keeps this single meaning. Null when not refused or not stated. Taken only from events of the
   * current status, because it explains that status.
   */
  readonly rejectedBy: string | null
  /**
   * Refunds, returns and chargebacks of this payment, by payment key. They never change its status. Empty when none
   * was reported. A payment known only from them has status UNKNOWN.
   */
  readonly children: readonly ChildPayment[]
  /**
   * The history in order of arrival, at most 256 events and about 96 KiB; beyond that, events that cannot decide
   * are left out first (eventsLeftOut).
   */
  readonly events: readonly RecordedEvent[]
  /**
   * How many events the full history did not keep: refused when they arrived (they are in payments.events.dlq), or
   * displaced by others later. An event that is repeated after it was left out counts again. 0: the history has
   * every event. Also 0 for states written before this field, and an older release that writes the state sets it
   * back to 0.
   */
  readonly eventsLeftOut: number
}

/**
 * A refund, return or chargeback of this payment, according to its reports. It is a separate payment: the record
 * of its own key has its complete state.
 */
export interface ChildPayment {
  /** Payment key of the child. */
  readonly paymentKey: string
  /**
   * What it is: REFUND, RETURN, CHARGEBACK; UNKNOWN if its effect on the original was not understood; PAYMENT until
   * a report says how it undoes the original. A string, not an enum: show unfamiliar values.
   */
  readonly kind: string
  /** Canonical status of the child, by the same rules as that of any payment. */
  readonly status: Status
  /** Amount of the child. Null when the provider sends none. */
  readonly amount: Amount | null
  /** Requested amount, where it can differ from amount. Null when not given. */
  readonly requestAmount: Amount | null
}

/** An event in the history, with what its arrival meant. */
export interface RecordedEvent {
  /** The event, as payments.status.changes reported it. */
  readonly event: PaymentEvent
  /** What its arrival meant. */
  readonly verdict: Verdict
  /**
   * Id of the rule that decided the verdict, for example status-changed; the list is in docs/consumers.md. A
   * string, not an enum: it is for people; base decisions on the verdict.
   */
  readonly rule: string
  /** statusVersion of the record in payments.status.changes that reported it. */
  readonly statusVersion: number
  /** Status of the payment right after its arrival. */
  readonly statusAfter: Status
  /** When the status processor recorded it, milliseconds since the epoch, UTC. */
  readonly recordedAt: number
  /**
   * True if the history is full and only what decides the status was kept of the event: its texts that only details
   * and verdicts use are null or empty. The record in payments.status.changes that reported it has the whole event.
   * Also false for events written before this field.
   */
  readonly detailsDropped: boolean
}

/** The Avro schema of PaymentStatusChange, as JSON. */
export const CHANGE_SCHEMA =
  '{"type":"record","name":"PaymentStatusChange","namespace":"paystatus.v1","fields":[{"name":"paymentKey","type":"string"},{"name":"incarnation","type":"long"},{"name":"statusVersion","type":"long"},{"name":"verdict","type":{"type":"enum","name":"Verdict","symbols":["APPLIED","LATE","REVISION","CONFLICT","UNKNOWN","RESTATED","WITHDRAWN","OVERDUE"],"default":"UNKNOWN"}},{"name":"rule","type":"string"},{"name":"statusBefore","type":["null",{"type":"enum","name":"Status","symbols":["UNKNOWN","RECEIVED","ACCEPTED","SCHEDULED","PROCESSING","ON_HOLD","AUTHORIZED","PENDING_POSTING","SENT_TO_CLEARING","COMPLETED","SETTLED","CREDITED","BLOCKED","SETTLEMENT_FAILED","DECLINED","REJECTED","CANCELED","VOIDED","RETURNED"],"default":"UNKNOWN"}],"default":null},{"name":"statusAfter","type":"Status"},{"name":"statusChanged","type":"boolean"},{"name":"finality","type":{"type":"enum","name":"Finality","symbols":["OPEN","SOFT","FINAL"],"default":"OPEN"}},{"name":"kind","type":"string"},{"name":"relatesTo","type":["null","string"],"default":null},{"name":"endToEndId","type":["null","string"],"default":null},{"name":"attention","type":{"type":"array","items":"string"},"default":[]},{"name":"overdueSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"recordedAt","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"mappingVersionBefore","type":["null","int"],"default":null},{"name":"event","type":["null",{"type":"record","name":"PaymentEvent","fields":[{"name":"eventId","type":"string"},{"name":"paymentKey","type":"string"},{"name":"weakKey","type":"boolean"},{"name":"source","type":"string"},{"name":"provider","type":"string"},{"name":"mappingVersion","type":"int","default":0},{"name":"withdrawn","type":"boolean","default":false},{"name":"callbackId","type":"string"},{"name":"element","type":"int"},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"authenticity","type":{"type":"array","items":"string"},"default":[]},{"name":"providerEventId","type":["null","string"],"default":null},{"name":"naturalKey","type":"string"},{"name":"kind","type":"string"},{"name":"relatesTo","type":["null","string"],"default":null},{"name":"childKey","type":["null","string"],"default":null},{"name":"status","type":"Status"},{"name":"sourceStatus","type":"string"},{"name":"sourceSubStatus","type":["null","string"],"default":null},{"name":"sourceAction","type":["null","string"],"default":null},{"name":"unknownBecause","type":["null","string"],"default":null},{"name":"eventContext","type":["null","string"],"default":null},{"name":"sourceType","type":["null","string"],"default":null},{"name":"holdReason","type":["null","string"],"default":null},{"name":"rejectedBy","type":["null","string"],"default":null},{"name":"occurredAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"occurredAtText","type":["null","string"],"default":null},{"name":"occurredAtPrecision","type":"string"},{"name":"zoneAssumed","type":"boolean"},{"name":"timeUnreadable","type":"boolean","default":false},{"name":"endToEndId","type":["null","string"],"default":null},{"name":"references","type":{"type":"array","items":{"type":"record","name":"Reference","fields":[{"name":"type","type":"string"},{"name":"value","type":"string"}]}},"default":[]},{"name":"rail","type":["null","string"],"default":null},{"name":"direction","type":["null","string"],"default":null},{"name":"clearingSystem","type":["null","string"],"default":null},{"name":"requestedExecutionDate","type":["null","string"],"default":null},{"name":"valueDate","type":["null","string"],"default":null},{"name":"amount","type":["null",{"type":"record","name":"Amount","fields":[{"name":"value","type":"string"},{"name":"currency","type":["null","string"],"default":null}]}],"default":null},{"name":"requestAmount","type":["null","Amount"],"default":null},{"name":"partialApproval","type":"boolean","default":false},{"name":"fxAppliedRate","type":["null","string"],"default":null},{"name":"gpiStatus","type":["null","string"],"default":null},{"name":"reasons","type":{"type":"array","items":{"type":"record","name":"Reason","fields":[{"name":"scheme","type":"string"},{"name":"code","type":"string"},{"name":"rule","type":["null","string"],"default":null},{"name":"location","type":["null","string"],"default":null},{"name":"field","type":["null","string"],"default":null}]}},"default":[]},{"name":"reasonsOmitted","type":"int","default":0},{"name":"unreadable","type":{"type":"array","items":"string"},"default":[]}]}],"default":null}]}'

/** The Avro schema of PaymentStatus, as JSON. */
export const STATUS_SCHEMA =
  '{"type":"record","name":"PaymentStatus","namespace":"paystatus.v1","fields":[{"name":"paymentKey","type":"string"},{"name":"incarnation","type":"long"},{"name":"statusVersion","type":"long"},{"name":"status","type":{"type":"enum","name":"Status","symbols":["UNKNOWN","RECEIVED","ACCEPTED","SCHEDULED","PROCESSING","ON_HOLD","AUTHORIZED","PENDING_POSTING","SENT_TO_CLEARING","COMPLETED","SETTLED","CREDITED","BLOCKED","SETTLEMENT_FAILED","DECLINED","REJECTED","CANCELED","VOIDED","RETURNED"],"default":"UNKNOWN"}},{"name":"finality","type":{"type":"enum","name":"Finality","symbols":["OPEN","SOFT","FINAL"],"default":"OPEN"}},{"name":"decidedBy","type":["null","string"],"default":null},{"name":"authenticity","type":{"type":"array","items":"string"},"default":[]},{"name":"attention","type":{"type":"array","items":"string"},"default":[]},{"name":"kind","type":"string"},{"name":"relatesTo","type":["null","string"],"default":null},{"name":"statusChangedAt","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"touchedAt","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"overdueSince","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"endToEndId","type":["null","string"],"default":null},{"name":"references","type":{"type":"array","items":{"type":"record","name":"Reference","fields":[{"name":"type","type":"string"},{"name":"value","type":"string"}]}},"default":[]},{"name":"rail","type":["null","string"],"default":null},{"name":"direction","type":["null","string"],"default":null},{"name":"clearingSystem","type":["null","string"],"default":null},{"name":"requestedExecutionDate","type":["null","string"],"default":null},{"name":"valueDate","type":["null","string"],"default":null},{"name":"amount","type":["null",{"type":"record","name":"Amount","fields":[{"name":"value","type":"string"},{"name":"currency","type":["null","string"],"default":null}]}],"default":null},{"name":"requestAmount","type":["null","Amount"],"default":null},{"name":"fxAppliedRate","type":["null","string"],"default":null},{"name":"gpiStatus","type":["null","string"],"default":null},{"name":"reasons","type":{"type":"array","items":{"type":"record","name":"Reason","fields":[{"name":"scheme","type":"string"},{"name":"code","type":"string"},{"name":"rule","type":["null","string"],"default":null},{"name":"location","type":["null","string"],"default":null},{"name":"field","type":["null","string"],"default":null}]}},"default":[]},{"name":"holdReason","type":["null","string"],"default":null},{"name":"rejectedBy","type":["null","string"],"default":null},{"name":"children","type":{"type":"array","items":{"type":"record","name":"ChildPayment","fields":[{"name":"paymentKey","type":"string"},{"name":"kind","type":"string"},{"name":"status","type":"Status"},{"name":"amount","type":["null","Amount"],"default":null},{"name":"requestAmount","type":["null","Amount"],"default":null}]}},"default":[]},{"name":"events","type":{"type":"array","items":{"type":"record","name":"RecordedEvent","fields":[{"name":"event","type":{"type":"record","name":"PaymentEvent","fields":[{"name":"eventId","type":"string"},{"name":"paymentKey","type":"string"},{"name":"weakKey","type":"boolean"},{"name":"source","type":"string"},{"name":"provider","type":"string"},{"name":"mappingVersion","type":"int","default":0},{"name":"withdrawn","type":"boolean","default":false},{"name":"callbackId","type":"string"},{"name":"element","type":"int"},{"name":"receivedAt","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"authenticity","type":{"type":"array","items":"string"},"default":[]},{"name":"providerEventId","type":["null","string"],"default":null},{"name":"naturalKey","type":"string"},{"name":"kind","type":"string"},{"name":"relatesTo","type":["null","string"],"default":null},{"name":"childKey","type":["null","string"],"default":null},{"name":"status","type":"Status"},{"name":"sourceStatus","type":"string"},{"name":"sourceSubStatus","type":["null","string"],"default":null},{"name":"sourceAction","type":["null","string"],"default":null},{"name":"unknownBecause","type":["null","string"],"default":null},{"name":"eventContext","type":["null","string"],"default":null},{"name":"sourceType","type":["null","string"],"default":null},{"name":"holdReason","type":["null","string"],"default":null},{"name":"rejectedBy","type":["null","string"],"default":null},{"name":"occurredAt","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null},{"name":"occurredAtText","type":["null","string"],"default":null},{"name":"occurredAtPrecision","type":"string"},{"name":"zoneAssumed","type":"boolean"},{"name":"timeUnreadable","type":"boolean","default":false},{"name":"endToEndId","type":["null","string"],"default":null},{"name":"references","type":{"type":"array","items":"Reference"},"default":[]},{"name":"rail","type":["null","string"],"default":null},{"name":"direction","type":["null","string"],"default":null},{"name":"clearingSystem","type":["null","string"],"default":null},{"name":"requestedExecutionDate","type":["null","string"],"default":null},{"name":"valueDate","type":["null","string"],"default":null},{"name":"amount","type":["null","Amount"],"default":null},{"name":"requestAmount","type":["null","Amount"],"default":null},{"name":"partialApproval","type":"boolean","default":false},{"name":"fxAppliedRate","type":["null","string"],"default":null},{"name":"gpiStatus","type":["null","string"],"default":null},{"name":"reasons","type":{"type":"array","items":"Reason"},"default":[]},{"name":"reasonsOmitted","type":"int","default":0},{"name":"unreadable","type":{"type":"array","items":"string"},"default":[]}]}},{"name":"verdict","type":{"type":"enum","name":"Verdict","symbols":["APPLIED","LATE","REVISION","CONFLICT","UNKNOWN","RESTATED","WITHDRAWN","OVERDUE"],"default":"UNKNOWN"}},{"name":"rule","type":"string"},{"name":"statusVersion","type":"long"},{"name":"statusAfter","type":"Status"},{"name":"recordedAt","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"detailsDropped","type":"boolean","default":false}]}},"default":[]},{"name":"eventsLeftOut","type":"long","default":0}]}'

