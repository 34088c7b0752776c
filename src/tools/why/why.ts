import { hash } from 'node:crypto'
import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { Config } from '../../config.ts'
import type { OpensBodies } from '../../encryption/body-opener.ts'
import { createBodyOpener } from '../../encryption/open-bodies.ts'
import { createGroupOffsets } from '../../kafka/group-offsets.ts'
import type { Logger } from '../../observability/log.ts'
import type { PaymentState } from '../../payment/apply-event.ts'
import type { StatusChangeRecord } from '../../payment/status-change.ts'
import { RAW_HEADERS } from '../../raw/raw-headers.ts'
import { receivedAtOf } from '../../raw/received-at.ts'
import { DLQ_HEADERS } from '../../stream/dead-letter.ts'
import { headerText } from '../../stream/header-text.ts'
import { partitionOf } from '../../stream/partition-of.ts'
import type { PartitionReader } from '../../stream/partition-reader.ts'
import type { InRecord } from '../../stream/record.ts'
import { traceIdOf } from '../../stream/traceparent.ts'
import type { TopicNames } from '../../topics.ts'
import { type OpenedIfPossible, openIfPossible } from '../open-if-possible.ts'
import { type FindOptions, type FoundPayments, findPayments } from '../show.ts'
import { decodeAnything, decodeOrNull } from '../verify/decode-or-null.ts'
import { withClients } from '../with-clients.ts'
import { explainPayment, type PaymentExplanation, type PaymentTrace, type RawPlace } from './explain-payment.ts'

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
 * only while callbacks are missing.
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
      const callbackIds = new Set(traces.flatMap(callbackIdsOf))
      const homes = traces.map(({ state }) => partitionOf(Buffer.from(state.paymentKey), partitions))
      const all = Array.from({ length: partitions }, (_, partition) => partition)
      const raw = await findRaw(world, callbackIds, [...new Set([...homes, ...all])], new Set(homes), options.onReading)
      return traces.map((trace) => explainPayment({ ...trace, ...raw }))
    },
  )
}

interface World {
  readonly reader: PartitionReader
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

function callbackIdsOf({ state, changes, events, deadLetters }: Omit<PaymentTrace, 'raw' | 'rawReachesBackTo'>) {
  return [
    ...state.events.map(({ event }) => event.callbackId),
    ...changes.flatMap(({ event }) => (event === null ? [] : [event.callbackId])),
    ...[...events, ...deadLetters].map(({ event }) => event.callbackId),
  ]
}

/** Reads partitions of raw in the given order: always the `homes`, the others only while callbacks are missing. */
async function findRaw(
  { reader, bodies, topics, signal }: World,
  callbackIds: ReadonlySet<string>,
  partitions: readonly number[],
  homes: ReadonlySet<number>,
  onReading: WhyOptions['onReading'],
): Promise<Pick<PaymentTrace, 'raw' | 'rawReachesBackTo'>> {
  const raw = new Map<string, RawPlace>()
  let rawReachesBackTo: number | null = null
  for (const partition of partitions) {
    if (raw.size === callbackIds.size && !homes.has(partition)) {
      break
    }
    onReading?.(topics.raw, partition)
    let first: InRecord | undefined
    const { start } = await reader.read(
      topics.raw,
      partition,
      0n,
      async (records) => {
        first ??= records[0]
        const wanted = records.filter((record) => callbackIds.has(headerText(record, RAW_HEADERS.id)))
        const opened = await openIfPossible(bodies, wanted, signal)
        for (const [index, record] of wanted.entries()) {
          const id = headerText(record, RAW_HEADERS.id)
          raw.set(id, placeOf(record, opened[index] ?? 'no-key', topics.raw, partition, raw.get(id)))
        }
      },
      signal,
    )
    if (start > 0n) {
      rawReachesBackTo = Math.max(rawReachesBackTo ?? 0, first === undefined ? Date.now() : receivedAtOf(first))
    }
  }
  return { raw, rawReachesBackTo }
}

function placeOf(
  record: InRecord,
  opened: OpenedIfPossible,
  topic: string,
  partition: number,
  before: RawPlace | undefined,
): RawPlace {
  const offset = Number(record.offset)
  if (before !== undefined) {
    return { ...before, repeatedAt: [...before.repeatedAt, offset] }
  }
  const body = typeof opened === 'string' ? null : (opened.value ?? Buffer.alloc(0))
  return {
    topic,
    partition,
    offset,
    body: typeof opened === 'string' ? opened : 'readable',
    bodySha256: body === null ? null : hash('sha256', body, 'hex'),
    bodyBytes: body?.length ?? null,
    dataKeyId: headerText(record, RAW_HEADERS.dataKey) || null,
    traceId: traceIdOf(record),
    repeatedAt: [],
  }
}
