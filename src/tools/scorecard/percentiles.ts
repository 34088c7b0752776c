/** Relative width of a bucket: percentiles are exact to 1 %. */
const GROWTH = 1.02

/** Percentiles of many times, in bounded memory. */
export class Percentiles {
  readonly #buckets = new Map<number, number>()
  #count = 0

  /** @param ms Less than 0 counts as 0. */
  add(ms: number): void {
    const bucket = Math.round(Math.log(Math.max(0, ms) + 1) / Math.log(GROWTH))
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1)
    this.#count += 1
  }

  /** In ms; null without values. */
  at(share: number): number | null {
    let left = Math.ceil(this.#count * share)
    for (const [bucket, count] of [...this.#buckets].toSorted(([a], [b]) => a - b)) {
      left -= count
      if (left <= 0) {
        return Math.round(GROWTH ** bucket - 1)
      }
    }
    return null
  }
}
