import type { Random } from '../../../src/tools/simulate/random.ts'
import type { Lab } from './lab.ts'
import type { FaultTiming } from './schedule.ts'

/** What was done, and how it is undone. */
export interface Injected {
  /** For people. */
  readonly what: string
  heal(): Promise<void>
  /** Asked after the healing: false if chance left it without any effect. Then it counts for nothing. */
  bit?(): boolean
}

export interface Fault extends FaultTiming {
  /** True if a caller may never notice it: no answer but success, as long as nothing else is broken. */
  readonly unnoticed?: boolean
  /** Resolves when the harm is done. The same randomness chooses the same targets. */
  inject(lab: Lab, random: Random): Promise<Injected>
}

export const SHORT_MS: readonly [number, number] = [1_000, 4_000]
/** Longer than the session of a group member and of a broker. */
export const LONG_MS: readonly [number, number] = [8_000, 10_000]
/** Long enough that everything must move again without the broker. */
export const OUTLIVED_MS: readonly [number, number] = [14_000, 18_000]

export const ROLES = ['gateway', 'normalizer', 'processor'] as const
