import { isNewer, type Version } from './version.ts'

export type Verdict =
  | { readonly skip: true }
  /** `missed`: versions directly before this one that were never handed over. */
  | { readonly skip: false; readonly missed: number }

const SKIP: Verdict = { skip: true }

/** Forgotten payments whose last version is kept. They are few between a tombstone and the end of `changes`. */
const FORGOTTEN_MAX = 100_000

/**
 * The rule of docs/consumers.md for one partition: what of each payment was handed over, and so what is to be skipped and where
 * something is missing. Pure.
 *
 * Guarantee: whatever is repeated and in whatever way the two topics are interleaved, the versions that are not skipped grow for
 * every payment, and a step of a life that was reported as forgotten is skipped.
 */
export class HandedOver {
  readonly #versions = new Map<string, Version>()
  /** Versions of forgotten payments, oldest first. */
  readonly #forgotten = new Map<string, Version>()
  readonly #knowsAll: boolean

  /**
   * @param knowsAll Whether every payment of the partition is told to this object. If not (after a restart), the first step of a
   *   payment says nothing about what came before.
   */
  constructor(knowsAll: boolean) {
    this.#knowsAll = knowsAll
  }

  judge(paymentKey: string, version: Version): Verdict {
    const known = this.#known(paymentKey)
    if (!isNewer(version, known)) {
      return SKIP
    }
    const before = version.statusVersion - 1
    if (known === undefined) {
      return { skip: false, missed: this.#knowsAll ? before : 0 }
    }
    return { skip: false, missed: known.incarnation === version.incarnation ? before - known.statusVersion : before }
  }

  /** Whether a tombstone is about what was handed over last, or later. */
  isForgottenBy(paymentKey: string, version: Version): boolean {
    const known = this.#known(paymentKey)
    return known === undefined || !isNewer(known, version)
  }

  handed(paymentKey: string, version: Version): void {
    this.#forgotten.delete(paymentKey)
    this.#versions.set(paymentKey, version)
  }

  forgotten(paymentKey: string, version: Version): void {
    this.#versions.delete(paymentKey)
    this.#forgotten.delete(paymentKey)
    this.#forgotten.set(paymentKey, version)
    if (this.#forgotten.size > FORGOTTEN_MAX) {
      const [oldest] = this.#forgotten.keys()
      this.#forgotten.delete(oldest as string)
    }
  }

  #known(paymentKey: string): Version | undefined {
    return this.#versions.get(paymentKey) ?? this.#forgotten.get(paymentKey)
  }
}
