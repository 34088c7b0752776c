/** Shortest time between two commits of one partition, ms; what is not committed yet only comes again. */
const COMMIT_INTERVAL_MS = 100
/**
 * How long commits may fail before that is a failure of the work, ms. A consumer that starts anew cannot commit for some
 * seconds; beginning again would only bring more repeats.
 */
const FAILING_MAX_MS = 10_000

/**
 * The commits of one assignment of a partition. A commit is a request of its own, so a trickle shares one; a commit that
 * failed is made up for by the next; and there is one at a time, so that an older offset never overtakes a newer one.
 */
export class GatheredCommits {
  readonly #commit: (next: bigint) => Promise<void>
  #wanted: bigint | undefined
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #begunAt = Number.NEGATIVE_INFINITY
  /** Since when commits fail; undefined while they do not. */
  #failingSince: number | undefined

  constructor(commit: (next: bigint) => Promise<void>) {
    this.#commit = commit
  }

  /** Commits now, or within the interval. Rejects only if commits have failed for long. */
  async soon(next: bigint): Promise<void> {
    this.#wanted = next
    if (performance.now() - this.#begunAt >= COMMIT_INTERVAL_MS) {
      await this.now().catch((error: unknown) => {
        if (performance.now() - (this.#failingSince ?? 0) > FAILING_MAX_MS) {
          throw error
        }
      })
    } else {
      // A failure is not lost: what was wanted still is, and `now` is called again at the latest when nothing comes.
      this.#timer ??= setTimeout(() => void this.now().catch(() => {}), COMMIT_INTERVAL_MS)
    }
  }

  /** Tries again what failed; as `soon`. */
  async again(): Promise<void> {
    if (this.#wanted !== undefined) {
      await this.soon(this.#wanted)
    }
  }

  /** Resolves once everything asked for is committed, rejects if that fails. */
  async now(): Promise<void> {
    this.#cancelTimer()
    while (this.#running !== undefined || this.#wanted !== undefined) {
      if (this.#running === undefined) {
        this.#running = this.#run(this.#wanted as bigint).finally(() => {
          this.#running = undefined
        })
        await this.#running
      } else {
        await this.#running.catch(() => {})
      }
    }
  }

  /** Nothing more is committed; what is on its way may still arrive. */
  abandon(): void {
    this.#cancelTimer()
    this.#wanted = undefined
  }

  async #run(next: bigint): Promise<void> {
    this.#begunAt = performance.now()
    try {
      await this.#commit(next)
    } catch (error) {
      this.#failingSince ??= this.#begunAt
      throw error
    }
    this.#failingSince = undefined
    if (this.#wanted === next) {
      this.#wanted = undefined
    }
  }

  #cancelTimer(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
