const GROWTH = 2
const ENTRIES_MIN = 1_024
/** Entries that a lookup visits, and numbers that it returns, at most (I10). */
const VISITED_MAX = 200_000
const FOUND_MAX = 1_000
/** Entries in which `add` looks for the same pair: repeated events name the same ids. */
const REPEATS_LOOKED_AT = 8

/**
 * Finds the numbers under which an id was added. Only a hash of 32 bits is kept, 16 to 24 bytes per entry, so a lookup can also
 * return numbers of other ids: the caller must check what it finds. Upper and lower case are the same.
 */
export class IdIndex {
  #hashes = new Uint32Array(ENTRIES_MIN)
  #numbers = new Uint32Array(ENTRIES_MIN)
  /** The next entry of the same bucket, plus one; 0 ends the chain. */
  #next = new Uint32Array(ENTRIES_MIN)
  #heads = new Uint32Array(ENTRIES_MIN)
  #size = 0

  get size(): number {
    return this.#size
  }

  add(id: string, number: number): void {
    const hash = hashOf(id)
    let entry = this.#heads[hash & (this.#heads.length - 1)] ?? 0
    for (let looked = 0; entry !== 0 && looked < REPEATS_LOOKED_AT; looked += 1) {
      if (this.#hashes[entry - 1] === hash && this.#numbers[entry - 1] === number) {
        return
      }
      entry = this.#next[entry - 1] ?? 0
    }
    if (this.#size === this.#hashes.length) {
      this.#grow()
    }
    const at = this.#size
    this.#hashes[at] = hash
    this.#numbers[at] = number
    this.#size += 1
    this.#link(at)
  }

  /** The latest first, without repeats, at most 1,000. */
  find(id: string): readonly number[] {
    const hash = hashOf(id)
    const found = new Set<number>()
    let entry = this.#heads[hash & (this.#heads.length - 1)] ?? 0
    for (let visited = 0; entry !== 0 && visited < VISITED_MAX && found.size < FOUND_MAX; visited += 1) {
      if (this.#hashes[entry - 1] === hash) {
        found.add(this.#numbers[entry - 1] ?? 0)
      }
      entry = this.#next[entry - 1] ?? 0
    }
    return [...found]
  }

  #link(at: number): void {
    const bucket = (this.#hashes[at] ?? 0) & (this.#heads.length - 1)
    this.#next[at] = this.#heads[bucket] ?? 0
    this.#heads[bucket] = at + 1
  }

  #grow(): void {
    const capacity = this.#hashes.length * GROWTH
    this.#hashes = grown(this.#hashes, capacity)
    this.#numbers = grown(this.#numbers, capacity)
    this.#next = new Uint32Array(capacity)
    this.#heads = new Uint32Array(capacity)
    for (let at = 0; at < this.#size; at += 1) {
      this.#link(at)
    }
  }
}

function grown(values: Uint32Array<ArrayBuffer>, capacity: number): Uint32Array<ArrayBuffer> {
  const copy = new Uint32Array(capacity)
  copy.set(values)
  return copy
}

/** FNV-1a over the lower-case text, then mixed, because the low bits choose the bucket. */
function hashOf(id: string): number {
  const text = id.toLowerCase()
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
