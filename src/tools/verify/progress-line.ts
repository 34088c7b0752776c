/** Progress of a comparison, by partitions. */
export interface ComparisonProgress {
  readonly step: 'reading raw' | 'comparing'
  readonly done: number
  readonly of: number
  /** Callbacks read, or payments compared, so far. */
  readonly count: number
  /** The share of the whole run, 0 to 1: the two steps of each pass count alike. */
  readonly doneShare: number
  readonly elapsedMs: number
}

const BAR_CHARACTERS = 24
/** Below this share an estimate of the time left means nothing. */
const ESTIMATED_FROM_SHARE = 0.05

/** Progress as a bar. */
export function progressLine(progress: ComparisonProgress): string {
  const { step, done, of, count } = progress
  const bar = '#'.repeat(Math.floor((BAR_CHARACTERS * done) / of)).padEnd(BAR_CHARACTERS, '.')
  const what = step === 'comparing' ? 'payments' : 'callbacks'
  return `${step.padEnd(11)} [${bar}] ${done} of ${of} partitions, ${count} ${what}${timeLeft(progress)}`
}

function timeLeft({ doneShare, elapsedMs }: ComparisonProgress): string {
  if (doneShare < ESTIMATED_FROM_SHARE || doneShare >= 1) {
    return ''
  }
  const seconds = Math.ceil((elapsedMs * (1 - doneShare)) / doneShare / 1_000)
  return `, about ${seconds < 120 ? `${seconds} s` : `${Math.ceil(seconds / 60)} min`} left`
}
