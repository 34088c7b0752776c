const FIRST_BYTES = 256
/** A longer value is not copied into the frame but follows it as a part of its own. */
const COPIED_BYTES_MAX = 4_096

/**
 * Writes the primitive types of Kafka's protocol. Large values are kept by reference, so they must not change before the
 * parts are sent.
 */
export class WireWriter {
  #buffer = Buffer.allocUnsafe(FIRST_BYTES)
  #at = 0
  /** Start of the bytes that are not yet in `#parts`. */
  #from = 0
  readonly #parts: Buffer[] = []
  #partBytes = 0

  /** Bytes written so far. */
  get length(): number {
    return this.#partBytes + this.#at - this.#from
  }

  /** Everything written, in order. */
  parts(): readonly Buffer[] {
    this.#cut()
    return this.#parts
  }

  int8(value: number): void {
    const at = this.#reserve(1)
    this.#buffer.writeInt8(value, at)
  }

  int16(value: number): void {
    const at = this.#reserve(2)
    this.#buffer.writeInt16BE(value, at)
  }

  int32(value: number): void {
    const at = this.#reserve(4)
    this.#buffer.writeInt32BE(value, at)
  }

  int64(value: bigint): void {
    const at = this.#reserve(8)
    this.#buffer.writeBigInt64BE(value, at)
  }

  unsignedVarInt(value: number): void {
    let rest = value
    while (rest > 0x7f) {
      const at = this.#reserve(1)
      this.#buffer[at] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    const at = this.#reserve(1)
    this.#buffer[at] = rest
  }

  bytes(value: Buffer): void {
    if (value.length > COPIED_BYTES_MAX) {
      this.#cut()
      this.#parts.push(value)
      this.#partBytes += value.length
      return
    }
    const at = this.#reserve(value.length)
    value.copy(this.#buffer, at)
  }

  #cut(): void {
    if (this.#at > this.#from) {
      this.#parts.push(this.#buffer.subarray(this.#from, this.#at))
      this.#partBytes += this.#at - this.#from
      this.#from = this.#at
    }
  }

  /** Returns where to write. */
  #reserve(length: number): number {
    const at = this.#at
    if (at + length > this.#buffer.length) {
      const kept = this.#buffer.subarray(this.#from, at)
      const grown = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, kept.length + length))
      kept.copy(grown)
      this.#buffer = grown
      this.#from = 0
      this.#at = kept.length + length
      return kept.length
    }
    this.#at = at + length
    return at
  }
}
