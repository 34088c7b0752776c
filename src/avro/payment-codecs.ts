import { authenticityOf, type PaymentState, type RecordedEvent } from '../payment/apply-event.ts'
import type { PaymentDetails } from '../payment/fold-payment.ts'
import type { PaymentEvent } from '../payment/payment-event.ts'
import { type PublishedFinality, publishedFinalityOf, type StatusChangeRecord } from '../payment/status-change.ts'
import { TOPICS, type TopicNames } from '../topics.ts'
import { LastRecord } from './avro-bytes.ts'
import { type AvroCodec, type AvroCodecOptions, createCodec } from './codec.ts'
import { readSchemaFile, subjectOf } from './schema-files.ts'
import type { SchemaRegistry } from './schema-registry.ts'

/** The codecs of the three Avro values. */
export interface PaymentCodecs {
  readonly event: AvroCodec<PaymentEvent>
  readonly change: AvroCodec<StatusChangeRecord>
  readonly state: AvroCodec<PaymentState>
}

/**
 * Loads the codecs with the ids that the registry has for this release's schemas.
 *
 * Rejects with RegistryUnreachableError (retry, see withRetry) or SchemaNotRegisteredError (apply the schemas first).
 */
export async function loadPaymentCodecs(
  registry: Pick<SchemaRegistry, 'idOf' | 'schemaById'>,
  topicNames: TopicNames,
  now: () => number,
): Promise<PaymentCodecs> {
  const idFor = (topic: 'events' | 'changes' | 'current') =>
    registry.idOf(subjectOf(topicNames[topic]), readSchemaFile(TOPICS[topic].schema))
  const [eventId, changeId, stateId] = await Promise.all([idFor('events'), idFor('changes'), idFor('current')])
  const fetchSchema = (schemaId: number) => registry.schemaById(schemaId)
  const optionsOf = (topic: 'events' | 'changes' | 'current', schemaId: number) => {
    return { schemaId, subject: subjectOf(topicNames[topic]), fetchSchema, now }
  }
  const last = new LastRecord('paystatus.v1.PaymentEvent')
  return {
    event: paymentEventCodec(optionsOf('events', eventId)),
    change: changeCodec({ ...optionsOf('changes', changeId), last }),
    state: stateCodec({ ...optionsOf('current', stateId), last }),
  }
}

export type PaymentCodecOptions = Pick<
  AvroCodecOptions<never, never>,
  'schemaId' | 'subject' | 'fetchSchema' | 'now' | 'last'
>

/** PaymentEvent has exactly the fields of its schema, and is written unchanged. */
export function paymentEventCodec(options: PaymentCodecOptions): AvroCodec<PaymentEvent> {
  return createCodec<PaymentEvent, PaymentEvent>({
    ...options,
    name: 'PaymentEvent',
    schema: readSchemaFile(TOPICS.events.schema),
    toAvro: asIs,
    fromAvro: asIs,
  })
}

/** StatusChangeRecord has exactly the fields of its schema, and is written unchanged. */
export function changeCodec(options: PaymentCodecOptions): AvroCodec<StatusChangeRecord> {
  return createCodec<StatusChangeRecord, StatusChangeRecord>({
    ...options,
    name: 'PaymentStatusChange',
    schema: readSchemaFile(TOPICS.changes.schema),
    toAvro: asIs,
    fromAvro: asIs,
  })
}

/** A state is published flat, with its finality; its events are written unchanged. */
export function stateCodec(options: PaymentCodecOptions): AvroCodec<PaymentState> {
  return createCodec<PaymentState, PublishedState>({
    ...options,
    name: 'PaymentStatus',
    schema: readSchemaFile(TOPICS.current.schema),
    keptField: 'events',
    toAvro: toPublishedState,
    fromAvro: fromPublishedState,
  })
}

function asIs<T>(value: T): T {
  return value
}

/** The record of `schemas/payment-status.avsc`. */
export interface PublishedState extends Omit<PaymentState, 'details'>, PaymentDetails {
  readonly finality: PublishedFinality
  /** That of the deciding event. Not a separate part of the state, which has it in that event. */
  readonly authenticity: readonly string[]
  readonly events: readonly RecordedEvent[]
}

/** One flat object, and no copies of nested values: this runs for every event. */
export function toPublishedState(state: PaymentState): PublishedState {
  const { details } = state
  return {
    paymentKey: state.paymentKey,
    incarnation: state.incarnation,
    statusVersion: state.statusVersion,
    status: state.status,
    finality: publishedFinalityOf(state.status),
    decidedBy: state.decidedBy,
    authenticity: authenticityOf(state),
    attention: state.attention,
    kind: state.kind,
    relatesTo: state.relatesTo,
    children: state.children,
    statusChangedAt: state.statusChangedAt,
    touchedAt: state.touchedAt,
    overdueSince: state.overdueSince,
    endToEndId: details.endToEndId,
    references: details.references,
    rail: details.rail,
    direction: details.direction,
    clearingSystem: details.clearingSystem,
    requestedExecutionDate: details.requestedExecutionDate,
    valueDate: details.valueDate,
    amount: details.amount,
    requestAmount: details.requestAmount,
    fxAppliedRate: details.fxAppliedRate,
    gpiStatus: details.gpiStatus,
    reasons: details.reasons,
    holdReason: details.holdReason,
    rejectedBy: details.rejectedBy,
    events: state.events,
    eventsLeftOut: state.eventsLeftOut,
  }
}

export function fromPublishedState(published: PublishedState): PaymentState {
  return {
    paymentKey: published.paymentKey,
    incarnation: published.incarnation,
    statusVersion: published.statusVersion,
    status: published.status,
    decidedBy: published.decidedBy,
    attention: published.attention,
    kind: published.kind,
    relatesTo: published.relatesTo,
    children: published.children,
    details: {
      endToEndId: published.endToEndId,
      references: published.references,
      rail: published.rail,
      direction: published.direction,
      clearingSystem: published.clearingSystem,
      requestedExecutionDate: published.requestedExecutionDate,
      valueDate: published.valueDate,
      amount: published.amount,
      requestAmount: published.requestAmount,
      fxAppliedRate: published.fxAppliedRate,
      gpiStatus: published.gpiStatus,
      reasons: published.reasons,
      holdReason: published.holdReason,
      rejectedBy: published.rejectedBy,
    },
    statusChangedAt: published.statusChangedAt,
    touchedAt: published.touchedAt,
    overdueSince: published.overdueSince,
    events: published.events,
    eventsLeftOut: published.eventsLeftOut,
  }
}
