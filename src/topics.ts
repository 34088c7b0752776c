/**
 * All topics, with key, value, retention and writer. `paystatus topics apply` creates them, `paystatus topics check` compares
 * them with the cluster, and every role checks their partition counts at startup.
 *
 * `payments.events`, `payments.status.changes` and `payments.status.current` are co-partitioned: the states of the payments in
 * partition N of the events are in partition N of `current`, so the partition count can never change after creation.
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
    // A tombstone must remove the key soon: the maximum lag forces compaction even of the newest segment. Keys are kept for a
    // day of use, 30 days of raw and 90 of dead letters, plus a margin.
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
    value: '`retired` or `forgotten`; always in partition 0, because a reader must see all records',
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
    // A restart replays what compaction left, so the dirty part must be small. A tombstone must outlive every view that may
    // still be brought up to date by replay (see VIEW_AGE_MAX_MS in processor/restore-view.ts).
    settings: { cleanup: 'compact', minCleanableDirtyRatio: 0.1, deleteRetentionDays: 7, messageBytesMax: 2_097_152 },
  },
  resolvedDeadLetters: {
    name: 'payments.dlq.resolved',
    key: 'topic id, partition and offset of the dead letter',
    value: 'JSON: how the dead letter was resolved, when, by whom and why',
    schema: null,
    writtenBy: 'tools',
    // Kept longer than any dead letter.
    settings: {
      cleanup: 'compact,delete',
      retentionDays: 100,
      compactionLagDaysMax: 7,
      deleteRetentionDays: 7,
      messageBytesMax: 1_048_588,
    },
  },
  audit: {
    name: 'payments.audit',
    key: 'id of the act',
    value: 'JSON: who did what, when and why; always in partition 0, so that the acts are in order',
    schema: null,
    writtenBy: 'tools',
    settings: { cleanup: 'delete', retentionDays: 400, messageBytesMax: 1_048_588 },
  },
} as const satisfies Record<string, TopicSpec>

/** Maximum bytes of a request to an output of the processor: below `messageBytesMax`, with a margin for batch overhead. */
export const OUTPUT_REQUEST_BYTES_MAX = 1_900_000

export type TopicId = keyof typeof TOPICS

export interface TopicSpec {
  readonly name: string
  readonly key: string
  readonly value: string
  /** File in `schemas/`; its subject is `<topic>-value`. */
  readonly schema: string | null
  /** The stage or command that writes it; `tools`: several commands. */
  readonly writtenBy: 'gateway' | 'normalizer' | 'processor' | 'forget' | 'tools'
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
      /** Compacted, and no record is kept longer than the retention. */
      readonly cleanup: 'compact,delete'
      readonly retentionDays: number
      readonly compactionLagDaysMax: number
      readonly deleteRetentionDays: number
      readonly messageBytesMax: number
    }

/** Whether compaction may remove records of a topic. */
export function compactedAmong(names: TopicNames): (topic: string) => boolean {
  const compacted = new Set(
    (Object.keys(TOPICS) as TopicId[]).filter((id) => TOPICS[id].settings.cleanup !== 'delete').map((id) => names[id]),
  )
  return (topic) => compacted.has(topic)
}

const DAY_MS = 86_400_000

/** The settings as Kafka topic configuration. */
export function toTopicConfig(settings: TopicSettings): Record<string, string> {
  const common = {
    'cleanup.policy': settings.cleanup,
    'max.message.bytes': String(settings.messageBytesMax),
    // Keeps batches as written, uncompressed: otherwise the broker compresses and every reader decompresses.
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

/** Topic names of one installation. Installations that share a cluster have different prefixes. */
export type TopicNames = Readonly<Record<TopicId, string>>

export function topicNames(prefix: string): TopicNames {
  return Object.fromEntries(Object.entries(TOPICS).map(([id, topic]) => [id, prefix + topic.name])) as Record<
    TopicId,
    string
  >
}
