import type { Random } from '../../../src/tools/simulate/random.ts'
import type { Lab } from './lab.ts'
import type { RedisKind } from './redis-kind.ts'
import type { FaultTiming } from './schedule.ts'

/** An injected fault and its reversal. */
export interface Injected {
  /** Description for people. */
  readonly what: string
  heal(): Promise<void>
  /** Recovery times that the fault measured by itself, ms; they replace the one that is observed from outside. */
  readonly recoveriesMs?: readonly number[]
  /** Asked after healing: false if the fault happened to have no effect, so that it is not counted. */
  bit?(): boolean
}

export interface Fault extends FaultTiming {
  /** True if callers must not notice it: every answer is a success while nothing else is broken. */
  readonly unnoticed?: boolean
  /** True if payments must get through again before it is healed, while nothing else is broken. */
  readonly outlived?: boolean
  /** Kinds of Redis on which it cannot be injected, with the reason. */
  readonly notOn?: Partial<Readonly<Record<RedisKind, string>>>
  /** Resolves once the fault is in effect. Equal randomness chooses equal targets. */
  inject(lab: Lab, random: Random): Promise<Injected>
}

export const SHORT_MS: readonly [number, number] = [1_000, 4_000]
/** Longer than the session timeouts of a group member and of a broker. */
export const LONG_MS: readonly [number, number] = [8_000, 10_000]
/** Long enough that processing must resume without the broker. */
export const OUTLIVED_MS: readonly [number, number] = [14_000, 18_000]

export const ROLES = ['gateway', 'normalizer', 'processor'] as const
