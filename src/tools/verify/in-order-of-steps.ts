import { compareVersions } from '../../payment/compare-versions.ts'
import type { ChangeRecord } from './payment-evidence.ts'

/** A record of `changes`, and whether `paystatus repair` republished it. */
export type WrittenStep = ChangeRecord & { readonly isRepaired: boolean }

/**
 * The records of a payment in the order of the log, except republished ones: each is moved to its original place, before the
 * first later version of its life.
 */
export function inOrderOfSteps(written: readonly WrittenStep[]): readonly ChangeRecord[] {
  const repaired = written.filter(({ isRepaired }) => isRepaired).toSorted(compareSteps)
  if (repaired.length === 0) {
    return written
  }
  const ordered: ChangeRecord[] = []
  let next = 0
  for (const step of written) {
    if (!step.isRepaired) {
      for (let lost = repaired[next]; lost !== undefined && compareSteps(lost, step) < 0; lost = repaired[next]) {
        ordered.push(lost)
        next += 1
      }
      ordered.push(step)
    }
  }
  return [...ordered, ...repaired.slice(next)]
}

function compareSteps({ change: a }: ChangeRecord, { change: b }: ChangeRecord): number {
  return a === null || b === null ? 0 : compareVersions(a, b)
}
