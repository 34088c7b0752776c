/** What a subscriber holds about one payment, as the kit compares it. docs/conformance.md describes the format. */
export interface TableRow {
  readonly paymentKey: string
  readonly incarnation: number
  readonly statusVersion: number
  readonly status: string
  /** Undefined: the subscriber does not say. */
  readonly finality?: string | undefined
  readonly kind?: string | undefined
  readonly amount?: RowAmount | null | undefined
  /** The steps that it acted on, in that order: incarnation and version. */
  readonly steps?: readonly Pair[] | undefined
}

export interface RowAmount {
  readonly value: string
  readonly currency: string | null
}

/** `(incarnation, statusVersion)`, by which the versions of a payment are ordered. */
export type Pair = readonly [incarnation: number, statusVersion: number]

export function comparePairs(a: Pair, b: Pair): number {
  return a[0] - b[0] || a[1] - b[1]
}

export function pairOf({ incarnation, statusVersion }: { incarnation: number; statusVersion: number }): Pair {
  return [incarnation, statusVersion]
}

export function pairText([incarnation, statusVersion]: Pair): string {
  return `${incarnation}/${statusVersion}`
}
