import type { Phase } from './phases.ts'
import { type Pair, pairText, type TableRow } from './table-row.ts'
import type { Expectation } from './tell-story.ts'

/** Before the start, and while it is away, a subscriber may leave steps to `current`. */
const JUDGED_PHASES: readonly Phase[] = ['live', 'newer', 'closing']

/**
 * The steps of a phase that a subscriber has not acted on, by its row. After a gap, a version can come from current. A row that was
 * deleted with a tombstone has lost the steps before it.
 */
export function missedSteps(
  row: TableRow | undefined,
  { scenario, steps }: Pick<Expectation, 'scenario' | 'steps'>,
  phase: Phase,
): readonly Pair[] {
  if (row === undefined || scenario === 'gap' || !JUDGED_PHASES.includes(phase)) {
    return []
  }
  const had = new Set((row.steps ?? []).map(pairText))
  return (steps[phase] ?? []).filter((pair) => pair[0] === row.incarnation && !had.has(pairText(pair)))
}
