import { gunzipSync, zstdDecompressSync } from 'node:zlib'
import { lz4Decompress, snappyDecompress } from '@platformatic/wasm-utils'

/** Compression codecs: the lowest three bits of a record batch's attributes. */
export const COMPRESSION = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/**
 * A batch that cannot be decompressed, or whose decompressed size exceeds our limit. Reading it again does not help.
 */
export class DecompressError extends Error {
  readonly code = 'KAFKA_DECOMPRESS'
  readonly retriable = false

  constructor(problem: string) {
    super(problem)
    this.name = 'DecompressError'
  }
}

/**
 * Decompresses data that we (zstd), a broker or a foreign producer compressed: a topic or a broker can be configured to
 * compress what it stores, and reverting that setting leaves stored batches as they are.
 *
 * Never produces more than `bytesMax` bytes (invariant I10): gzip and zstd stop there; snappy states its length up
 * front; an LZ4 frame states how large each of its blocks can become. Throws DecompressError.
 */
export function decompress(codec: number, bytes: Buffer, bytesMax: number): Buffer {
  try {
    switch (codec) {
      case COMPRESSION.gzip:
        return gunzipSync(bytes, { maxOutputLength: bytesMax })
      case COMPRESSION.snappy:
        return fromSnappy(bytes, bytesMax)
      case COMPRESSION.lz4:
        return fromLz4(bytes, bytesMax)
      case COMPRESSION.zstd:
        return zstdDecompressSync(bytes, { maxOutputLength: bytesMax })
      default:
        throw new DecompressError(`unknown compression ${codec}`)
    }
  } catch (error) {
    if (error instanceof DecompressError) {
      throw error
    }
    if ((error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE') {
      return refuseAbove(bytesMax, bytesMax + 1)
    }
    // The libraries' own messages carry no useful detail.
    throw new DecompressError('it is damaged, or not compressed with the stated codec')
  }
}

function refuseAbove(bytesMax: number, bytes: number): never
function refuseAbove(bytesMax: number, bytes: number): void
function refuseAbove(bytesMax: number, bytes: number): void {
  if (bytes > bytesMax) {
    throw new DecompressError(`it decompresses to more than ${bytesMax} bytes`)
  }
}

/** How the Java library, and therefore Kafka's clients and brokers, frame snappy blocks. */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0])
const XERIAL_HEADER_BYTES = 16

function fromSnappy(bytes: Buffer, bytesMax: number): Buffer {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) {
    refuseAbove(bytesMax, snappyBytes(bytes))
    return snappyDecompress(bytes)
  }
  const blocks: Buffer[] = []
  let total = 0
  for (let at = XERIAL_HEADER_BYTES; at < bytes.length; ) {
    const end = at + 4 + bytes.readInt32BE(at)
    if (end <= at + 4 || end > bytes.length) {
      throw new DecompressError('it ends in the middle of a block')
    }
    const block = bytes.subarray(at + 4, end)
    total += snappyBytes(block)
    refuseAbove(bytesMax, total)
    blocks.push(snappyDecompress(block))
    at = end
  }
  return Buffer.concat(blocks)
}

/** The decompressed length that a snappy block states; the library produces exactly that much, or throws. */
function snappyBytes(block: Buffer): number {
  let length = 0
  for (let at = 0; at < 5; at += 1) {
    const byte = block.readUInt8(at)
    length += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 0x80) {
      return length
    }
  }
  throw new DecompressError('it does not state its decompressed length')
}

const LZ4_MAGIC = 0x18_4d_22_04
const LZ4_SKIPPABLE_MAGIC = 0x18_4d_2a_50
/** Most decompressed bytes per byte of LZ4. */
const LZ4_RATIO_MAX = 255

/** The library decodes only the first frame, so each frame is passed separately. */
function fromLz4(bytes: Buffer, bytesMax: number): Buffer {
  const frames: Buffer[] = []
  let total = 0
  for (let at = 0; at < bytes.length; ) {
    const frame = lz4FrameAt(bytes, at)
    if (frame.kind === 'data') {
      total += frame.bytesMax
      frames.push(bytes.subarray(at, frame.end))
    }
    at = frame.end
  }
  refuseAbove(bytesMax, total)
  return Buffer.concat(frames.map((frame) => lz4Decompress(frame)))
}

type Lz4Frame =
  | { readonly kind: 'skippable'; readonly end: number }
  /** `bytesMax`: upper limit of its decompressed size, determined without decompressing its blocks. */
  | { readonly kind: 'data'; readonly end: number; readonly bytesMax: number }

/** Throws RangeError if the bytes end before the frame does. */
function lz4FrameAt(bytes: Buffer, start: number): Lz4Frame {
  const magic = bytes.readUInt32LE(start)
  if ((magic & ~0xf) >>> 0 === LZ4_SKIPPABLE_MAGIC) {
    return { kind: 'skippable', end: start + 8 + bytes.readUInt32LE(start + 4) }
  }
  if (magic !== LZ4_MAGIC) {
    throw new DecompressError('it is not an LZ4 frame')
  }
  const flags = bytes.readUInt8(start + 4)
  const [blockChecksum, contentSize, contentChecksum, dictionary] = [flags & 16, flags & 8, flags & 4, flags & 1]
  const blockBytesMax = 2 ** (8 + 2 * ((bytes.readUInt8(start + 5) >> 4) & 7))
  let at = start + 7 + (contentSize === 0 ? 0 : 8) + (dictionary === 0 ? 0 : 4)
  let bytesMax = 0
  for (let size = bytes.readUInt32LE(at); size !== 0; size = bytes.readUInt32LE(at)) {
    // The highest bit marks a block that is stored uncompressed.
    const stored = size & 0x7f_ff_ff_ff
    bytesMax += stored === size ? Math.min(blockBytesMax, stored * LZ4_RATIO_MAX) : stored
    at += 4 + stored + (blockChecksum === 0 ? 0 : 4)
  }
  return { kind: 'data', end: at + 4 + (contentChecksum === 0 ? 0 : 4), bytesMax }
}
