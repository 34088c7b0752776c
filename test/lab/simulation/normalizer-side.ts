import { NormalizerTask } from '../../../src/normalizer/normalizer-task.ts'
import { withChildReports } from '../../../src/payment/child-report.ts'
import { eventIdOf } from '../../../src/payment/event-id.ts'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import { restatementBy, saysTheSame } from '../../../src/payment/reading.ts'
import type { Callback, Provider } from '../../../src/providers/provider.ts'
import { fromRawRecord, type RawCallback } from '../../../src/raw/from-raw-record.ts'
import { type SourcesById, sourcesById } from '../../../src/raw/sources-by-id.ts'
import type { AppendLog } from '../../../src/stream/append-log.ts'
import type { OutRecord } from '../../../src/stream/record.ts'
import { SeenTopics } from '../../../src/stream/seen-topics.ts'
import { CODECS, PARTITION, type StatusWorld, TOPICS } from '../../processor/status-world.ts'
import type { MemoryKafka } from '../harness/memory-kafka.ts'

export const RAW_PARTITION = 0
export const NORMALIZER_GROUP = 'normalizer'

/** Two releases of the normalizer with different mappings, which may run side by side. */
export const RELEASES = ['old', 'new'] as const
export type Release = (typeof RELEASES)[number]

const SOURCE_ID = 'jpm-v1'
const NEW_SOURCES = sourcesById([
  { id: SOURCE_ID, provider: 'jpm-global-payments-v1', namespace: 'jpm', currency: null },
])
const SOURCES: Readonly<Record<Release, SourcesById>> = { new: NEW_SOURCES, old: withOldMapping(NEW_SOURCES) }

function withOldMapping(sources: SourcesById): SourcesById {
  return new Map(
    [...sources].map(([id, { facts, provider }]) => {
      const translate = (callback: Callback) => {
        const translation = provider.translate(callback)
        return { ...translation, events: translation.events.map(readByOldMapping) }
      }
      return [id, { facts, provider: { ...provider, mappingVersion: 0, translate } satisfies Provider }]
    }),
  )
}

/** The old mapping does not know COMPLETED, and reads RETURNED as a return with its own payment key. */
function readByOldMapping(event: PaymentEvent): PaymentEvent {
  if (event.status === 'COMPLETED') {
    return { ...event, mappingVersion: 0, status: 'UNKNOWN', unknownBecause: 'STATUS' }
  }
  if (event.status !== 'RETURNED') {
    return { ...event, mappingVersion: 0 }
  }
  const { paymentKey } = event
  const returned: PaymentEvent = {
    ...event,
    mappingVersion: 0,
    paymentKey: `${paymentKey}-return`,
    relatesTo: paymentKey,
    kind: 'RETURN',
    status: 'COMPLETED',
  }
  return { ...returned, eventId: eventIdOf(returned) }
}

/** The normalizer of the only raw partition, on in-memory Kafka. The group rejects commits of non-members. */
export function normalizerTask(
  kafka: MemoryKafka,
  release: Release,
  isMember: (task: NormalizerTask) => boolean,
  onUnaccounted: (callbacks: number) => void,
): NormalizerTask {
  /** All payments of the simulation are in one partition of the events. */
  const logOf = (topic: string, to: number): AppendLog => ({
    topic,
    partitions: kafka.factsOf(topic).partitions,
    append: async (_partition, records) => {
      await kafka.onStep('append.before')
      for (const record of records) {
        kafka.produce(topic, to, record)
      }
      await kafka.onStep('append.after')
    },
  })
  const task: NormalizerTask = new NormalizerTask({
    partition: RAW_PARTITION,
    group: NORMALIZER_GROUP,
    rawTopic: TOPICS.raw,
    sources: SOURCES[release],
    events: logOf(TOPICS.events, PARTITION),
    deadLetters: logOf(TOPICS.rawDeadLetters, RAW_PARTITION),
    codec: CODECS.event,
    bodies: { open: async (records) => records },
    reader: kafka.reader,
    offsets: kafka.offsets,
    logs: kafka.logs,
    seenTopics: new SeenTopics(),
    environment: 'test',
    namespaces: new Map([['jpm-v1', 'jpm']]),
    commit: async (partition, next, metadata) => {
      await kafka.onStep('commit.before')
      if (!isMember(task)) {
        throw new Error('not a member of the group')
      }
      kafka.moveGroup(NORMALIZER_GROUP, TOPICS.raw, partition, next, metadata)
      await kafka.onStep('commit.after')
    },
    now: () => 0,
    onTranslated: ({ unaccounted }) => onUnaccounted(Math.abs(unaccounted)),
    onDrift: () => {},
    onUnknownSource: () => {},
  })
  return task
}

export interface SimulatedCallback {
  readonly payment: string
  readonly status: string
  /** Minute of the hour at which the status changed. */
  readonly minute: number
  readonly malformed: boolean
}

/** A callback as the gateway writes it. */
export function callbackOf(index: number, { payment, status, minute, malformed }: SimulatedCallback): OutRecord {
  const said = {
    endToEndId: `e2e-${payment}`,
    firmRootId: `00000000-0000-4000-8000-00000000000${payment === 'x' ? 1 : 2}`,
    createDateTime: `2026-01-05T08:${minute}:00.000Z`,
    paymentStatus: status,
  }
  return {
    key: payment,
    value: Buffer.from(malformed ? '{"callbacks":' : JSON.stringify({ callbacks: [said] })),
    headers: {
      ce_id: `callback-${index}`,
      ce_source: 'jpm-v1',
      ce_time: new Date(Date.UTC(2026, 0, 5, 9, index)).toISOString(),
      'content-type': 'application/json',
    },
  }
}

/**
 * What `reprocess` of the new release publishes: the events that it reads from the callbacks in the raw topic and that are unknown
 * or were read differently, and withdrawals of the events that it no longer reads.
 */
export function remediesOf(world: StatusWorld): readonly PaymentEvent[] {
  const { events: said } = eventsOf(world.kafka, 'new')
  const current = world.current()
  const readings = said.filter((event) => {
    const known = current.get(event.paymentKey)?.events.find((one) => one.event.eventId === event.eventId)?.event
    return known === undefined || (restatementBy(event, known) !== null && !saysTheSame(event, known))
  })
  const saidIds = new Set(said.map(({ eventId }) => eventId))
  const withdrawals = [...current.values()]
    .flatMap(({ events }) => events.map(({ event }) => event))
    .filter(({ source, withdrawn, eventId }) => source === SOURCE_ID && !withdrawn && !saidIds.has(eventId))
    .map((event) => ({ ...event, mappingVersion: event.mappingVersion + 1, withdrawn: true }))
  return [...readings, ...withdrawals]
}

/** The events and dead letters of the callbacks in the raw topic, each translated once by this release. */
export function eventsOf(
  kafka: MemoryKafka,
  release: Release,
): { readonly events: PaymentEvent[]; readonly deadLetters: Set<string> } {
  const events: PaymentEvent[] = []
  const deadLetters = new Set<string>()
  for (const record of kafka.records(TOPICS.raw, RAW_PARTITION)) {
    const raw = fromRawRecord(record, SOURCES[release]) as RawCallback
    const translation = raw.provider.translate(raw.callback)
    events.push(...withChildReports(translation.events))
    if (translation.deadLetters.length > 0) {
      deadLetters.add(String(record.headers['ce_id']))
    }
  }
  return { events, deadLetters }
}
