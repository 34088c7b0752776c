import { DLT_HEADERS, dltPlace, hasDltPlace } from './dlt-headers.ts'
import { headerValue } from './header-value.ts'
import type { InRecord, OutRecord } from './record.ts'

/** Why and where a record, or one of its elements, became a dead letter. Must not contain values from the body (I9). */
export interface DeadLetterNote {
  readonly reason: string
  readonly message: string
  /** Which stage could not process it. */
  readonly stage: string
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** Which of several elements of the record; null for the whole record. */
  readonly element: number | null
  /** ms since the epoch. */
  readonly at: number
}

/** Our headers on a dead letter. The redrive removes them from what it publishes. */
export const DLQ_HEADERS = {
  reason: 'dlq_reason',
  message: 'dlq_message',
  stage: 'dlq_stage',
  topic: 'dlq_topic',
  partition: 'dlq_partition',
  offset: 'dlq_offset',
  element: 'dlq_element',
  time: 'dlq_time',
} as const

/**
 * The record as it was read, byte for byte, with headers that state the reason: ours, and those that Spring Kafka's tools know.
 *
 * Our headers name the place where this record was read. Spring's name its first place: if a redriven record becomes a dead
 * letter of the same topic again, it keeps the place that it already names.
 */
export function toDeadLetter(record: InRecord, note: DeadLetterNote): OutRecord {
  const { topic, partition, offset } = note
  return {
    key: record.key ?? '',
    value: record.value,
    headers: {
      ...firstValues(record),
      [DLQ_HEADERS.reason]: note.reason,
      [DLQ_HEADERS.message]: note.message,
      [DLQ_HEADERS.stage]: note.stage,
      [DLQ_HEADERS.topic]: topic,
      [DLQ_HEADERS.partition]: String(partition),
      [DLQ_HEADERS.offset]: String(offset),
      ...(note.element !== null && { [DLQ_HEADERS.element]: String(note.element) }),
      [DLQ_HEADERS.time]: new Date(note.at).toISOString(),
      ...(!hasDltPlace(record, topic) && dltPlace(topic, partition, offset, record.timestamp)),
      [DLT_HEADERS.message]: `${note.reason}: ${note.message}`,
    },
  }
}

function firstValues(record: Pick<InRecord, 'headers'>): Record<string, string | Buffer> {
  const single: Record<string, string | Buffer> = {}
  for (const name of Object.keys(record.headers)) {
    const first = headerValue(record, name)
    if (first !== undefined) {
      single[name] = first
    }
  }
  return single
}
