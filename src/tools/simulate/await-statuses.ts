import { setTimeout as delay } from 'node:timers/promises'
import type { SimulationReport } from './simulate.ts'

/** How often it looks again: each look reads the topic of current states as a whole. */
const LOOK_EVERY_MS = 1_000

/** A payment that is not what the simulator's callbacks must have made of it. */
export interface Mismatch {
  readonly paymentKey: string
  readonly expected: string
  /** Null if nothing was published about it. */
  readonly found: string | null
}

/**
 * Compares the statuses that payments have with those that they must come to. Only payments of which every fact was
 * accepted are judged: the others may be anything. Pure.
 */
export function findMismatches(
  { payments }: Pick<SimulationReport, 'payments'>,
  statuses: ReadonlyMap<string, string>,
): readonly Mismatch[] {
  return payments
    .filter(({ delivered }) => delivered)
    .map(({ paymentKey, expectedStatus }) => ({
      paymentKey,
      expected: expectedStatus,
      found: statuses.get(paymentKey) ?? null,
    }))
    .filter(({ expected, found }) => expected !== found)
}

/**
 * Looks until every payment has the status that it must come to, or the time is over, or the signal; gives what still
 * differs then. A mistake in the fold shows as a wait to the end, like work that is not done yet.
 */
export async function awaitStatuses(
  report: Pick<SimulationReport, 'payments'>,
  readStatuses: () => Promise<ReadonlyMap<string, string>>,
  { timeoutMs, signal, everyMs = LOOK_EVERY_MS }: { timeoutMs: number; signal?: AbortSignal; everyMs?: number },
): Promise<readonly Mismatch[]> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    const mismatches = findMismatches(report, await readStatuses())
    if (mismatches.length === 0 || performance.now() >= deadline || signal?.aborted === true) {
      return mismatches
    }
    await delay(everyMs, undefined, signal === undefined ? {} : { signal }).catch(() => {})
  }
}

const MISMATCHES_SHOWN_MAX = 20

export function mismatchLines(mismatches: readonly Mismatch[]): readonly string[] {
  return [
    `${mismatches.length} mismatches against the expected statuses`,
    ...mismatches
      .slice(0, MISMATCHES_SHOWN_MAX)
      .map(({ paymentKey, expected, found }) => `  ${paymentKey} is ${found ?? '(nothing)'}, expected ${expected}`),
  ]
}
