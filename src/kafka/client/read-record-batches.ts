import { crc32c } from '@platformatic/wasm-utils'
import { KnownTexts } from '../../known-texts.ts'
import type { Standing } from '../../stream/partition-reader.ts'
import type { InRecord } from '../../stream/record.ts'
import type { LogPlace } from '../../stream/topic-logs.ts'
import { UnreadableBatchError } from './client-errors.ts'
import { COMPRESSION, DecompressError, decompress } from './decompress.ts'

/** An aborted transaction to which records of a fetch belong, as the response lists it. */
export interface AbortedTransaction {
  readonly producerId: bigint
  readonly firstOffset: bigint
}

export interface ReadBatches {
  /** The records that a read_committed reader sees, at or after the requested offset. */
  readonly records: readonly InRecord[]
  /** The offset after the last batch that was read, visible or not; the requested offset if none was. */
  readonly next: bigint
  /** Where the last batch that was read ends; null if none was. */
  readonly end: LogPlace | null
  /** Memory that the records keep alive. */
  readonly pinnedBytes: number
}

/** Largest decompressed record batch, bytes. Ours are at most 2 MiB; only a foreign producer writes larger ones. */
const BATCH_BYTES_MAX = 64 * 1024 * 1024

/**
 * Once the batches of one partition exceed this many decompressed bytes, the remaining ones are left for the next fetch. A
 * fetch is bounded by its compressed size, and a few megabytes can expand a hundredfold (invariant I10).
 */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024

/** Byte offsets in a record batch (magic 2). */
const LENGTH_AT = 8
const EPOCH_AT = 12
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const BASE_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const PRODUCER_ID_AT = 43
const RECORD_COUNT_AT = 57
const HEADER_BYTES = 61
/** The part of the header that the batch's length field does not count. */
const UNCOUNTED_BYTES = 12
const MAGIC = 2
const CODEC_MASK = 0x07
const LOG_APPEND_TIME = 0x08
const TRANSACTIONAL = 0x10
const CONTROL = 0x20
const ABORT_MARKER = 0

interface Limits {
  readonly answerBytesMax?: number
  readonly batchBytesMax?: number
}

/**
 * Reads the record batches of one partition in a fetch response, in one pass and without copying: keys and values are slices of
 * the response's buffer, or of the decompressed batch. An incomplete batch at the end is left for the next fetch.
 *
 * Every batch is checked against its CRC. Reading stops before a batch that cannot be read, so that everything before it can be
 * processed and nothing is skipped. If it is the first, this throws UnreadableBatchError.
 */
export function readRecordBatches(
  bytes: Buffer,
  from: bigint,
  aborted: readonly AbortedTransaction[] | null,
  { answerBytesMax = ANSWER_BYTES_MAX, batchBytesMax = BATCH_BYTES_MAX }: Limits = {},
): ReadBatches {
  const records: InRecord[] = []
  let next = from
  let end: LogPlace | null = null
  let decompressedBytes = 0
  let sharesBuffer = false
  for (const batch of batchesOf(bytes, aborted)) {
    const before = records.length
    try {
      assertIntact(batch)
      const codec = batch.attributes & CODEC_MASK
      if (batch.kind === 'data' && batch.lastOffset >= from) {
        const body = bodyOf(batch, batchBytesMax)
        decompressedBytes += codec === COMPRESSION.none ? 0 : body.length
        readRecords(batch, body, from, records)
        sharesBuffer ||= codec === COMPRESSION.none && records.length > before
      }
    } catch (error) {
      if (next === from) {
        throw error
      }
      records.length = before
      break
    }
    // From the batch's header, not its last record, which compaction may have removed.
    next = batch.lastOffset + 1n > next ? batch.lastOffset + 1n : next
    end = { offset: next, leaderEpoch: batch.leaderEpoch }
    if (decompressedBytes > answerBytesMax) {
      break
    }
  }
  return { records, next, end, pinnedBytes: decompressedBytes + (sharesBuffer ? bytes.buffer.byteLength : 0) }
}

