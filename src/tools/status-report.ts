import { READING_STAGES } from '../observability/metric-table.ts'
import type { ReadingStage } from '../observability/metrics.ts'
import type { LetterGroup } from './dlq/group-letters.ts'
import { durationText } from './duration-text.ts'
import { hasHidden, oldestMs, type PartitionLag, recordsLeft, waitingText } from './lag.ts'
import type { ProcessHealth } from './process-health.ts'

/** What `paystatus status` found. Times are ms since the epoch. */
export interface InstallationStatus {
  readonly at: number
  readonly lags: readonly PartitionLag[]
  /** Processes of each stage that are members of its group. */
  readonly members: Readonly<Record<ReadingStage, number>>
  readonly callbacksPerMinute: number
  readonly changesPerMinute: number
  /** `lastCallbackAt` is null if none is among the last records of raw. */
  readonly sources: readonly { readonly id: string; readonly lastCallbackAt: number | null }[]
  readonly deadLetters: readonly Pick<LetterGroup, 'count' | 'reason' | 'topic'>[]
  /** Dead letters of further groups, which are too many to list. */
  readonly ungroupedLetters: number
  readonly overdue: number
  readonly processes: readonly ProcessHealth[]
}

/** Something that a person should look at, and the command or document that says more. */
export interface StatusProblem {
  readonly problem: string
  readonly see: string
}

/** @param lateMs Age of the oldest record left from which a stage counts as late; one without a known age counts as well. */
export function problemsOf(status: InstallationStatus, lateMs: number): readonly StatusProblem[] {
  const late = READING_STAGES.flatMap((stage) => {
    const isLate = hasHidden(status.lags, stage) || (oldestMs(status.lags, stage) ?? 0) >= lateMs
    const text = `the ${stage} is late: ${waitingText(status.lags, stage)}`
    return isLate ? [{ problem: text, see: 'paystatus lag' }] : []
  })
  const absent = READING_STAGES.filter((stage) => status.members[stage] === 0).map((stage) => ({
    problem: `no ${stage} is running: it was not started, or it stopped with an error`,
    see: 'the last line of its log',
  }))
  const processes = status.processes
    .filter(({ ready }) => ready !== true)
    .map(({ url, reasons }) => ({ problem: `${url} is not ready: ${reasons.join('; ')}`, see: `${url}/health/ready` }))
  const letters = status.deadLetters.reduce((sum, { count }) => sum + count, status.ungroupedLetters)
  return [
    ...absent,
    ...processes,
    ...late,
    ...(letters > 0
      ? [
          {
            problem: `${letters} ${letters === 1 ? 'dead letter needs' : 'dead letters need'} a decision`,
            see: 'paystatus dlq list',
          },
        ]
      : []),
    ...(status.overdue > 0
      ? [
          {
            problem: `${status.overdue} ${status.overdue === 1 ? 'payment is' : 'payments are'} overdue`,
            see: 'paystatus overdue',
          },
        ]
      : []),
  ]
}

export function statusDocument(status: InstallationStatus, lateMs: number) {
  const { at, lags, members, callbacksPerMinute, changesPerMinute, sources, overdue, processes } = status
  return {
    at: new Date(at).toISOString(),
    problems: problemsOf(status, lateMs),
    callbacksPerMinute,
    changesPerMinute,
    lag: READING_STAGES.map((stage) => ({
      stage,
      processes: members[stage],
      records: Number(recordsLeft(lags, stage)),
      ageMs: oldestMs(lags, stage),
      someHidden: hasHidden(lags, stage),
    })),
    sources: sources.map(({ id, lastCallbackAt }) => ({
      id,
      lastCallbackAt: lastCallbackAt === null ? null : new Date(lastCallbackAt).toISOString(),
    })),
    deadLetters: byReason(status),
    ungroupedLetters: status.ungroupedLetters,
    overdue,
    processes,
  }
}

/** How a line is meant, so that a terminal can show it in a colour. */
export interface StatusLine {
  readonly tone: 'good' | 'bad' | 'plain'
  readonly text: string
}

export function statusLines(status: InstallationStatus, lateMs: number): readonly StatusLine[] {
  const problems = problemsOf(status, lateMs)
  const plain = (name: string, text: string): StatusLine => ({ tone: 'plain', text: `${name.padEnd(14)} ${text}` })
  const head: readonly StatusLine[] =
    problems.length === 0
      ? [{ tone: 'good', text: 'all is well' }]
      : problems.map(({ problem, see }) => ({ tone: 'bad', text: `! ${problem} (see: ${see})` }))
  const lag = READING_STAGES.map((stage) =>
    plain(stage, `${status.members[stage]} running, ${waitingText(status.lags, stage)}`),
  )
  const sources = status.sources.map(({ id, lastCallbackAt }, index) =>
    plain(
      index === 0 ? 'last callback' : '',
      `${id}: ${lastCallbackAt === null ? 'none among the last callbacks' : `${durationText(status.at - lastCallbackAt)} ago`}`,
    ),
  )
  const letters = [
    ...Object.entries(byReason(status)).map(([reason, count]) => `${reason} ${count}`),
    ...(status.ungroupedLetters > 0 ? [`others ${status.ungroupedLetters}`] : []),
  ]
  return [
    ...head,
    { tone: 'plain', text: '' },
    plain('callbacks in', `${perMinuteText(status.callbacksPerMinute)} per minute (last 5 minutes)`),
    plain('changes out', `${perMinuteText(status.changesPerMinute)} per minute`),
    ...lag,
    ...(sources.length === 0 ? [plain('last callback', 'no source is configured')] : []),
    ...sources,
    plain('dead letters', letters.length === 0 ? 'none' : letters.join(', ')),
    plain('overdue', status.overdue === 0 ? 'none' : String(status.overdue)),
    ...status.processes.map(({ url, ready }) => plain('process', `${url} ${ready === true ? 'ready' : 'not ready'}`)),
  ]
}

function perMinuteText(perMinute: number): string {
  return perMinute >= 10 || perMinute === 0 ? String(Math.round(perMinute)) : perMinute.toFixed(1)
}

function byReason({ deadLetters }: InstallationStatus): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { reason, count } of deadLetters) {
    counts[reason] = (counts[reason] ?? 0) + count
  }
  return counts
}
