import { DIFFERENCE_KINDS, type Difference, type DifferenceKind } from './judge-payment.ts'

/** What `paystatus verify --json` prints. Scripts read it: the names are stable. */
export interface VerifyReport extends Readonly<Record<Exclude<DifferenceKind, 'viewDiffers'>, number>> {
  /** Raw records that were read. */
  readonly callbacks: number
  /** Distinct events of the payments that were judged, and these payments. */
  readonly events: number
  readonly payments: number
  /** Null if the view was not looked at. */
  readonly viewDiffers: number | null
  /** Payments that began before raw or `changes` reach back: `current` was taken for what is older. */
  readonly partial: number
  /** When raw begins, ms since the epoch; null if nothing of it was deleted yet. */
  readonly rawReachesBackTo: number | null
  /** Callbacks whose source neither they nor the configuration tell: nothing could be said of them. */
  readonly unknownSource: number
  /** Callbacks whose body was forgotten: what they said was taken from what was recorded. */
  readonly forgotten: number
  /** Callbacks whose body does not open with its data key: dead letters. */
  readonly undecryptable: number
  /** Records that the stages had before them when the looking began; what they bring is left out. */
  readonly inFlight: { readonly callbacks: number; readonly events: number }
  readonly seconds: number
  /** True if nothing differs. */
  readonly ok: boolean
  /** The first ones; the counts above have all. */
  readonly differences: readonly Difference[]
}

/** The most differences that are listed (I10). */
export const DIFFERENCES_LISTED_MAX = 100

/** Counts what is found and keeps the first of it. */
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

/** The report as lines for a person. */
export function verifyLines(report: VerifyReport): readonly string[] {
  const { callbacks, events, payments, partial, rawReachesBackTo, viewDiffers, differences } = report
  const { unknownSource, forgotten, undecryptable } = report
  const total = DIFFERENCE_KINDS.reduce((sum, kind) => sum + (report[kind] ?? 0), 0)
  const counts = DIFFERENCE_KINDS.map((kind) => `${NAMES[kind]} ${report[kind] ?? 'not compared'}`)
  const since = rawReachesBackTo === null ? 'its beginning' : new Date(rawReachesBackTo).toISOString()
  const more = total - differences.length
  return [
    `${payments} payments with ${events} events, against ${callbacks} callbacks in raw, which reaches back to ${since}`,
    ...(partial > 0 ? [`${partial} payments are older than that: for them current was taken as the start`] : []),
    ...(unknownSource > 0
      ? [`${unknownSource} callbacks were left out: neither they nor the configuration say what their source is`]
      : []),
    ...(forgotten > 0 ? [`${forgotten} callbacks are forgotten: what they said was taken from what was recorded`] : []),
    ...(undecryptable > 0 ? [`${undecryptable} callbacks do not open with their data keys and were left out`] : []),
    ...(viewDiffers === null ? ['the view in Redis was not compared'] : []),
    ...differences.map(({ kind, paymentKey, text }) => `${NAMES[kind].padEnd(13)}  ${paymentKey}  ${text}`),
    ...(more > 0 ? [`and ${more} more`] : []),
    `${total} differences: ${counts.join(', ')}; ${report.seconds} s`,
  ]
}

/** What is said before anything else: how much is on its way. */
export function inFlightLine({ callbacks, events }: VerifyReport['inFlight']): string {
  return callbacks + events === 0
    ? 'nothing is on its way: both stages have caught up'
    : `${callbacks} callbacks and ${events} events are still to be processed; what they bring is left out`
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
