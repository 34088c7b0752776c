import { KnownTexts } from '../known-texts.ts'

/** Times until the year 144,683. */
export const LONG_MAX = 2 ** 52
const INT_MAX = 2 ** 31 - 1
const INT_MIN = -(2 ** 31)

export class LongTooLargeError extends RangeError {}

/** Items of an array, and the bytes that each was read from. */
export interface KeptItems {
  readonly items: readonly unknown[]
  readonly bytes: Buffer
  /** Start and end of each item. */
  readonly bounds: readonly number[]
}

/**
 * The record of one type that was written last, and its bytes. An event goes into a change and then into the state that the
 * change leads to: it is encoded once and copied.
 *
 * The codecs that share one must have the same schema for the record (test/schemas.test.ts).
 */
export class LastRecord {
  /** Full name of the record in the schemas. */
  readonly name: string
  record: unknown
  bytes: Buffer = Buffer.alloc(0)
  start = 0
  end = 0

  constructor(name: string) {
    this.name = name
  }
}

/**
 * Writes Avro values one after the other. What does not fit is not written but counted: if `at` is beyond the buffer in the
 * end, everything must be written again into one that is large enough.
 */
export class AvroWriter {
  readonly buffer: Buffer
  at: number
  readonly #last: LastRecord | undefined
  #record: unknown
  #recordStart = 0
  #recordEnd = 0

  constructor(buffer: Buffer, at: number, last?: LastRecord) {
    this.buffer = buffer
    this.at = at
    this.#last = last
  }

  /** Begins a value. */
  begin(at: number): void {
    this.at = at
    this.#record = undefined
  }

  /** A lone surrogate is written as U+FFFD: readers in other languages reject bytes that are not UTF-8. */
  string(text: unknown): void {
    if (typeof text !== 'string') {
      throw new TypeError('not a string')
    }
    if (!this.#shortAscii(text)) {
      const wellFormed = text.isWellFormed() ? text : text.toWellFormed()
      const bytes = Buffer.byteLength(wellFormed)
      this.#varint(bytes * 2)
      if (this.at + bytes <= this.buffer.length) {
        this.buffer.write(wellFormed, this.at, 'utf8')
      }
      this.at += bytes
    }
  }

  /** Between -2^52 and 2^52: beyond, the doubled number would lose precision. */
  long(value: unknown): void {
    if (!(Number.isInteger(value) && (value as number) >= -LONG_MAX && (value as number) <= LONG_MAX)) {
      throw new TypeError('not an exact long')
    }
    this.#varint((value as number) >= 0 ? (value as number) * 2 : (value as number) * -2 - 1)
  }

  int(value: unknown): void {
    if (!(Number.isInteger(value) && (value as number) >= INT_MIN && (value as number) <= INT_MAX)) {
      throw new TypeError('not an int')
    }
    this.#varint((value as number) >= 0 ? (value as number) * 2 : (value as number) * -2 - 1)
  }

  boolean(value: unknown): void {
    if (typeof value !== 'boolean') {
      throw new TypeError('not a boolean')
    }
    this.buffer[this.at] = value ? 1 : 0
    this.at += 1
  }

  symbol(indexes: ReadonlyMap<unknown, number>, value: unknown): void {
    const index = indexes.get(value)
    if (index === undefined) {
      throw new TypeError('not a symbol of the enum')
    }
    this.#varint(index * 2)
  }

  /** Writes which type of a union with null follows. */
  isPresent(value: unknown): boolean {
    const present = value !== null && value !== undefined
    this.buffer[this.at] = present ? 2 : 0
    this.at += 1
    return present
  }

  /** Begins an array: the number of its items, or its end if it has none. */
  count(items: unknown): void {
    if (!Array.isArray(items)) {
      throw new TypeError('not an array')
    }
    this.#varint(items.length * 2)
  }

  /** Ends an array that has items. */
  end(): void {
    this.buffer[this.at] = 0
    this.at += 1
  }

