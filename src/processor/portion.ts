/** Estimates the memory that one item of a batch needs. */
export interface Needed {
  /** Size of the item itself. */
  readonly bytes: number
  /** The payment whose state it needs; null if it needs none. */
  readonly paymentKey: string | null
}

/** Overhead of an item beyond its own bytes: objects, keys, array slots. */
const ITEM_BYTES = 1_024

/**
 * The largest run of items from `from` on that fits into `bytesMax` together with the states it needs, each state counted
 * once; at least one item. `sizeOf` gives the size of an encoded state. Together with what is written because of them, they
 * take two to three times as much memory.
 */
export function portionOf(
  items: readonly Needed[],
  from: number,
  sizeOf: (paymentKey: string) => number,
  bytesMax: number,
): { readonly until: number; readonly bytes: number } {
  const known = new Set<string>()
  let bytes = 0
  let until = from
  for (; until < items.length; until += 1) {
    const { bytes: own, paymentKey } = items[until] as Needed
    const ofState = paymentKey === null || known.has(paymentKey) ? 0 : sizeOf(paymentKey)
    const more = own + ofState + ITEM_BYTES
    if (until > from && bytes + more > bytesMax) {
      break
    }
    bytes += more
    if (paymentKey !== null) {
      known.add(paymentKey)
    }
  }
  return { until, bytes }
}
