import type { Verdict } from './apply-event.ts'

/**
 * Everything the processor counts, with the sign each counter has in invariant I8:
 * events - applied - late - revision - conflict - unknown - restated - withdrawn - duplicate - deadLetter = 0.
 *
 * `overdue` and `forgotten` count actions of timers. No event causes them, so they are not part of the sum. The totals in
 * the view's marker and in the commit metadata, and the metric's labels, follow from this list.
 */
const SIGN_IN_BALANCE = {
  events: 1,
  applied: -1,
  late: -1,
  revision: -1,
  conflict: -1,
  unknown: -1,
  restated: -1,
  withdrawn: -1,
  duplicate: -1,
  deadLetter: -1,
  overdue: 0,
  forgotten: 0,
} as const satisfies Record<Lowercase<Verdict>, -1> & Record<string, -1 | 0 | 1>

export type CounterName = keyof typeof SIGN_IN_BALANCE
export const COUNTER_NAMES = Object.keys(SIGN_IN_BALANCE) as readonly CounterName[]

/** What a batch adds to the totals. */
export type TotalsDelta = Record<CounterName, number>

/**
 * What happened to the events of one partition from the input offset `since` on. Stored in the view's marker and in the
 * metadata of the committed offset, so a restart resumes counting exactly at the last commit.
 */
export type Totals = Readonly<TotalsDelta & { since: string }>

export function noTotals(): TotalsDelta {
  return Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0])) as TotalsDelta
}

/** Totals that start at this input offset: on the first start, or after an operator moved the group. */
export function totalsFrom(offset: bigint): Totals {
  return { since: String(offset), ...noTotals() }
}

export function countVerdict(delta: TotalsDelta, verdict: Verdict): void {
  delta[verdict.toLowerCase() as Lowercase<Verdict>] += 1
}

export function addTotals(totals: Totals, delta: TotalsDelta): Totals {
  const sum = { ...totals } as TotalsDelta & { since: string }
  for (const name of COUNTER_NAMES) {
    sum[name] = totals[name] + delta[name]
  }
  return sum
}

/** Events that came in minus those accounted for. Anything but 0 is a defect (I8). */
export function totalsDifference(totals: TotalsDelta): number {
  return COUNTER_NAMES.reduce((sum, name) => sum + SIGN_IN_BALANCE[name] * totals[name], 0)
}
