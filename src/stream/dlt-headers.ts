import { headerText } from './header-text.ts'
import { headerValue } from './header-value.ts'
import type { InRecord } from './record.ts'

/**
 * The headers that tell Spring Kafka's tools where a dead letter comes from (`KafkaHeaders.DLT_*`), encoded as Spring does it:
 * texts in UTF-8, the partition as int32, offset and timestamp as int64, all big endian. The timestamp type is left out because
 * it is not known here, and the exception class because there is no exception.
 */
export const DLT_HEADERS = {
  topic: 'kafka_dlt-original-topic',
  partition: 'kafka_dlt-original-partition',
  offset: 'kafka_dlt-original-offset',
  timestamp: 'kafka_dlt-original-timestamp',
  message: 'kafka_dlt-exception-message',
} as const

/** @param timestamp of the record, ms since the epoch. */
export function dltPlace(
  topic: string,
  partition: number,
  offset: bigint,
  timestamp: number,
): Record<string, string | Buffer> {
  const int32 = Buffer.alloc(4)
  int32.writeInt32BE(partition)
  return {
    [DLT_HEADERS.topic]: topic,
    [DLT_HEADERS.partition]: int32,
    [DLT_HEADERS.offset]: int64(offset),
    [DLT_HEADERS.timestamp]: int64(BigInt(timestamp)),
  }
}

/** Whether the record names a place in this topic, completely and in the right encoding. */
export function hasDltPlace(record: Pick<InRecord, 'headers'>, topic: string): boolean {
  return (
    headerText(record, DLT_HEADERS.topic) === topic &&
    bytesOf(record, DLT_HEADERS.partition)?.length === 4 &&
    bytesOf(record, DLT_HEADERS.offset)?.length === 8 &&
    bytesOf(record, DLT_HEADERS.timestamp)?.length === 8
  )
}

/** The number in an int32 or int64 header; null if the header is missing or has another length. */
export function dltNumber(
  record: Pick<InRecord, 'headers'>,
  name: (typeof DLT_HEADERS)['partition' | 'offset' | 'timestamp'],
): bigint | null {
  const bytes = bytesOf(record, name)
  if (bytes?.length === 4) {
    return BigInt(bytes.readInt32BE())
  }
  return bytes?.length === 8 ? bytes.readBigInt64BE() : null
}

function bytesOf(record: Pick<InRecord, 'headers'>, name: string): Buffer | null {
  const value = headerValue(record, name)
  // Bytes that happen to be printable are read as text.
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : (value ?? null)
}

function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(value)
  return bytes
}
