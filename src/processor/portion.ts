/** What one item of a batch needs in memory, roughly. */
export interface Needed {
  /** Of the item itself, bytes. */
  readonly bytes: number
  /** The payment whose state it needs; null for none. */
  readonly paymentKey: string | null
}

/** What an item costs beside its bytes: objects, keys, places in arrays. */
const ITEM_BYTES = 1_024

/**
 * How many of the first items fit into `bytesMax` together with the states that they need, each state once; at least one
 * item. `sizeOf` gives the bytes of a state before it is read. What is decoded takes two to three times as much.
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
