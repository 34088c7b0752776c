import type { Verdict } from '../payment/apply-event.ts'

/**
 * What happened to the events of one partition, since `since`. Kept in the view's marker and in the metadata of the
 * committed offset, so a restart goes on counting exactly where the last commit stood.
 *
 * Invariant I8: events = applied + late + revision + conflict + unknown + duplicate + deadLetter. `overdue` and
 * `forgotten` count acts of the clock, which are no events.
 */
export interface Totals {
  readonly since: string
  readonly events: number
  readonly applied: number
  readonly late: number
  readonly revision: number
  readonly conflict: number
  readonly unknown: number
  readonly duplicate: number
  readonly deadLetter: number
  readonly overdue: number
  readonly forgotten: number
}

export type TotalsDelta = { -readonly [K in Exclude<keyof Totals, 'since'>]: number }

export function noTotals(): TotalsDelta {
  return {
    events: 0,
    applied: 0,
    late: 0,
    revision: 0,
    conflict: 0,
    unknown: 0,
    duplicate: 0,
    deadLetter: 0,
    overdue: 0,
    forgotten: 0,
  }
}

const FIELD_OF_VERDICT = {
  APPLIED: 'applied',
  LATE: 'late',
  REVISION: 'revision',
  CONFLICT: 'conflict',
  UNKNOWN: 'unknown',
} as const satisfies Record<Verdict, keyof TotalsDelta>

export function countVerdict(delta: TotalsDelta, verdict: Verdict): void {
  delta[FIELD_OF_VERDICT[verdict]] += 1
}

/** Counting starts anew at this input offset: the first start, or an operator moved the group. */
export function totalsFrom(offset: bigint): Totals {
  return { since: String(offset), ...noTotals() }
}

export function addTotals(totals: Totals, delta: TotalsDelta): Totals {
  const sum = { ...totals } as { -readonly [K in keyof Totals]: Totals[K] }
  for (const field of Object.keys(delta) as (keyof TotalsDelta)[]) {
    sum[field] += delta[field]
  }
  return sum
}

/** Difference between what came in and what became of it; not 0 is a defect. */
export function totalsDifference(totals: TotalsDelta): number {
  return (
    totals.events -
    totals.applied -
    totals.late -
    totals.revision -
    totals.conflict -
    totals.unknown -
    totals.duplicate -
    totals.deadLetter
  )
}
