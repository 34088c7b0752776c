/**
 * Every topic once: its key, its value, how it is kept and who writes it. `paystatus topics apply` creates them,
 * `paystatus topics check` compares them, and every role checks the partition count at its start.
 *
 * `payments.events`, `payments.status.changes` and `payments.status.current` are co-partitioned: the state of partition
 * N of the events lives in partition N of `current`, so their partition count can never change after creation.
 */
export const TOPICS = {
  raw: {
    name: 'payments.callbacks.raw',
    key: 'payment key, else SHA-256 of the body',
    value: 'the body, byte for byte',
    schema: null,
    writtenBy: 'gateway',
    settings: { cleanup: 'delete', retentionDays: 30, messageBytesMax: 1_048_588 },
  },
  rawDeadLetters: {
    name: 'payments.callbacks.dlq',
    key: 'as raw',
    value: 'as raw, with dead-letter headers',
    schema: null,
    writtenBy: 'normalizer',
    settings: { cleanup: 'delete', retentionDays: 90, messageBytesMax: 1_048_588 },
  },
  keys: {
    name: 'payments.keys',
    key: 'data key id',
    value: 'the data key, wrapped by a key-encryption key; used only with `encryption`',
    schema: null,
    writtenBy: 'gateway',
    // A tombstone must take the key away soon: the lag forces compaction also of the newest segment. Records expire after
    // a day of use, 30 days of raw and 90 of dead letters, with some room.
    settings: {
      cleanup: 'compact,delete',
      retentionDays: 125,
      compactionLagDaysMax: 1,
      deleteRetentionDays: 7,
      messageBytesMax: 1_048_588,
    },
  },
  forgottenKeys: {
    name: 'payments.keys.forgotten',
    key: 'data key id',
    value: '`retired` or `forgotten`; all in partition 0, because a reader must see all of it',
    schema: null,
    writtenBy: 'forget',
    settings: { cleanup: 'delete', retentionDays: 130, messageBytesMax: 1_048_588 },
  },
  events: {
    name: 'payments.events',
    key: 'payment key',
    value: 'Avro PaymentEvent',
    schema: 'payment-event.avsc',
    writtenBy: 'normalizer',
    settings: { cleanup: 'delete', retentionDays: 30, messageBytesMax: 2_097_152 },
  },
  eventDeadLetters: {
    name: 'payments.events.dlq',
    key: 'payment key',
    value: 'as events, with dead-letter headers',
    schema: null,
    writtenBy: 'processor',
    settings: { cleanup: 'delete', retentionDays: 90, messageBytesMax: 2_097_152 },
  },
  changes: {
    name: 'payments.status.changes',
    key: 'payment key',
    value: 'Avro PaymentStatusChange',
    schema: 'payment-status-change.avsc',
    writtenBy: 'processor',
    settings: { cleanup: 'delete', retentionDays: 90, messageBytesMax: 2_097_152 },
  },
  current: {
    name: 'payments.status.current',
    key: 'payment key',
    value: 'Avro PaymentStatus',
    schema: 'payment-status.avsc',
    writtenBy: 'processor',
    // Replay at a restart reads what compaction left, so keep the dirty part small; a tombstone must outlive any view
    // that may still be brought up to date by replay (see VIEW_AGE_MAX_MS in processor/restore-view.ts).
    settings: { cleanup: 'compact', minCleanableDirtyRatio: 0.1, deleteRetentionDays: 7, messageBytesMax: 2_097_152 },
  },
} as const satisfies Record<string, TopicSpec>

/** Most bytes of one request to an output of the processor: below its `messageBytesMax`, with room for what the batch adds. */
export const OUTPUT_REQUEST_BYTES_MAX = 1_900_000

export type TopicId = keyof typeof TOPICS

export interface TopicSpec {
  readonly name: string
  readonly key: string
  readonly value: string
  /** File in `schemas/`; its subject is `<topic>-value`. */
  readonly schema: string | null
  /** A stage, or the command that writes it. */
  readonly writtenBy: 'gateway' | 'normalizer' | 'processor' | 'forget'
  readonly settings: TopicSettings
}

export type TopicSettings =
  | { readonly cleanup: 'delete'; readonly retentionDays: number; readonly messageBytesMax: number }
  | {
      readonly cleanup: 'compact'
      readonly minCleanableDirtyRatio: number
      readonly deleteRetentionDays: number
      readonly messageBytesMax: number
    }
  | {
      /** Compacted, and nothing is kept for longer than the retention. */
      readonly cleanup: 'compact,delete'
      readonly retentionDays: number
      readonly compactionLagDaysMax: number
      readonly deleteRetentionDays: number
      readonly messageBytesMax: number
    }

const DAY_MS = 86_400_000

/** The settings as Kafka topic configuration. */
export function toTopicConfig(settings: TopicSettings): Record<string, string> {
  const common = {
    'cleanup.policy': settings.cleanup,
    'max.message.bytes': String(settings.messageBytesMax),
    // As we write, which is not compressed: anything else costs the broker a compression and us its undoing.
    'compression.type': 'producer',
  }
  switch (settings.cleanup) {
    case 'delete':
      return { ...common, 'retention.ms': String(settings.retentionDays * DAY_MS) }
    case 'compact':
      return {
        ...common,
        'min.cleanable.dirty.ratio': String(settings.minCleanableDirtyRatio),
        'delete.retention.ms': String(settings.deleteRetentionDays * DAY_MS),
      }
    case 'compact,delete':
      return {
        ...common,
        'retention.ms': String(settings.retentionDays * DAY_MS),
        'max.compaction.lag.ms': String(settings.compactionLagDaysMax * DAY_MS),
        'delete.retention.ms': String(settings.deleteRetentionDays * DAY_MS),
      }
    default:
      return settings satisfies never
  }
}

/** Name of a topic in one installation: several installations can share a cluster by prefix. */
export type TopicNames = Readonly<Record<TopicId, string>>

export function topicNames(prefix: string): TopicNames {
  return Object.fromEntries(Object.entries(TOPICS).map(([id, topic]) => [id, prefix + topic.name])) as Record<
    TopicId,
    string
  >
}
