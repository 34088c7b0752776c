import { COMPRESSION, DecompressError, decompress } from './decompress.ts'

/** Largest decompressed record batch, bytes. Ours have at most 2 MiB; only a foreign producer writes larger ones. */
const BATCH_BYTES_MAX = 64 * 1024 * 1024

/**
 * Once the batches of one partition exceed this many decompressed bytes, the remaining batches of the response are left
 * for the next fetch. A fetch is bounded by its compressed size, and a few megabytes can expand a hundredfold
 * (invariant I10).
 */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024

/** A record batch that cannot be read. Nothing of it is skipped: the reader must stop and report it. */
export class UnreadableBatchError extends Error {
  readonly code = 'BATCH_UNREADABLE'
  readonly retriable = false
  readonly offset: bigint

  constructor(offset: bigint, problem: string) {
    super(`the record batch at offset ${offset} cannot be read: ${problem}`)
    this.name = 'UnreadableBatchError'
    this.offset = offset
  }
}

/** Byte offsets in a record batch (magic 2). */
const LENGTH_AT = 8
const MAGIC_AT = 16
const ATTRIBUTES_AT = 21
const HEADER_BYTES = 61
/** The part of the header that the batch's length field does not count. */
const UNCOUNTED_BYTES = 12
const MAGIC = 2
const CODEC_MASK = 7

/**
 * The record batches of one partition of a response, all uncompressed. Returns the input unchanged if none is
 * compressed; otherwise omits an incomplete batch at the end and everything after ANSWER_BYTES_MAX. Throws
 * UnreadableBatchError.
 *
 * Checksums are not recomputed: nothing verifies them after this point.
 */
export async function inflateBatches(
  bytes: Buffer,
  { answerBytesMax = ANSWER_BYTES_MAX, batchBytesMax = BATCH_BYTES_MAX } = {},
): Promise<Buffer> {
  const parts: Buffer[] = []
  let total = 0
  let compressed = false
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const length = UNCOUNTED_BYTES + bytes.readInt32BE(at + LENGTH_AT)
    if (bytes[at + MAGIC_AT] !== MAGIC || length < HEADER_BYTES || at + length > bytes.length) {
      break
    }
    if (total > answerBytesMax) {
      break
    }
    const batch = bytes.subarray(at, at + length)
    const codec = batch.readInt16BE(ATTRIBUTES_AT) & CODEC_MASK
    const part = codec === COMPRESSION.none ? [batch] : await inflate(batch, codec, batchBytesMax)
    compressed ||= codec !== COMPRESSION.none
    parts.push(...part)
    for (const { length: bytesOf } of part) {
      total += bytesOf
    }
    at += length
  }
  // One buffer for all, so that FetchedBatch.pinnedBytes is what a record really keeps in memory.
  return compressed ? Buffer.concat(parts, total) : bytes
}

async function inflate(batch: Buffer, codec: number, bytesMax: number): Promise<readonly [Buffer, Buffer]> {
  try {
    const records = await decompress(codec, batch.subarray(HEADER_BYTES), bytesMax)
    const header = Buffer.from(batch.subarray(0, HEADER_BYTES))
    header.writeInt32BE(HEADER_BYTES - UNCOUNTED_BYTES + records.length, LENGTH_AT)
    header.writeInt16BE(batch.readInt16BE(ATTRIBUTES_AT) & ~CODEC_MASK, ATTRIBUTES_AT)
    return [header, records]
  } catch (error) {
    throw error instanceof DecompressError ? new UnreadableBatchError(batch.readBigInt64BE(0), error.message) : error
  }
}
