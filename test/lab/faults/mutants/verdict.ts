import type { Finding } from '../finding.ts'
import type { Mutant } from './mutant.ts'

/** What became of a mutant. */
export interface Verdict {
  readonly mutant: Mutant
  readonly tries: number
  /** Of the try that caught it. */
  readonly seed: number
  readonly callbacks: number
  readonly findings: readonly Finding[]
  /** The first finding of a kind that was expected. */
  readonly caughtBy: Finding | undefined
}

/** The product itself in a scenario. */
export interface Control {
  readonly scenario: string
  readonly seed: number
  readonly findings: readonly Finding[]
}