/** What an offset holds, according to the response to a fetch from it. Throws UnreadableBatchError. */
export function standingIn(bytes: Buffer, offset: bigint, aborted: readonly AbortedTransaction[] | null): Standing {
  for (const batch of batchesOf(bytes, aborted)) {
    if (batch.baseOffset <= offset && offset <= batch.lastOffset) {
      assertIntact(batch)
      const records: InRecord[] = []
      readRecords(batch, bodyOf(batch, BATCH_BYTES_MAX), offset, records)
      const isThere = records.some((record) => record.offset === offset)
      return isThere ? (batch.kind === 'data' ? 'visible' : 'hidden') : 'nothing'
    }
  }
  return 'nothing'
}

interface RecordBatch {
  /** `aborted`: data of a transaction that was aborted. */
  readonly kind: 'data' | 'aborted' | 'control'
  readonly bytes: Buffer
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly leaderEpoch: number
  readonly attributes: number
}

/** The complete batches. Which are aborted follows from the list of aborted transactions and the abort markers. */
function* batchesOf(bytes: Buffer, aborted: readonly AbortedTransaction[] | null): Iterable<RecordBatch> {
  const starting = (aborted ?? []).toSorted((a, b) => Number(a.firstOffset - b.firstOffset))
  const open = new Set<bigint>()
  for (let at = 0, started = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = UNCOUNTED_BYTES + bytes.readInt32BE(at + LENGTH_AT)
    const baseOffset = bytes.readBigInt64BE(at)
    const isOlder = bytes[at + MAGIC_AT] !== MAGIC
    if (isOlder || length < HEADER_BYTES) {
      if (at > 0) {
        // The next fetch begins with it.
        return
      }
      const problem = isOlder ? 'its format is older than Kafka 0.11' : `it claims to have ${length} bytes`
      throw new UnreadableBatchError(baseOffset, problem)
    }
    if (at + length > bytes.length) {
      return
    }
    const batch = bytes.subarray(at, at + length)
    const lastOffset = baseOffset + BigInt(batch.readInt32BE(LAST_OFFSET_DELTA_AT))
    const attributes = batch.readInt16BE(ATTRIBUTES_AT)
    const producerId = batch.readBigInt64BE(PRODUCER_ID_AT)
    for (let one = starting[started]; one !== undefined && one.firstOffset <= lastOffset; one = starting[started]) {
      open.add(one.producerId)
      started += 1
    }
    let kind: RecordBatch['kind'] = 'data'
    if ((attributes & CONTROL) !== 0) {
      kind = 'control'
      if (isAbortMarker(batch)) {
        open.delete(producerId)
      }
    } else if ((attributes & TRANSACTIONAL) !== 0 && open.has(producerId)) {
      kind = 'aborted'
    }
    yield { kind, bytes: batch, baseOffset, lastOffset, leaderEpoch: batch.readInt32BE(EPOCH_AT), attributes }
    at += length
  }
}

/** A control batch has one record, never compressed. Its key: version and type, two bytes each. */
function isAbortMarker(batch: Buffer): boolean {
  if (batch.readInt32BE(RECORD_COUNT_AT) < 1) {
    return false
  }
  const cursor = new Cursor(batch, HEADER_BYTES)
  cursor.varInt()
  cursor.at += 1
  cursor.varLong()
  cursor.varInt()
  const keyBytes = cursor.varInt()
  return keyBytes >= 4 && batch.readInt16BE(cursor.at + 2) === ABORT_MARKER
}

function assertIntact({ bytes, baseOffset }: RecordBatch): void {
  if (crc32c(bytes.subarray(ATTRIBUTES_AT)) !== bytes.readUInt32BE(CRC_AT)) {
    throw new UnreadableBatchError(baseOffset, 'its checksum does not match its content')
  }
}

/** The records, decompressed. */
function bodyOf({ bytes, attributes, baseOffset }: RecordBatch, bytesMax: number): Buffer {
  const body = bytes.subarray(HEADER_BYTES)
  const codec = attributes & CODEC_MASK
  try {
    return codec === COMPRESSION.none ? body : decompress(codec, body, bytesMax)
  } catch (error) {
    throw error instanceof DecompressError ? new UnreadableBatchError(baseOffset, error.message) : error
  }
}

