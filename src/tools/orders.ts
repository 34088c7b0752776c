import { createRandom } from './simulate/random.ts'

export interface Orders {
  /** Permutations of 0 … count - 1; the identity comes first. */
  readonly orders: readonly (readonly number[])[]
  /** True if all permutations are included. */
  readonly exhaustive: boolean
}

/** Up to this count all orders are returned: 7! = 5,040. */
export const EXHAUSTIVE_COUNT_MAX = 7
/** Number of orders returned for a higher count. */
export const SAMPLED_ORDERS = 1_000

/** All orders of `count` items; for a high count the given order, its reverse, and random ones determined by the seed. */
export function ordersOf(count: number, seed: number, stream: string): Orders {
  const given = Array.from({ length: count }, (_, index) => index)
  if (count <= EXHAUSTIVE_COUNT_MAX) {
    return { orders: permutationsOf(given), exhaustive: true }
  }
  const random = createRandom(seed, stream)
  const shuffled = Array.from({ length: SAMPLED_ORDERS - 2 }, () => random.shuffle(given))
  return { orders: [given, given.toReversed(), ...shuffled], exhaustive: false }
}

/** In lexicographic order, so the given order comes first. */
function permutationsOf(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length <= 1) {
    return [items]
  }
  return items.flatMap((first) =>
    permutationsOf(items.filter((item) => item !== first)).map((rest) => [first, ...rest]),
  )
}
