/** A seeded source of randomness: the same seed and stream always give the same values, on every machine. */
export interface Random {
  /** 0 <= value < 1. */
  next(): number
  /** A whole number; both bounds are included. */
  integer(min: number, max: number): number
  /** True with the given probability; never for 0, always for 1. */
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
  /** A new array with the items in random order. */
  shuffle<T>(items: readonly T[]): T[]
  /** Lower-case hex digits. */
  hex(length: number): string
  /** Capital letters and digits, as customer references are written. */
  alphanumeric(length: number): string
}

const ALPHANUMERIC = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'

/**
 * Randomness of `seed` for one purpose. Streams are independent: drawing more from one does not change the others, so, for
 * example, another share of duplicates does not change the payments.
 *
 * The generator is sfc32. Its 128 bits of state matter here: with a 32-bit generator the ids of two seeds would be
 * pieces of the same sequence.
 */
export function createRandom(seed: number, stream: string): Random {
  let a = seed | 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = hashText(stream)
  let counter = 1

  function uint32(): number {
    const value = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + value) | 0
    return value >>> 0
  }
  // The first outputs still show the seed.
  for (let round = 0; round < 16; round++) {
    uint32()
  }

  const random: Random = {
    next: () => uint32() / 2 ** 32,
    integer: (min, max) => min + Math.floor(random.next() * (max - min + 1)),
    chance: (probability) => random.next() < probability,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) {
        throw new RangeError('nothing to pick from')
      }
      return items[random.integer(0, items.length - 1)] as T
    },
    shuffle<T>(items: readonly T[]): T[] {
      const shuffled = [...items]
      for (let last = shuffled.length - 1; last > 0; last--) {
        const other = random.integer(0, last)
        const kept = shuffled[last] as T
        shuffled[last] = shuffled[other] as T
        shuffled[other] = kept
      }
      return shuffled
    },
    hex(length) {
      let text = ''
      while (text.length < length) {
        text += uint32().toString(16).padStart(8, '0')
      }
      return text.slice(0, length)
    },
    alphanumeric(length) {
      let text = ''
      while (text.length < length) {
        text += ALPHANUMERIC.charAt(random.integer(0, ALPHANUMERIC.length - 1))
      }
      return text
    },
  }
  return random
}

/** FNV-1a. */
function hashText(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  }
  return hash
}
