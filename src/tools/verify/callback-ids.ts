import { murmur2 } from '../../stream/partition-of.ts'

const CAPACITY_MIN = 1_024
/** Share of the table that may be in use; lookups become slow above it. */
const FULL_SHARE = 0.6

/**
 * A set of receipt ids that takes about 20 bytes per id, because it holds the ids of all callbacks in raw. It stores 53 bits of
 * a hash: with 30 million callbacks, a lookup of an id that is not in the set gives a false positive once in 300 million.
 */
export class CallbackIds {
  /** Open addressing; 0 is an empty place. */
  #table = new Float64Array(CAPACITY_MIN)
  #size = 0

  get size(): number {
    return this.#size
  }

  add(id: string): void {
    if (this.#size >= FULL_SHARE * this.#table.length) {
      const before = this.#table
      this.#table = new Float64Array(2 * before.length)
      for (const hash of before) {
        if (hash !== 0) {
          this.#table[placeOf(this.#table, hash)] = hash
        }
      }
    }
    const hash = hashOf(id)
    const place = placeOf(this.#table, hash)
    if (this.#table[place] === 0) {
      this.#table[place] = hash
      this.#size += 1
    }
  }

  has(id: string): boolean {
    const hash = hashOf(id)
    return this.#table[placeOf(this.#table, hash)] === hash
  }
}

/** Where the hash is, or else where it would go. The table is never full. */
function placeOf(table: Float64Array, hash: number): number {
  let place = hash % table.length
  while (table[place] !== 0 && table[place] !== hash) {
    place = (place + 1) % table.length
  }
  return place
}

/** 1 to 2^53 - 1. */
function hashOf(id: string): number {
  const bytes = Buffer.from(id)
  const high = (murmur2(bytes.toReversed()) >>> 0) & 0x1fffff
  return Math.max(1, high * 0x1_0000_0000 + (murmur2(bytes) >>> 0))
}
