import { gzipSync, zstdCompressSync } from 'node:zlib'
import { lz4Compress, snappyCompress } from '@platformatic/wasm-utils'
import { describe, expect, test } from 'vitest'
import { COMPRESSION, DecompressError, decompress } from '../../../src/kafka/client/decompress.ts'

const MB = 1_000_000
const TEXT = Buffer.from(
  Array.from({ length: 5_000 }, (_, index) => `{"status":"COMPLETED","n":${index * 7_919}}`).join('\n'),
)
const NOISE = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * index * 31) % 251))

/** Frames blocks as snappy-java does. */
function xerial(bytes: Buffer, blockBytes = 32 * 1024): Buffer {
  const parts: Buffer[] = [Buffer.from([0x82, ...Buffer.from('SNAPPY'), 0, 0, 0, 0, 1, 0, 0, 0, 1])]
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const block = snappyCompress(bytes.subarray(at, at + blockBytes))
    const length = Buffer.alloc(4)
    length.writeInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

const CODECS: readonly (readonly [string, number, (bytes: Buffer) => Buffer])[] = [
  ['gzip', COMPRESSION.gzip, (bytes) => gzipSync(bytes)],
  ['zstd', COMPRESSION.zstd, (bytes) => zstdCompressSync(bytes)],
  ['snappy', COMPRESSION.snappy, (bytes) => snappyCompress(bytes)],
  ['snappy in xerial blocks', COMPRESSION.snappy, xerial],
  ['lz4', COMPRESSION.lz4, (bytes) => lz4Compress(bytes)],
  [
    'lz4 in several frames',
    COMPRESSION.lz4,
    (bytes) => Buffer.concat([bytes.subarray(0, 1_000), bytes.subarray(1_000)].map((part) => lz4Compress(part))),
  ],
]

describe.each(CODECS)('%s', (_, codec, compress) => {
  test.each([
    ['text', TEXT],
    ['incompressible data', NOISE],
    ['one byte', Buffer.from([7])],
  ])('round-trips %s', (_what, bytes) => {
    // The size that LZ4 states is coarse: up to its block size more than it contains.
    expect(decompress(codec, compress(bytes), 8 * MB).equals(bytes)).toBe(true)
  })

  test('I10: does not start, or stops early, if the result would exceed the limit', () => {
    const bomb = compress(Buffer.alloc(30 * MB))
    expect(bomb.length).toBeLessThan(2 * MB)
    const before = process.memoryUsage().rss
    const decompressed = () => decompress(codec, bomb, MB)
    expect(decompressed).toThrow(DecompressError)
    expect(decompressed).toThrow('it decompresses to more than 1000000 bytes')
    expect(process.memoryUsage().rss - before).toBeLessThan(15 * MB)
  })

  test('is rejected when damaged at any position, and others can still be read afterwards', () => {
    const good = compress(TEXT)
    const refusals: unknown[] = []
    for (const end of [0, 1, 3, 4, 8, 10, Math.floor(good.length / 2), good.length - 5]) {
      try {
        const bytes = decompress(codec, good.subarray(0, end), 8 * MB)
        expect(TEXT.subarray(0, bytes.length).equals(bytes)).toBe(true)
      } catch (error) {
        refusals.push(error)
      }
    }
    expect(refusals.length).toBeGreaterThan(3)
    expect(refusals.every((error) => error instanceof DecompressError)).toBe(true)
    expect(decompress(codec, good, 8 * MB).equals(TEXT)).toBe(true)
  })
})

test('an unknown codec is rejected', () => {
  expect(() => decompress(5, TEXT, MB)).toThrow('unknown compression 5')
})
