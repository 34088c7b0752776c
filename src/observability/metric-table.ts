import { AUTHENTICATION_TYPES } from '../config/authentication-types.ts'
import { COUNTER_NAMES } from '../payment/totals.ts'
import { DRIFT_KINDS } from '../providers/drift.ts'
import { DEAD_LETTER_REASONS } from '../providers/provider.ts'
import { PROVIDER_IDS } from '../providers/registry.ts'
import { ANSWER_CODES } from './answer-codes.ts'

/** The source label of requests that belong to no source, such as those for an unknown path. */
export const NO_SOURCE = 'none'
/** The provider label of events whose provider this release does not know. */
export const OTHER_PROVIDER = 'other'
/** Why the gateway closed a connection: too many in total, too many from one address, idle, or its answer not read. */
export const CONNECTION_CUTS = ['total', 'address', 'idle', 'unread'] as const
export const READING_STAGES = ['normalizer', 'processor'] as const
export const LANE_STATES = ['opening', 'open', 'doubt', 'closed'] as const

/**
 * The values of a label. A list is closed; `sources` are the ids of the configured sources; `runtime` values are bounded by
 * what the process runs or loads: stages, partitions, certificate files.
 */
export type LabelValues = readonly (string | number)[] | 'sources' | 'sources-and-none' | 'runtime'

export interface MetricRow {
  /** A `reading` is a gauge whose values are read on each scrape. */
  readonly kind: 'counter' | 'gauge' | 'histogram' | 'reading'
  readonly name: string
  readonly help: string
  readonly labels?: Readonly<Record<string, LabelValues>>
  /** Upper bounds, for a histogram. */
  readonly buckets?: readonly number[]
}

/*
 * Every metric of the product. Labels never hold a key, a body, a path or a value that a caller chose (I9), so the number
 * of series is bounded (I10).
 */

export const GATEWAY_METRICS = {
  requests: {
    kind: 'counter',
    name: 'paystatus_gateway_requests_total',
    help: 'Requests answered, by source and status code.',
    // `other` keeps the list closed; `disconnected` counts callers that left before their answer.
    labels: { source: 'sources-and-none', code: [...ANSWER_CODES, 'other', 'disconnected'] },
  },
  answerSeconds: {
    kind: 'histogram',
    name: 'paystatus_gateway_answer_seconds',
    help: 'Seconds from the complete request head to the answer.',
    labels: { source: 'sources-and-none' },
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3],
  },
  lastAccepted: {
    kind: 'reading',
    name: 'paystatus_gateway_last_accepted_timestamp_seconds',
    help: 'Unix time of the last accepted callback of a source; until the first one, of the start of the process.',
    labels: { source: 'sources' },
  },
  connectionsCut: {
    kind: 'counter',
    name: 'paystatus_gateway_connections_cut_total',
    help: 'Connections the gateway refused or closed because of a limit, by limit.',
    labels: { reason: CONNECTION_CUTS },
  },
  connectionsOpened: {
    kind: 'counter',
    name: 'paystatus_gateway_connections_opened_total',
    help: 'Connections of callers that were accepted.',
  },
  connections: {
    kind: 'reading',
    name: 'paystatus_gateway_connections',
    help: 'Open connections of callers.',
  },
  refusals: {
    kind: 'counter',
    name: 'paystatus_gateway_authentication_refusals_total',
    help: 'Callers that failed authentication, by the first requirement that did not hold.',
    labels: { source: 'sources', type: AUTHENTICATION_TYPES },
  },
  handshakeFailures: {
    kind: 'counter',
    name: 'paystatus_gateway_tls_handshake_failures_total',
    help: 'Connections that ended before the TLS handshake was complete.',
  },
  expiryDays: {
    kind: 'reading',
    name: 'paystatus_gateway_expiry_days',
    help: 'Days until a server or CA certificate or a revocation list expires; id: first 16 hex digits of a certificate’s SHA-256, or a list’s position.',
    labels: { use: 'runtime', source: 'runtime', id: 'runtime' },
  },
  staleFiles: {
    kind: 'reading',
    name: 'paystatus_gateway_stale_files',
    help: 'Certificates, keys, lists and secrets whose files changed to unusable content; the old content stays in use.',
  },
  waitingRecords: {
    kind: 'reading',
    name: 'paystatus_gateway_waiting_records',
    help: 'Callbacks received completely and not yet acknowledged by the broker.',
  },
  waitingBytes: {
    kind: 'reading',
    name: 'paystatus_gateway_waiting_bytes',
    help: 'Size of these callbacks, including keys and headers.',
  },
} as const satisfies Record<string, MetricRow>

