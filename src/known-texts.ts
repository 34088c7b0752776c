const TEXTS_MAX = 256
/** Longest text that is remembered, bytes. Longer ones are ids and times, which are new every time. */
const TEXT_BYTES_MAX = 24

/**
 * Decodes UTF-8 and remembers short texts that come again and again, such as the names of sources and statuses: the same
 * bytes give the same string, without an allocation.
 *
 * It holds at most 256 texts of at most 24 bytes (I10). A text takes the place of another one with the same slot.
 */
export class KnownTexts {
  /** Of every slot. */
  readonly #bytes = new Uint8Array(TEXTS_MAX * TEXT_BYTES_MAX)
  readonly #lengths = new Uint8Array(TEXTS_MAX)
  readonly #texts: string[] = new Array(TEXTS_MAX).fill('')

  /** The text in `bytes` from `start` to `end`, which must be inside. */
  at(bytes: Buffer, start: number, end: number): string {
    const length = end - start
    if (length === 0 || length > TEXT_BYTES_MAX) {
      return (bytes as NativeBuffer).utf8Slice(start, end)
    }
    const slot = slotOf(bytes, start, length)
    if (!this.#isIn(slot, bytes, start, length)) {
      // Copied in a loop of our own: a native call costs more for so few bytes.
      for (let at = 0; at < length; at += 1) {
        this.#bytes[slot * TEXT_BYTES_MAX + at] = bytes[start + at] as number
      }
      this.#lengths[slot] = length
      this.#texts[slot] = (bytes as NativeBuffer).utf8Slice(start, end)
    }
    return this.#texts[slot] as string
  }

  #isIn(slot: number, bytes: Buffer, start: number, length: number): boolean {
    if (this.#lengths[slot] !== length) {
      return false
    }
    const known = this.#bytes
    const from = slot * TEXT_BYTES_MAX
    for (let at = 0; at < length; at += 1) {
      if (known[from + at] !== bytes[start + at]) {
        return false
      }
    }
    return true
  }
}

/** The native function that `toString` calls after its checks; Node.js exposes it without a typing. */
type NativeBuffer = Buffer & { utf8Slice(start: number, end: number): string }

function slotOf(bytes: Buffer, start: number, length: number): number {
  const first = bytes[start] as number
  const middle = bytes[start + (length >> 1)] as number
  const last = bytes[start + length - 1] as number
  return (length * 31 + first * 7 + middle * 13 + last * 17) % TEXTS_MAX
}
