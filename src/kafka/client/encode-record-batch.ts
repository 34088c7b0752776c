import { constants, zstdCompressSync } from 'node:zlib'
import { crc32c } from '@platformatic/wasm-utils'
import type { OutRecord } from '../../stream/record.ts'
import { COMPRESSION } from './decompress.ts'

export interface BatchFields {
  /** The timestamp of all records, ms since the epoch. */
  readonly timestamp: number
  readonly transactional: boolean
  readonly producerId: bigint
  readonly producerEpoch: number
  readonly firstSequence: number
  /** Whether to compress with zstd if that makes the batch smaller. False by default. */
  readonly compressed?: boolean
}

const MAGIC = 2
const TRANSACTIONAL = 0x10
/** Up to and including the record count. */
const BATCH_HEADER_BYTES = 61
/** The CRC covers everything after itself. */
const CRC_OFFSET = 17
const CRC_COVERS_FROM = 21
/** A smaller batch is not worth the cost of compression. */
const COMPRESSED_FROM_BYTES = 1_024
/** A fast level: the records of a batch are similar, so higher levels save little more. */
const ZSTD = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

/** Most bytes of a varint: lengths have at most 31 bits. */
const VARINT_BYTES_MAX = 5
/** Most UTF-8 bytes for one UTF-16 code unit. */
const UTF8_BYTES_MAX = 3
/** Of most records; others are moved. */
const RECORD_LENGTH_BYTES = 2

/**
 * Encodes a record batch of Kafka's message format 2 in one pass, into one buffer that is large enough for any text; then
 * compresses it if requested.
 *
 * test/kafka/client/encode-record-batch.test.ts compares the output with kafkajs's, byte for byte.
 */
export function encodeRecordBatch(records: readonly OutRecord[], fields: BatchFields): Buffer {
  let bytesMax = BATCH_HEADER_BYTES
  for (const record of records) {
    bytesMax += recordBytesMax(record)
  }
  const buffer = Buffer.allocUnsafe(bytesMax)
  let at = BATCH_HEADER_BYTES
  for (let i = 0; i < records.length; i += 1) {
    at = writeRecord(buffer, at, records[i] as OutRecord, i)
  }
  buffer.writeBigInt64BE(0n, 0)
  buffer.writeInt32BE(at - 12, 8)
  // Partition leader epoch: the broker sets it.
  buffer.writeInt32BE(0, 12)
  buffer.writeInt8(MAGIC, 16)
  buffer.writeInt16BE(fields.transactional ? TRANSACTIONAL : 0, 21)
  buffer.writeInt32BE(records.length - 1, 23)
  buffer.writeBigInt64BE(BigInt(fields.timestamp), 27)
  buffer.writeBigInt64BE(BigInt(fields.timestamp), 35)
  buffer.writeBigInt64BE(fields.producerId, 43)
  buffer.writeInt16BE(fields.producerEpoch, 51)
  buffer.writeInt32BE(fields.firstSequence, 53)
  buffer.writeInt32BE(records.length, 57)
  const plain = buffer.subarray(0, at)
  const batch = fields.compressed === true && at >= COMPRESSED_FROM_BYTES ? compressed(plain) : plain
  batch.writeUInt32BE(crc32c(batch.subarray(CRC_COVERS_FROM)), CRC_OFFSET)
  return batch
}

function compressed(plain: Buffer): Buffer {
  const body = zstdCompressSync(plain.subarray(BATCH_HEADER_BYTES), ZSTD)
  if (BATCH_HEADER_BYTES + body.length >= plain.length) {
    return plain
  }
  const batch = Buffer.concat([plain.subarray(0, BATCH_HEADER_BYTES), body])
  batch.writeInt32BE(batch.length - 12, 8)
  batch.writeInt16BE(batch.readInt16BE(21) | COMPRESSION.zstd, 21)
  return batch
}

function recordBytesMax({ key, value, headers }: OutRecord): number {
  // Attributes, the distance to the batch's timestamp, and the lengths and numbers that are not those of a value.
  let bytes = 2 + 3 * VARINT_BYTES_MAX + valueBytesMax(key) + valueBytesMax(value)
  for (const name in headers) {
    bytes += valueBytesMax(name) + valueBytesMax(headers[name])
  }
  return bytes
}

function valueBytesMax(value: Buffer | string | null | undefined): number {
  const units = value?.length ?? 0
  return VARINT_BYTES_MAX + (typeof value === 'string' ? UTF8_BYTES_MAX * units : units)
}

/** Each function that writes returns where it ended. */
function writeRecord(buffer: Buffer, start: number, { key, value, headers }: OutRecord, offsetDelta: number): number {
  const from = start + RECORD_LENGTH_BYTES
  // Attributes and the distance to the batch's timestamp.
  buffer[from] = 0
  buffer[from + 1] = 0
  let at = writeVarInt(buffer, from + 2, offsetDelta)
  at = writeValue(buffer, at, key)
  at = writeValue(buffer, at, value)
  at = writeVarInt(buffer, at, headerCount(headers))
  for (const name in headers) {
    at = writeValue(buffer, writeValue(buffer, at, name), headers[name])
  }
  return writeLengthBefore(buffer, start, from, at)
}

function headerCount(headers: OutRecord['headers']): number {
  let count = 0
  for (const _name in headers) {
    count += 1
  }
  return count
}

function writeValue(buffer: Buffer, at: number, value: Buffer | string | null | undefined): number {
  if (value == null) {
    return writeVarInt(buffer, at, -1)
  }
  if (typeof value === 'string') {
    // As if it were ASCII; otherwise it is moved.
    const from = at + varIntSize(value.length)
    return writeLengthBefore(buffer, at, from, from + buffer.write(value, from, 'utf8'))
  }
  const from = writeVarInt(buffer, at, value.length)
  return from + value.copy(buffer, from)
}

/** Writes the length of what is in `buffer` from `from` to `until`, to `at`, and moves it to follow its length. */
function writeLengthBefore(buffer: Buffer, at: number, from: number, until: number): number {
  const to = at + varIntSize(until - from)
  if (to !== from) {
    buffer.copyWithin(to, from, until)
  }
  writeVarInt(buffer, at, until - from)
  return to + until - from
}

/** Size of a zigzag varint: seven bits per byte, for values of up to 31 bits. */
function varIntSize(value: number): number {
  let encoded = ((value << 1) ^ (value >> 31)) >>> 0
  let size = 1
  while (encoded > 0x7f) {
    encoded >>>= 7
    size += 1
  }
  return size
}

function writeVarInt(buffer: Buffer, start: number, value: number): number {
  let encoded = ((value << 1) ^ (value >> 31)) >>> 0
  let at = start
  while (encoded > 0x7f) {
    buffer[at] = (encoded & 0x7f) | 0x80
    encoded >>>= 7
    at += 1
  }
  buffer[at] = encoded
  return at + 1
}