function readRecords(batch: RecordBatch, body: Buffer, from: bigint, into: InRecord[]): void {
  const { bytes, baseOffset, leaderEpoch, attributes } = batch
  const count = bytes.readInt32BE(RECORD_COUNT_AT)
  const appendTime = (attributes & LOG_APPEND_TIME) !== 0 ? Number(bytes.readBigInt64BE(MAX_TIMESTAMP_AT)) : undefined
  const baseTime = Number(bytes.readBigInt64BE(BASE_TIMESTAMP_AT))
  const cursor = new Cursor(body, 0)
  for (let index = 0; index < count; index += 1) {
    const length = cursor.varInt()
    const end = cursor.at + length
    if (length < 0 || end > body.length) {
      throw new UnreadableBatchError(baseOffset, `its record ${index} does not fit into it`)
    }
    cursor.at += 1
    const timestamp = baseTime + cursor.varLong()
    const offset = baseOffset + BigInt(cursor.varInt())
    if (offset >= from) {
      const key = cursor.bytes()
      const value = cursor.bytes()
      if (cursor.at > end) {
        throw new UnreadableBatchError(baseOffset, `its record ${index} does not fit into it`)
      }
      into.push(new FetchedRecord(offset, key, value, appendTime ?? timestamp, leaderEpoch, body, cursor.at))
    }
    cursor.at = end
  }
}

type HeaderValue = Buffer | string
type Headers = Record<string, HeaderValue | HeaderValue[]>

/** A record whose headers are parsed on first access. */
class FetchedRecord implements InRecord {
  readonly offset: bigint
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: number
  readonly leaderEpoch: number
  readonly #bytes: Buffer
  readonly #headersAt: number
  #headers: Headers | undefined

  constructor(
    offset: bigint,
    key: Buffer | null,
    value: Buffer | null,
    timestamp: number,
    leaderEpoch: number,
    bytes: Buffer,
    headersAt: number,
  ) {
    this.offset = offset
    this.key = key
    this.value = value
    this.timestamp = timestamp
    this.leaderEpoch = leaderEpoch
    this.#bytes = bytes
    this.#headersAt = headersAt
  }

  /** A name that occurs several times has an array of values. Short values of printable ASCII are texts, others bytes. */
  get headers(): Readonly<Headers> {
    this.#headers ??= readHeaders(new Cursor(this.#bytes, this.#headersAt))
    return this.#headers
  }
}

function readHeaders(cursor: Cursor): Headers {
  // Without a prototype: the names come from the wire.
  const headers: Headers = Object.create(null)
  for (let count = cursor.varInt(); count > 0; count -= 1) {
    const name = cursor.text()
    const value = cursor.textOrBytes()
    const before = headers[name]
    headers[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value]
  }
  return headers
}

/** Names of headers, and the values that most records have in common. */
const KNOWN_TEXTS = new KnownTexts()
const NO_BYTES = Buffer.alloc(0)
/** Longest header value that is decoded at once: longer than an id, a time or a trace context. */
const TEXT_VALUE_BYTES_MAX = 64

/** Reads the variable-length integers of records. */
class Cursor {
  readonly #from: Buffer
  at: number

  constructor(from: Buffer, at: number) {
    this.#from = from
    this.at = at
  }

  /** Zigzag, up to 32 bits. */
  varInt(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#from[this.at] as number
      this.at += 1
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        break
      }
    }
    return (value >>> 1) ^ -(value & 1)
  }

  /** Zigzag, up to 64 bits; exact up to 2^53. */
  varLong(): number {
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#from[this.at] as number
      this.at += 1
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) {
        break
      }
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** A slice; null for a length of -1. */
  bytes(): Buffer | null {
    const length = this.varInt()
    if (length < 0) {
      return null
    }
    const start = this.at
    this.at += length
    return this.#from.subarray(start, start + length)
  }

  /** Empty for a length of -1. */
  text(): string {
    const length = Math.max(0, this.varInt())
    const start = this.at
    this.at += length
    return KNOWN_TEXTS.at(this.#from, start, this.at)
  }

  /** Text if it is short and printable ASCII, which is cheaper than a slice and has the same bytes. Empty bytes for a length of -1. */
  textOrBytes(): Buffer | string {
    const length = this.varInt()
    const start = this.at
    if (length <= 0) {
      return NO_BYTES
    }
    this.at += length
    return length <= TEXT_VALUE_BYTES_MAX && this.#isPrintable(start, this.at)
      ? KNOWN_TEXTS.at(this.#from, start, this.at)
      : this.#from.subarray(start, this.at)
  }

  #isPrintable(start: number, end: number): boolean {
    for (let at = start; at < end; at += 1) {
      const byte = this.#from[at] as number
      if (byte < 0x20 || byte > 0x7e) {
        return false
      }
    }
    return true
  }
}
