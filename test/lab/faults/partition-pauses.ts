/** Measures how long each partition of a group stands still, from looks at its committed offsets. Pure. */
export class PartitionPauses {
  readonly #moved = new Map<number, { committed: bigint; at: number }>()
  readonly #longest = new Map<number, number>()

  /** One look at time `at`, ms. A pause lasts from the look that saw one advance to the look that saw the next. */
  look(committed: ReadonlyMap<number, bigint>, at: number): void {
    for (const [partition, offset] of committed) {
      const before = this.#moved.get(partition)
      if (before === undefined) {
        this.#moved.set(partition, { committed: offset, at })
      } else if (offset > before.committed) {
        this.#longest.set(partition, Math.max(this.#longest.get(partition) ?? 0, at - before.at))
        this.#moved.set(partition, { committed: offset, at })
      }
    }
  }

  /** Whether this many partitions advanced after a time. */
  haveMovedSince(at: number, partitions: number): boolean {
    return [...this.#moved.values()].filter((moved) => moved.at > at).length === partitions
  }

  /** The longest pause of each partition so far, ms. */
  get longestMs(): readonly number[] {
    return [...this.#longest.values()].map(Math.round)
  }
}
