import type { ResolvedLetter } from './resolved-letter.ts'

/** If there are more offsets than this, only the newest are tracked (I10): two bytes each. */
const OFFSETS_MAX = 8_000_000
const OFFSETS_AT_FIRST = 1_024

const UNKNOWN = 0
const RESOLVED = 255
/** Counts every reason that is not in the list. */
const OTHER_REASON = 'other'

/**
 * Which dead letters of one partition need a decision, and why. Dead letters and decisions can be recorded in any order.
 * Memory: two bytes for each offset of the partition, at most {@link OFFSETS_MAX} offsets.
 */
export class LetterStates {
  /** Lower offsets are not tracked: their state is unknown. */
  #first: number
  #codes = new Uint8Array(OFFSETS_AT_FIRST)
  #redrives = new Uint8Array(OFFSETS_AT_FIRST)
  readonly #reasons: readonly string[]
  readonly #counts: number[]
  readonly #offsetsMax: number

  /**
   * @param start the first offset that the partition still has.
   * @param reasons a closed list; every other reason counts as {@link OTHER_REASON}.
   */
  constructor(start: bigint, reasons: readonly string[], offsetsMax = OFFSETS_MAX) {
    this.#first = Number(start)
    this.#reasons = [OTHER_REASON, ...reasons]
    this.#counts = this.#reasons.map(() => 0)
    this.#offsetsMax = offsetsMax
  }

  /** A dead letter with this reason is in the topic. */
  saw(offset: bigint, reason: string): void {
    const at = Number(offset)
    if (at - this.#first >= this.#offsetsMax) {
      this.#forgetBefore(at - this.#offsetsMax + 1 + Math.floor(this.#offsetsMax / 8))
    }
    const index = this.#indexOf(offset)
    if (index !== null && this.#codes[index] === UNKNOWN) {
      this.#set(index, this.#codeOf(reason))
    }
  }

  /** Null: the decision was withdrawn; the dead letter counts once it is seen again. */
  decided(offset: bigint, letter: Pick<ResolvedLetter, 'how' | 'redrives' | 'newReason'> | null): void {
    const index = this.#indexOf(offset)
    if (index === null) {
      return
    }
    this.#redrives[index] = Math.min(letter?.redrives ?? 0, 255)
    if (letter === null) {
      this.#set(index, UNKNOWN)
    } else {
      this.#set(index, letter.how === 'stays' ? this.#codeOf(letter.newReason ?? OTHER_REASON) : RESOLVED)
    }
  }

  /** Forgets what retention has deleted. */
  startsAt(start: bigint): void {
    this.#forgetBefore(Number(start))
  }

  isResolved(offset: bigint): boolean {
    return this.#codes[Number(offset) - this.#first] === RESOLVED
  }

  /** The reason found by the last redrive, otherwise the first one seen; null if neither is known, or the letter is resolved. */
  reasonOf(offset: bigint): string | null {
    const code = this.#codes[Number(offset) - this.#first] ?? UNKNOWN
    return code === UNKNOWN || code === RESOLVED ? null : (this.#reasons[code - 1] ?? null)
  }

  /** How often the letter's events were published. */
  redrivesOf(offset: bigint): number {
    return this.#redrives[Number(offset) - this.#first] ?? 0
  }

  /** How many dead letters are open, by reason; without zeros. */
  get open(): ReadonlyMap<string, number> {
    return new Map(this.#reasons.flatMap((reason, at) => (this.#counts[at] ? [[reason, this.#counts[at]]] : [])))
  }

  #set(index: number, code: number): void {
    this.#count(this.#codes[index] ?? UNKNOWN, -1)
    this.#codes[index] = code
    this.#count(code, 1)
  }

  #count(code: number, by: number): void {
    if (code !== UNKNOWN && code !== RESOLVED) {
      this.#counts[code - 1] = (this.#counts[code - 1] ?? 0) + by
    }
  }

  #codeOf(reason: string): number {
    return Math.max(this.#reasons.indexOf(reason), 0) + 1
  }

  /** Null for an offset that is not tracked. */
  #indexOf(offset: bigint): number | null {
    const index = Number(offset) - this.#first
    if (index < 0 || index >= this.#offsetsMax) {
      return null
    }
    if (index >= this.#codes.length) {
      const length = Math.min(this.#offsetsMax, Math.max(index + 1, 2 * this.#codes.length))
      this.#codes = grown(this.#codes, length)
      this.#redrives = grown(this.#redrives, length)
    }
    return index
  }

  #forgetBefore(first: number): void {
    const gone = first - this.#first
    if (gone <= 0) {
      return
    }
    for (const code of this.#codes.subarray(0, gone)) {
      this.#count(code, -1)
    }
    this.#codes = this.#codes.slice(gone)
    this.#redrives = this.#redrives.slice(gone)
    this.#first = first
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(length)
  larger.set(bytes)
  return larger
}
