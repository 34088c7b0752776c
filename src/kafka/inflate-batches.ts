import { COMPRESSION, DecompressError, decompress } from './decompress.ts'

/**
 * Largest batch of records, decompressed, bytes. Ours have at most 2 MiB; more comes only of a writer that is not ours.
 */
const BATCH_BYTES_MAX = 64 * 1024 * 1024

/**
 * After so many bytes of one partition, the batches that follow in the same answer are left for the next fetch. A fetch is
 * bounded by its compressed size, and a few megabytes can hold a hundred times as much (invariant I10).
 */
const ANSWER_BYTES_MAX = 16 * 1024 * 1024

/** A batch that nobody can read. Nothing of it is skipped: the reader has to stop and to say so. */
export class UnreadableBatchError extends Error {
  readonly code = 'BATCH_UNREADABLE'
  readonly retriable = false
  readonly offset: bigint

  constructor(offset: bigint, problem: string) {
    super(`the batch of records at offset ${offset} cannot be read: ${problem}`)
    this.name = 'UnreadableBatchError'
    this.offset = offset
  }
}

/** Where the parts of a record batch (magic 2) stand. */
const LENGTH_AT = 8
const MAGIC_AT = 16
const ATTRIBUTES_AT = 21
const HEADER_BYTES = 61
/** The part of the header that a batch's length does not count. */
const UNCOUNTED_BYTES = 12
const MAGIC = 2
const CODEC_MASK = 7

/**
 * The record batches of one partition of an answer, all uncompressed; the same bytes if they are that already. What is
 * incomplete at the end is left out, as everything after ANSWER_BYTES_MAX. Throws UnreadableBatchError.
 *
 * The checksums are those of the batches as they were: nobody looks at them any more.
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
  // One buffer for all, so that what a record keeps in memory is what it says (see FetchedBatch.pinnedBytes).
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