/** Every callback's elements end as an event, a dead letter or set aside (I2). */
export const NORMALIZER_METRICS = {
  callbacks: {
    kind: 'counter',
    name: 'paystatus_normalizer_callbacks_total',
    help: 'Callbacks read from the raw topic.',
  },
  events: { kind: 'counter', name: 'paystatus_normalizer_events_total', help: 'Payment events written.' },
  deadLetters: {
    kind: 'counter',
    name: 'paystatus_normalizer_dead_letters_total',
    help: 'Callbacks or elements that could not become an event, by reason.',
    labels: { reason: Object.keys(DEAD_LETTER_REASONS) },
  },
  setAside: {
    kind: 'counter',
    name: 'paystatus_normalizer_set_aside_total',
    help: 'Elements that are understood but report no payment status.',
  },
  forgotten: {
    kind: 'counter',
    name: 'paystatus_normalizer_forgotten_total',
    help: 'Callbacks set aside because the data key of their body was forgotten.',
  },
  drift: {
    kind: 'counter',
    name: 'paystatus_normalizer_drift_total',
    help: 'Names in callbacks that the mapping does not know, once per callback and name; the log lists each once.',
    labels: { provider: PROVIDER_IDS, kind: DRIFT_KINDS },
  },
} as const satisfies Record<string, MetricRow>

/** Which verdicts add up to the events (I8): totals.ts. */
export const PROCESSOR_METRICS = {
  events: { kind: 'counter', name: 'paystatus_processor_events_total', help: 'Events read and committed.' },
  verdicts: {
    kind: 'counter',
    name: 'paystatus_processor_verdicts_total',
    help: 'Verdicts on events, and actions of timers (overdue, forgotten).',
    labels: { verdict: COUNTER_NAMES.filter((name) => name !== 'events') },
  },
  transactions: {
    kind: 'counter',
    name: 'paystatus_processor_transactions_total',
    help: 'Kafka transactions, by outcome; the outcome of a failed one is unknown until the lane restarts.',
    labels: { outcome: ['committed', 'failed'] },
  },
  restoreSeconds: {
    kind: 'histogram',
    name: 'paystatus_processor_restore_seconds',
    help: 'Seconds from the assignment of a partition to its first accepted record, by what its view needed.',
    labels: { kind: ['keep', 'replay', 'rebuild'] },
    buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900],
  },
  redisWaits: {
    kind: 'counter',
    name: 'paystatus_processor_redis_waits_total',
    help: 'Times a lane waited for Redis.',
  },
  statusSeconds: {
    kind: 'histogram',
    name: 'paystatus_status_seconds',
    help: 'Seconds from the receipt of a callback at the gateway to the commit of the step that it caused. Without repeats, corrections and reports about children.',
    labels: { provider: [...PROVIDER_IDS, OTHER_PROVIDER] },
    buckets: [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 21_600],
  },
  latenessSeconds: {
    kind: 'histogram',
    name: 'paystatus_callback_lateness_seconds',
    help: "Seconds from the provider's own time of an event to its receipt at the gateway, for the same events, if that time is known to the second.",
    labels: { provider: [...PROVIDER_IDS, OTHER_PROVIDER] },
    buckets: [0, 1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400, 259_200, 604_800, 2_592_000],
  },
  redisUsedBytes: {
    kind: 'reading',
    name: 'paystatus_redis_memory_used_bytes',
    help: 'Memory that a Redis node uses, as of the last check, which is at most 5 s before the last use.',
    labels: { node: 'runtime' },
  },
  redisMaxBytes: {
    kind: 'reading',
    name: 'paystatus_redis_memory_max_bytes',
    help: 'Memory that a Redis node may use (maxmemory); 0: no limit is set.',
    labels: { node: 'runtime' },
  },
  openTransactionSeconds: {
    kind: 'reading',
    name: 'paystatus_open_transaction_seconds',
    help: 'How long the oldest open transaction in a partition of an output has held up read_committed readers, to 20 s; absent if none is open.',
    labels: { topic: 'runtime', partition: 'runtime' },
  },
} as const satisfies Record<string, MetricRow>

/** What the stages that read from Kafka have in common. */
export const RUNTIME_METRICS = {
  lanes: {
    kind: 'gauge',
    name: 'paystatus_lanes',
    help: 'Assigned partitions, by stage and state of their lane.',
    labels: { stage: 'runtime', state: LANE_STATES },
  },
  lag: {
    kind: 'gauge',
    name: 'paystatus_lag_records',
    help: 'Offsets between the next one to process and the end of a partition; absent until the partition was opened.',
    labels: { stage: 'runtime', partition: 'runtime' },
  },
  lagSeconds: {
    kind: 'reading',
    name: 'paystatus_lag_seconds',
    help: 'Age of the oldest record of a partition that is not processed yet; 0 if there is none, absent while it is unknown.',
    labels: { stage: 'runtime', partition: 'runtime' },
  },
  unaccounted: {
    kind: 'counter',
    name: 'paystatus_unaccounted_records_total',
    help: 'Records that were read but have none of the outcomes there are, or more than one: callbacks of raw (I2), events (I8). Must stay 0.',
    labels: { stage: READING_STAGES },
  },
  deadLetters: {
    kind: 'reading',
    name: 'paystatus_dead_letters_open',
    help: 'Dead letters that need a decision, in the partitions of this process; sum over all processes. See: paystatus dlq list.',
    // Reasons come from a closed list (OPEN_LETTER_REASONS).
    labels: { topic: 'runtime', reason: 'runtime' },
  },
} as const satisfies Record<string, MetricRow>
