import { eventually } from '../harness/eventually.ts'
import { within } from '../harness/within.ts'

/** Repeats an operator's action until it succeeds: another fault may be active at the same time. */
export function insistently<T>(action: () => Promise<T>): Promise<T> {
  return eventually(() => within(INSIST_EACH_MS, action()), { timeoutMs: INSIST_MS, everyMs: 1_000 })
}

const INSIST_EACH_MS = 10_000
/** How long an operator tries, and waits for a defined stop. */
export const INSIST_MS = 40_000