  /** An array. Items that are the same objects as in `kept`, in the same order, are copied; neighbours at once. */
  keptItems(items: unknown, kept: KeptItems | undefined, write: (writer: this, item: unknown) => void): void {
    this.count(items)
    let next = 0
    let from = 0
    let until = 0
    for (const item of items as readonly unknown[]) {
      const found = kept === undefined ? -1 : kept.items.indexOf(item, next)
      if (kept === undefined || found < 0) {
        this.#copy(kept, from, until)
        from = until
        write(this, item)
        continue
      }
      const start = kept.bounds[2 * found] as number
      if (start !== until) {
        this.#copy(kept, from, until)
        from = start
      }
      until = kept.bounds[2 * found + 1] as number
      next = found + 1
    }
    this.#copy(kept, from, until)
    if ((items as readonly unknown[]).length > 0) {
      this.end()
    }
  }

  /** Copies the record if it is the one that was written last, by whichever codec; otherwise false. */
  copyLast(record: unknown): boolean {
    const last = this.#last
    if (last === undefined || last.record !== record) {
      return false
    }
    this.#copy(last, last.start, last.end)
    return true
  }

  /** Notes that a record was written from `start` on. */
  wrote(record: unknown, start: number): void {
    this.#record = record
    this.#recordStart = start
    this.#recordEnd = this.at
  }

  /** The value is complete; its bytes were copied, at the same places, into `bytes`. */
  completed(bytes: Buffer): void {
    const last = this.#last
    if (last !== undefined && this.#record !== undefined) {
      last.record = this.#record
      last.bytes = bytes
      last.start = this.#recordStart
      last.end = this.#recordEnd
    }
  }

  #copy(from: { readonly bytes: Buffer } | undefined, start: number, end: number): void {
    if (from !== undefined && end > start) {
      if (this.at < this.buffer.length) {
        from.bytes.copy(this.buffer, this.at, start, end)
      }
      this.at += end - start
    }
  }

  /** Not negative, at most 2^53 (zigzag): seven bits per byte. */
  #varint(value: number): void {
    const { buffer } = this
    let rest = value
    if (value > INT_MAX) {
      // Four bytes at once: only 32 bits can be shifted.
      const high = Math.floor(value / 2 ** 28)
      const low = value - high * 2 ** 28
      buffer[this.at] = (low & 0x7f) | 0x80
      buffer[this.at + 1] = ((low >>> 7) & 0x7f) | 0x80
      buffer[this.at + 2] = ((low >>> 14) & 0x7f) | 0x80
      buffer[this.at + 3] = (low >>> 21) | 0x80
      this.at += 4
      rest = high
    }
    while (rest > 0x7f) {
      buffer[this.at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    buffer[this.at++] = rest
  }

  /**
   * Nearly all strings of a payment are short ASCII, whose length fits in one byte. Very short ones are fastest in a loop of
   * ours, others in one native write: if it writes as many bytes as there are characters, with room for more, the string was
   * ASCII.
   */
  #shortAscii(text: string): boolean {
    const { buffer, at } = this
    const { length } = text
    if (length > SHORT_LENGTH_MAX || at + 1 + UTF8_BYTES_MAX * length > buffer.length) {
      return false
    }
    if (length > LOOP_LENGTH_MAX) {
      if ((buffer as NativeBuffer).utf8Write(text, at + 1) !== length) {
        return false
      }
    } else {
      for (let i = 0; i < length; i++) {
        const code = text.charCodeAt(i)
        if (code > 0x7f) {
          return false
        }
        buffer[at + 1 + i] = code
      }
    }
    buffer[at] = length << 1
    this.at = at + 1 + length
    return true
  }
}

/** The native function that `write` calls after its checks; Node.js exposes it without a typing. */
type NativeBuffer = Buffer & { utf8Write(text: string, offset: number): number }

