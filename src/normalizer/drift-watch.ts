import type { DriftNote } from '../providers/drift.ts'

export interface DriftWatchOptions {
  /** Called once per process for every name that is new. */
  readonly warn: (provider: string, note: DriftNote) => void
  /** Called once, when no more names are told apart. */
  readonly warnFull: (namesMax: number) => void
  /** Called for every note of every callback. */
  readonly count: (provider: string, kind: DriftNote['kind']) => void
}

/** The most names that one process tells apart (I10): a provider that invents names must not fill the memory or the log. */
export const DRIFT_NAMES_MAX = 1_000

/**
 * Says once per process, and counts always, what the adapters meet and do not know.
 *
 * After a restart it is said again; the counter is the steady signal.
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
