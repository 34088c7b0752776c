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

/**
 * Encodes a record batch of Kafka's message format 2 in one pass, into one buffer of the exact size; then compresses it if requested.
 *
 * kafkajs's encoder allocates a zeroed 512-byte buffer for every record and every header and copies each of them five
 * times; that was 40 % of the CPU of the whole path. test/kafka/client/encode-record-batch.test.ts compares the output
 * with kafkajs's, byte for byte.
 */
export function encodeRecordBatch(records: readonly OutRecord[], fields: BatchFields): Buffer {
  const sizes = new Array<number>(records.length)
  const lengths = new TextLengths()
  let total = BATCH_HEADER_BYTES
  for (let i = 0; i < records.length; i += 1) {
    const size = recordBodySize(records[i] as OutRecord, i, lengths)
    sizes[i] = size
    total += varIntSize(size) + size
  }
  const buffer = Buffer.allocUnsafe(total)
  buffer.writeBigInt64BE(0n, 0)
  buffer.writeInt32BE(total - 12, 8)
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
  let at = BATCH_HEADER_BYTES
  for (let i = 0; i < records.length; i += 1) {
    at = writeVarInt(buffer, at, sizes[i] as number)
    at = writeRecord(buffer, at, records[i] as OutRecord, i, lengths)
  }
  const batch = fields.compressed === true && total >= COMPRESSED_FROM_BYTES ? compressed(buffer) : buffer
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

/** Lengths of texts in UTF-8, in the order of writing: measured once for the sizes, used again to write. */
class TextLengths {
  readonly #lengths: number[] = []
  #taken = 0

  measure(text: string): number {
    const length = Buffer.byteLength(text)
    this.#lengths.push(length)
    return length
  }

  next(): number {
    this.#taken += 1
    return this.#lengths[this.#taken - 1] as number
  }
}

function recordBodySize(record: OutRecord, offsetDelta: number, lengths: TextLengths): number {
  let size = 2 + varIntSize(offsetDelta) + bytesSize(record.key, lengths) + bytesSize(record.value, lengths)
  let count = 0
  const { headers } = record
  for (const name in headers) {
    size += bytesSize(name, lengths) + bytesSize(headers[name], lengths)
    count += 1
  }
  return size + varIntSize(count)
}

function writeRecord(
  buffer: Buffer,
  start: number,
  record: OutRecord,
  offsetDelta: number,
  lengths: TextLengths,
): number {
  // Attributes and the distance to the batch's timestamp.
  buffer[start] = 0
  buffer[start + 1] = 0
  let at = writeVarInt(buffer, start + 2, offsetDelta)
  at = writeBytes(buffer, at, record.key, lengths)
  at = writeBytes(buffer, at, record.value, lengths)
  const { headers } = record
  at = writeVarInt(buffer, at, headerCount(headers))
  for (const name in headers) {
    at = writeBytes(buffer, writeBytes(buffer, at, name, lengths), headers[name], lengths)
  }
  return at
}

function headerCount(headers: OutRecord['headers']): number {
  let count = 0
  for (const _name in headers) {
    count += 1
  }
  return count
}

function bytesSize(value: Buffer | string | null | undefined, lengths: TextLengths): number {
  if (value == null) {
    return 1
  }
  const length = typeof value === 'string' ? lengths.measure(value) : value.length
  return varIntSize(length) + length
}

function writeBytes(
  buffer: Buffer,
  at: number,
  value: Buffer | string | null | undefined,
  lengths: TextLengths,
): number {
  if (value == null) {
    return writeVarInt(buffer, at, -1)
  }
  if (typeof value === 'string') {
    const length = lengths.next()
    const from = writeVarInt(buffer, at, length)
    // As many bytes as characters: ASCII, which latin1 writes faster.
    return from + buffer.write(value, from, length, length === value.length ? 'latin1' : 'utf8')
  }
  const from = writeVarInt(buffer, at, value.length)
  return from + value.copy(buffer, from)
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
