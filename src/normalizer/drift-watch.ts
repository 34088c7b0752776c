import type { DriftNote } from '../providers/drift.ts'

export interface DriftWatchOptions {
  /** Called once per process for every new name. */
  readonly warn: (provider: string, note: DriftNote) => void
  /** Called once, when the limit of distinct names is reached. */
  readonly warnFull: (namesMax: number) => void
  /** Called for every note of every callback. */
  readonly count: (provider: string, kind: DriftNote['kind']) => void
}

/**
 * Most distinct names that one process tracks (I10): a provider that invents names must not exhaust the memory or flood
 * the log.
 */
export const DRIFT_NAMES_MAX = 1_000

export function driftText(kind: DriftNote['kind']): string {
  switch (kind) {
    case 'time':
      return 'a callback contains a time that cannot be read'
    case 'duplicate-name':
      return 'a callback contains a name twice'
    default:
      return 'a callback contains a name that the mapping does not know'
  }
}

/**
 * Warns once per process about each name that the adapters do not know, and counts every occurrence.
 *
 * Warnings are repeated after a restart; the counter is the steady signal.
 */
export class DriftWatch {
  readonly #options: DriftWatchOptions
  readonly #seen = new Set<string>()
  #full = false

  constructor(options: DriftWatchOptions) {
    this.#options = options
  }

  saw(provider: string, notes: readonly DriftNote[]): void {
    for (const note of notes) {
      this.#options.count(provider, note.kind)
      const key = `${provider} ${note.kind} ${note.name}`
      if (this.#seen.has(key)) {
        continue
      }
      if (this.#seen.size < DRIFT_NAMES_MAX) {
        this.#seen.add(key)
        this.#options.warn(provider, note)
      } else if (!this.#full) {
        this.#full = true
        this.#options.warnFull(DRIFT_NAMES_MAX)
      }
    }
  }
}
