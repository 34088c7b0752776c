import type { Finding } from '../finding.ts'
import type { Mutant } from './mutant.ts'

/** The result of the hunt for a mutant. */
export interface Verdict {
  readonly mutant: Mutant
  readonly tries: number
  /** Seed of the try that caught it. */
  readonly seed: number
  readonly callbacks: number
  readonly findings: readonly Finding[]
  /** The first finding of an expected kind. */
  readonly caughtBy: Finding | undefined
}

/** The unchanged product in a scenario. */
export interface Control {
  readonly scenario: string
  readonly seed: number
  readonly findings: readonly Finding[]
}
