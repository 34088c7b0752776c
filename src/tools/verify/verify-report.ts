import type { Compared } from './comparison.ts'
import { DIFFERENCE_KINDS, type Difference, type DifferenceKind } from './payment-evidence.ts'

/** What `paystatus verify --json` prints. Scripts read it: the names are stable. */
export interface VerifyReport extends Compared, Readonly<Record<Exclude<DifferenceKind, 'viewDiffers'>, number>> {
  /** Null if the view was not compared. */
  readonly viewDiffers: number | null
  /** True if nothing differs. */
  readonly ok: boolean
  /** The first differences; the counts above include all. */
  readonly differences: readonly Difference[]
}

/** The maximum number of listed differences (I10). */
export const DIFFERENCES_LISTED_MAX = 100

/** Counts differences and keeps the first ones. */
export class Findings {
  readonly #listed: Difference[] = []
  readonly #counts = new Map<DifferenceKind, number>(DIFFERENCE_KINDS.map((kind) => [kind, 0]))

  add(differences: readonly Difference[]): void {
    for (const difference of differences) {
      this.#counts.set(difference.kind, this.count(difference.kind) + 1)
      if (this.#listed.length < DIFFERENCES_LISTED_MAX) {
        this.#listed.push(difference)
      }
    }
  }

  count(kind: DifferenceKind): number {
    return this.#counts.get(kind) ?? 0
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0)
  }

  get listed(): readonly Difference[] {
    return this.#listed
  }
}

const NAMES: Readonly<Record<DifferenceKind, string>> = {
  lost: 'lost',
  duplicated: 'duplicated',
  wrongStatus: 'wrong status',
  wrongVersion: 'wrong version',
  viewDiffers: 'view differs',
  unexplained: 'unexplained',
}

/** The report as lines for people. */
export function verifyLines(report: VerifyReport): readonly string[] {
  const { callbacks, events, payments, partial, rawReachesBackTo, viewDiffers, differences } = report
  const { unknownSource, forgotten, undecryptable } = report
  const total = DIFFERENCE_KINDS.reduce((sum, kind) => sum + (report[kind] ?? 0), 0)
  const counts = DIFFERENCE_KINDS.map((kind) => `${NAMES[kind]} ${report[kind] ?? 'not compared'}`)
  const since = rawReachesBackTo === null ? 'its beginning' : new Date(rawReachesBackTo).toISOString()
  const more = total - differences.length
  return [
    `${payments} payments with ${events} events, against ${callbacks} callbacks in raw, which reaches back to ${since}`,
    ...(partial > 0 ? [`${partial} payments are older than that: they were judged starting from current`] : []),
    ...(unknownSource > 0
      ? [`${unknownSource} callbacks were left out: neither they nor the configuration name their source`]
      : []),
    ...(forgotten > 0 ? [`${forgotten} callbacks are forgotten: the recorded events were taken as correct`] : []),
    ...(undecryptable > 0
      ? [`${undecryptable} callbacks cannot be decrypted with their data keys and were left out`]
      : []),
    ...(viewDiffers === null ? ['the view in Redis was not compared'] : []),
    ...differences.map(({ kind, paymentKey, text }) => `${NAMES[kind].padEnd(13)}  ${paymentKey}  ${text}`),
    ...(more > 0 ? [`and ${more} more`] : []),
    `${total} differences: ${counts.join(', ')}; ${report.seconds} s`,
  ]
}

/** Printed first: the records not yet processed. */
export function inFlightLine({ callbacks, events }: VerifyReport['inFlight']): string {
  return callbacks + events === 0
    ? 'both stages have caught up'
    : `${callbacks} callbacks and ${events} events are not processed yet and are left out`
}