/** Measured on Node.js 24: above this length the native call costs less than the loop. */
const LOOP_LENGTH_MAX = 9
/** Most UTF-8 bytes for one UTF-16 code unit. */
const UTF8_BYTES_MAX = 3
/** Largest length that fits in one byte: lengths are written doubled (zigzag), seven bits per byte. */
const SHORT_LENGTH_MAX = 63

/** The same bytes always give the same text, so all readers can share it. */
const TEXTS = new KnownTexts()

/**
 * Reads Avro values one after the other. Bytes beyond the end read as 0: if `at` is beyond it in the end, the value was
 * cut off. The work is bounded by the bytes, whatever lengths they declare.
 */
export class AvroReader {
  at: number
  /** The array that was read with `keptItems`. */
  kept: KeptItems | undefined
  readonly #bytes: Buffer

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.at = at
  }

  string(): string {
    const length = this.#varint() / 2
    if (!Number.isInteger(length)) {
      throw new RangeError('negative length')
    }
    const start = this.at
    this.at = start + length
    return this.at > this.#bytes.length ? '' : TEXTS.at(this.#bytes, start, this.at)
  }

  long(): number {
    const value = this.#signed()
    if (!(value >= -LONG_MAX && value <= LONG_MAX)) {
      throw new LongTooLargeError()
    }
    return value
  }

  int(): number {
    const value = this.#signed()
    if (!(value >= INT_MIN && value <= INT_MAX)) {
      throw new RangeError('not an int')
    }
    return value
  }

  boolean(): boolean {
    const byte = this.#bytes[this.at]
    this.at += 1
    return Boolean(byte)
  }

  symbol(symbols: readonly string[]): string {
    const symbol = symbols[this.#signed()]
    if (symbol === undefined) {
      throw new RangeError('not a symbol of the enum')
    }
    return symbol
  }

  /** Reads which type of a union with null follows. */
  isPresent(): boolean {
    const branch = this.#signed()
    if (branch !== 0 && branch !== 1) {
      throw new RangeError('not a branch of the union')
    }
    return branch === 1
  }

  items<T>(read: (reader: this) => T): T[] {
    const items: T[] = []
    for (let left = this.#blockLength(); left > 0; left = this.#blockLength()) {
      while (left-- > 0) {
        this.#refuseBeyondEnd()
        items.push(read(this))
      }
    }
    return items
  }

  /** Like `items`, and remembers where each of them is: see AvroWriter.keptItems. */
  keptItems<T>(read: (reader: this) => T): T[] {
    const bounds: number[] = []
    const items = this.items((reader) => {
      bounds.push(reader.at)
      const item = read(reader)
      bounds.push(reader.at)
      return item
    })
    this.kept = { items, bytes: this.#bytes, bounds }
    return items
  }

  /** Number of items in the next block, 0 at the end. A negative length is followed by the block's size in bytes. */
  #blockLength(): number {
    const length = this.#signed()
    if (length < 0) {
      this.#signed()
    }
    return Math.abs(length)
  }

  /** Every item takes at least a byte (our schemas have no empty records), so the work is bounded by the bytes. */
  #refuseBeyondEnd(): void {
    if (this.at >= this.#bytes.length) {
      throw new RangeError('array beyond the end')
    }
  }

  #signed(): number {
    const value = this.#varint()
    if (value <= INT_MAX) {
      return (value >>> 1) ^ -(value & 1)
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** Exact up to 2^53; larger ones only have to be recognised as too large. */
  #varint(): number {
    const bytes = this.#bytes
    let byte = bytes[this.at++] as number
    if (!(byte & 0x80)) {
      return byte | 0
    }
    let value = byte & 0x7f
    let factor = 0x80
    for (let more = 1; byte & 0x80; more += 1) {
      if (more === VARINT_BYTES_MAX) {
        throw new RangeError('number too long')
      }
      byte = bytes[this.at++] as number
      value += (byte & 0x7f) * factor
      factor *= 0x80
    }
    return value
  }
}

/** A long has at most 64 bits. */
const VARINT_BYTES_MAX = 10
