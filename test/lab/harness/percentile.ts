/** Nearest-rank percentile, of values in any order; null for no values. `share` is above 0 and at most 1. */
export function percentile(values: readonly number[], share: number): number | null {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil(share * sorted.length) - 1] ?? null
}
