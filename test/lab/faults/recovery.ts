/** How far a group is in each partition, and where the partition ends. */
export type Positions = ReadonlyMap<string, { readonly committed: bigint; readonly end: bigint }>

/**
 * Whether payments get through again after some harm. Pure.
 *
 * The first look after the harm says where every partition ends. What was on its way then proves nothing: recovered is
 * who has committed something that came later, in every partition.
 */
export class ThroughAgain {
  readonly #ends = new Map<string, bigint>()

  /** One look, begun after the harm. `nothingComes`: no record will come any more, so it is enough to have done all. */
  look(positions: Positions, nothingComes: boolean): boolean {
    const known = this.#ends.size > 0
    let through = known
    for (const [partition, { committed, end }] of positions) {
      const before = this.#ends.get(partition)
      if (before === undefined) {
        this.#ends.set(partition, end)
      }
      // A log that lost its end may end below what was committed: that is no progress.
      const isCommitted = before !== undefined && (committed > before || (nothingComes && committed >= end))
      through &&= isCommitted && committed <= end
    }
    return through
  }
}

/** From the beginning of a fault until it was healed and payments moved, ms on one clock. */
export interface Span {
  readonly since: number
  readonly over: number
}

/** What was broken shortly before may still be felt. */
const CALM_MS = 2_000

/** Whether nothing else was broken, or just had been. Pure. */
export function spanIsAlone({ since, over }: Span, others: readonly Span[]): boolean {
  return others.every((other) => other.over + CALM_MS <= since || other.since >= over)
}
