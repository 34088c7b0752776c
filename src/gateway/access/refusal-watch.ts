import type { Logger } from '../../observability/log.ts'

/** Scanners call all the time, so each source logs at most one line per interval. */
const LOG_INTERVAL_MS = 60_000

interface Tally {
  loggedAt: number
  /** By requirement and reason; both are closed lists. */
  readonly counts: Map<string, number>
}

/** Logs why callers of a source are refused. The callers themselves never learn it. */
export class RefusalWatch {
  readonly #logger: Pick<Logger, 'warn'>
  readonly #now: () => number
  readonly #tallies = new Map<string, Tally>()

  /** `now`: a clock that is never set, ms. */
  constructor(logger: Pick<Logger, 'warn'>, now: () => number) {
    this.#logger = logger
    this.#now = now
  }

  refused(source: string, type: string, reason: string): void {
    const tally = this.#tallies.get(source) ?? { loggedAt: Number.NEGATIVE_INFINITY, counts: new Map() }
    this.#tallies.set(source, tally)
    const what = `${type}: ${reason}`
    tally.counts.set(what, (tally.counts.get(what) ?? 0) + 1)
    const now = this.#now()
    if (now - tally.loggedAt >= LOG_INTERVAL_MS) {
      this.#logger.warn({ source, refused: Object.fromEntries(tally.counts) }, 'callers could not be authenticated')
      tally.loggedAt = now
      tally.counts.clear()
    }
  }
}
