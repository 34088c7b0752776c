import { createRandom } from './simulate/random.ts'

export interface Orders {
  /** Each is a permutation of 0 … count - 1; the first is that order itself. */
  readonly orders: readonly (readonly number[])[]
  /** True if these are all there are. */
  readonly exhaustive: boolean
}

/** Up to this many things all orders are tried: 7! = 5,040. */
export const EXHAUSTIVE_COUNT_MAX = 7
/** How many orders are tried of more things. */
export const SAMPLED_ORDERS = 1_000

/** All orders of `count` things; of many things the given one, the reverse, and others by the seed. */
export function ordersOf(count: number, seed: number, stream: string): Orders {
  const given = Array.from({ length: count }, (_, index) => index)
  if (count <= EXHAUSTIVE_COUNT_MAX) {
    return { orders: permutationsOf(given), exhaustive: true }
  }
  const random = createRandom(seed, stream)
  const shuffled = Array.from({ length: SAMPLED_ORDERS - 2 }, () => random.shuffle(given))
  return { orders: [given, given.toReversed(), ...shuffled], exhaustive: false }
}

/** In lexicographic order, so that the given one is first. */
function permutationsOf(items: readonly number[]): readonly (readonly number[])[] {
  if (items.length <= 1) {
    return [items]
  }
  return items.flatMap((first) =>
    permutationsOf(items.filter((item) => item !== first)).map((rest) => [first, ...rest]),
  )
}
