import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { Config } from '../../config.ts'
import type { OpensBodies } from '../../encryption/body-opener.ts'
import { createBodyOpener } from '../../encryption/open-bodies.ts'
import { createGroupOffsets } from '../../kafka/group-offsets.ts'
import type { Logger } from '../../observability/log.ts'
import type { PaymentState } from '../../payment/apply-event.ts'
import type { StatusChangeRecord } from '../../payment/status-change.ts'
import { DLQ_HEADERS } from '../../stream/dead-letter.ts'
import { headerText } from '../../stream/header-text.ts'
import { partitionOf } from '../../stream/partition-of.ts'
import type { TimedPartitionReader } from '../../stream/partition-reader.ts'
import type { InRecord } from '../../stream/record.ts'
import type { TopicNames } from '../../topics.ts'
import { type FindOptions, type FoundPayments, findPayments } from '../show.ts'
import { decodeAnything, decodeOrNull } from '../verify/decode-or-null.ts'
import { withClients } from '../with-clients.ts'
import { explainPayment, type PaymentExplanation, type PaymentTrace } from './explain-payment.ts'
import { findRaw } from './find-raw.ts'

export interface WhyOptions extends FindOptions {
  /** Called before each partition of raw, because reading all of them can take long. */
  readonly onReading?: (topic: string, partition: number) => void
}

export interface Explained {
  readonly payments: readonly PaymentExplanation[]
  readonly from: FoundPayments['from']
}

/**
 * Explains payments by their callbacks. Finds payments as `show` does, and callbacks in raw by their receipt ids. A callback
 * is in the partition of the first payment that it names, so the payments' own partitions are read first, and the others
 * only while callbacks are missing that raw can still have.
 */
export async function explainPayments(
  config: Config,
  logger: Logger,
  wanted: string,
  options: WhyOptions = {},
): Promise<Explained> {
  const { states, from } = await findPayments(config, logger, wanted, options)
  return { from, payments: await explainStates(config, logger, states, options) }
}

/** Explains payments whose states are known. */
export async function explainStates(
  config: Config,
  logger: Logger,
  states: readonly PaymentState[],
  options: Omit<WhyOptions, 'fromTopic' | 'onNoView'> = {},
): Promise<readonly PaymentExplanation[]> {
  const { partitions } = config.kafka
  return withClients(
    { config, logger, tool: 'why' },
    ['brokers', 'codecs'],
    async ({ topics, kafka, reader, codecs }) => {
      const bodies = createBodyOpener(config, topics, reader)
      const world: World = { reader, bodies, topics, codecs, signal: options.signal }
      const offsets = createGroupOffsets(kafka)
      const traces: Omit<PaymentTrace, 'raw' | 'rawReachesBackTo'>[] = []
      for (const state of states) {
        const partition = partitionOf(Buffer.from(state.paymentKey), partitions)
        const { offset } = await offsets.committed(config.processor.group, topics.events, partition)
        traces.push(await readTrace(world, state, partition, offset))
      }
      const callbacks = new Map(traces.flatMap(callbacksOf))
      const homes = traces.map(({ state }) => partitionOf(Buffer.from(state.paymentKey), partitions))
      const all = Array.from({ length: partitions }, (_, partition) => partition)
      const raw = await findRaw(world, callbacks, [...new Set([...homes, ...all])], new Set(homes), options.onReading)
      return traces.map((trace) => explainPayment({ ...trace, ...raw }))
    },
  )
}

interface World {
  readonly reader: TimedPartitionReader
  readonly bodies: OpensBodies
  readonly topics: TopicNames
  readonly codecs: PaymentCodecs
  readonly signal: AbortSignal | undefined
}

async function readTrace(world: World, state: PaymentState, partition: number, processedTo: bigint) {
  const { topics, codecs } = world
  const changes: StatusChangeRecord[] = []
  for (const { value, offset } of await recordsOf(world, topics.changes, partition, state.paymentKey)) {
    const change = await decodeOrNull(codecs.change, value, { topic: topics.changes, partition, offset })
    if (change !== null) {
      changes.push(change)
    }
  }
  const events = (await eventsIn(world, topics.events, partition, state.paymentKey)).map(({ event, record }) => ({
    event,
    processed: record.offset < processedTo,
  }))
  const deadLetters = (await eventsIn(world, topics.eventDeadLetters, partition, state.paymentKey)).map(
    ({ event, record }) => ({ event, reason: headerText(record, DLQ_HEADERS.reason) }),
  )
  return { state, changes, events, deadLetters }
}

async function eventsIn(world: World, topic: string, partition: number, paymentKey: string) {
  const records = await recordsOf(world, topic, partition, paymentKey)
  const decode = topic === world.topics.eventDeadLetters ? decodeAnything : decodeOrNull
  const decoded = await Promise.all(
    records.map(async (record) => {
      const place = { topic, partition, offset: record.offset }
      return { record, event: await decode(world.codecs.event, record.value, place) }
    }),
  )
  return decoded.flatMap(({ record, event }) => (event?.paymentKey === paymentKey ? [{ record, event }] : []))
}

async function recordsOf(world: World, topic: string, partition: number, key: string): Promise<readonly InRecord[]> {
  const wanted = Buffer.from(key)
  const found: InRecord[] = []
  const { reader, signal } = world
  await reader.read(
    topic,
    partition,
    0n,
    (records) => {
      found.push(...records.filter((record) => record.key?.equals(wanted)))
    },
    signal,
  )
  return found
}

/** When each callback of the payment was received, by its id. */
function callbacksOf({ state, changes, events, deadLetters }: Omit<PaymentTrace, 'raw' | 'rawReachesBackTo'>) {
  const found = [
    ...state.events.map(({ event }) => event),
    ...changes.flatMap(({ event }) => (event === null ? [] : [event])),
    ...[...events, ...deadLetters].map(({ event }) => event),
  ]
  return found.map(({ callbackId, receivedAt }) => [callbackId, receivedAt] as const)
}
