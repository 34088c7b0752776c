/**
 * Minimum time between two commits of one partition, ms. Records that are not yet committed are merely read again after
 * a restart.
 */
const COMMIT_INTERVAL_MS = 100
/**
 * How long commits may fail before this counts as a processing failure, ms. A restarting consumer cannot commit for
 * some seconds; starting over would only cause more repeats.
 */
const FAILING_MAX_MS = 10_000

/**
 * The commits of one assignment of a partition. A commit is a separate request, so batches in quick succession share
 * one. The next commit makes up for one that failed. Only one runs at a time, so that an older offset never overwrites
 * a newer one.
 */
export class GatheredCommits {
  readonly #commit: (next: bigint) => Promise<void>
  #wanted: bigint | undefined
  #running: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  #begunAt = Number.NEGATIVE_INFINITY
  /** When commits began to fail; undefined while they succeed. */
  #failingSince: number | undefined

  constructor(commit: (next: bigint) => Promise<void>) {
    this.#commit = commit
  }

  /** Commits now, or within the interval. Rejects only if commits have been failing for longer than FAILING_MAX_MS. */
  async soon(next: bigint): Promise<void> {
    this.#wanted = next
    if (performance.now() - this.#begunAt >= COMMIT_INTERVAL_MS) {
      await this.now().catch((error: unknown) => {
        if (performance.now() - (this.#failingSince ?? 0) > FAILING_MAX_MS) {
          throw error
        }
      })
    } else {
      // A failure is not lost: the offset remains wanted, and the next call tries it again, at the latest when the
      // partition is idle.
      this.#timer ??= setTimeout(() => void this.now().catch(() => {}), COMMIT_INTERVAL_MS)
    }
  }

  /** Retries a failed commit, like `soon`. */
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

  /** Stops committing; a commit in progress may still arrive. */
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
