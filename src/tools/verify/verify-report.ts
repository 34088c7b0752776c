import { DIFFERENCE_KINDS, type Difference, type DifferenceKind } from './judge-payment.ts'

/** What `paystatus verify --json` prints. Scripts read it: the names are stable. */
export interface VerifyReport extends Readonly<Record<Exclude<DifferenceKind, 'viewDiffers'>, number>> {
  /** Raw records that were read. */
  readonly callbacks: number
  /** Distinct events of the judged payments, and the number of these payments. */
  readonly events: number
  readonly payments: number
  /** Null if the view was not compared. */
  readonly viewDiffers: number | null
  /** Payments older than raw or `changes`; `current` supplied the older part. */
  readonly partial: number
  /** Start of raw, ms since the epoch; null if nothing was deleted yet. */
  readonly rawReachesBackTo: number | null
  /** Callbacks that were not judged because neither they nor the configuration name their source. */
  readonly unknownSource: number
  /** Callbacks with a forgotten body; the recorded events were taken as correct. */
  readonly forgotten: number
  /** Callbacks whose body cannot be decrypted with its data key: dead letters. */
  readonly undecryptable: number
  /** Records that the stages had not processed when verify started; they are left out. */
  readonly inFlight: { readonly callbacks: number; readonly events: number }
  readonly seconds: number
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

const BAR_CHARACTERS = 24

/** Progress, by partitions. */
export interface VerifyProgress {
  readonly step: 'reading raw' | 'comparing'
  readonly done: number
  readonly of: number
  /** Callbacks read, or payments compared, so far. */
  readonly count: number
}

/** Progress as a bar. */
export function progressLine({ step, done, of, count }: VerifyProgress): string {
  const bar = '#'.repeat(Math.floor((BAR_CHARACTERS * done) / of)).padEnd(BAR_CHARACTERS, '.')
  return `${step.padEnd(11)} [${bar}] ${done} of ${of} partitions, ${count} ${step === 'comparing' ? 'payments' : 'callbacks'}`
}
