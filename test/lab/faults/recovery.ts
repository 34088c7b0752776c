/** A group's committed offset and the end of the log, by partition. */
export type Positions = ReadonlyMap<string, { readonly committed: bigint; readonly end: bigint }>

/**
 * Decides whether payments get through again after a fault. Pure.
 *
 * The first look after the fault records the end of every partition. Records before it prove nothing: recovery means that
 * a later record was committed in every partition.
 */
export class ThroughAgain {
  readonly #ends = new Map<string, bigint>()

  /** One look, begun after the fault. `nothingComes`: no more records will come, so it is enough to have caught up. */
  look(positions: Positions, nothingComes: boolean): boolean {
    const known = this.#ends.size > 0
    let through = known
    for (const [partition, { committed, end }] of positions) {
      const before = this.#ends.get(partition)
      if (before === undefined) {
        this.#ends.set(partition, end)
      }
      // A truncated log may end below the committed offset: that is no progress.
      const isCommitted = before !== undefined && (committed > before || (nothingComes && committed >= end))
      through &&= isCommitted && committed <= end
    }
    return through
  }
}

/** From the start of a fault until it was healed and payments moved, ms on one clock. */
export interface Span {
  readonly since: number
  readonly over: number
}

/** A fault may still have effects this long after it. */
const CALM_MS = 2_000

/** Whether no other fault was active, or had just ended. Pure. */
export function spanIsAlone({ since, over }: Span, others: readonly Span[]): boolean {
  return others.every((other) => other.over + CALM_MS <= since || other.since >= over)
}
