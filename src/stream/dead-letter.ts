import type { InRecord, OutRecord } from './record.ts'

/** Why and where a record, or one of its elements, became a dead letter. Must not contain values from the body (I9). */
export interface DeadLetterNote {
  readonly reason: string
  readonly message: string
  readonly stage: 'normalizer' | 'processor'
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  /** Position of the element in its callback; null for the whole record. */
  readonly element: number | null
  /** ms since the epoch. */
  readonly at: number
}

/** The record as it was read, byte for byte, with headers that state the reason. */
export function toDeadLetter(record: InRecord, note: DeadLetterNote): OutRecord {
  return {
    key: record.key ?? '',
    value: record.value,
    headers: {
      ...firstValues(record.headers),
      dlq_reason: note.reason,
      dlq_message: note.message,
      dlq_stage: note.stage,
      dlq_topic: note.topic,
      dlq_partition: String(note.partition),
      dlq_offset: String(note.offset),
      ...(note.element !== null && { dlq_element: String(note.element) }),
      dlq_time: new Date(note.at).toISOString(),
    },
  }
}

function firstValues(headers: InRecord['headers']): Record<string, string | Buffer> {
  const single: Record<string, string | Buffer> = {}
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value
    if (first !== undefined) {
      single[name] = first
    }
  }
  return single
}
