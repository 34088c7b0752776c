import { durationText } from '../duration-text.ts'
import { textTable } from '../text-table.ts'
import type { SourceScore } from './score-sheet.ts'
import type { Scorecard } from './scorecard.ts'

export function scorecardDocument({ since, until, scores, answers }: Scorecard) {
  return {
    since: new Date(since).toISOString(),
    until: new Date(until).toISOString(),
    sources: scores.map((score) => ({
      ...score,
      answers: answers === null ? null : (answers.get(score.source) ?? {}),
    })),
  }
}

const ROWS: readonly (readonly [name: string, value: (score: SourceScore) => string])[] = [
  ['callbacks', ({ callbacks }) => String(callbacks)],
  [
    '  byte for byte repeated',
    ({ retries, callbacks }) => (retries === null ? 'unknown (encrypted)' : shareText(retries, callbacks)),
  ],
  ['dead letters', ({ deadLetters }) => String(deadLetters)],
  ['events', ({ events }) => String(events)],
  ['duplicates', ({ duplicates, events }) => shareText(duplicates, events)],
  ['late', ({ late, events }) => shareText(late, events)],
  ['out of order', ({ outOfOrder, events }) => shareText(outOfOrder, events)],
  ['conflicts', ({ conflicts }) => String(conflicts)],
  ['unknown statuses', ({ unknownStatuses }) => String(unknownStatuses)],
  ['unreadable details', ({ unreadableDetails }) => String(unreadableDetails)],
  ['unreadable times', ({ unreadableTimes }) => String(unreadableTimes)],
  ['lateness, median', ({ latenessMs }) => timeText(latenessMs.p50)],
  ['lateness, 99th percentile', ({ latenessMs }) => timeText(latenessMs.p99)],
]

/** One row per figure: its name, then its value for each source. */
export function scorecardRows(scores: readonly SourceScore[]): readonly (readonly string[])[] {
  return ROWS.map(([name, value]) => [name, ...scores.map(value)])
}

/** How often the gateways gave each answer code since their start; `none` if never, null if no gateway was asked. */
export function answersText({ answers }: Pick<Scorecard, 'answers'>, source: string): string | null {
  const counts = Object.entries(answers?.get(source) ?? {}).map(([code, count]) => `${code}: ${count}`)
  return answers === null ? null : counts.join(', ') || 'none'
}

/** One column per source. */
export function scorecardLines(card: Scorecard): readonly string[] {
  const { since, until, scores } = card
  const period = `from ${new Date(since).toISOString()} to ${new Date(until).toISOString()}`
  if (scores.length === 0) {
    return [`no callbacks ${period}`]
  }
  return [
    period,
    ...textTable(['', ...scores.map(({ source, provider }) => `${source} (${provider})`)], scorecardRows(scores)),
    ...(card.answers === null
      ? ['answer codes: name the gateways with --process']
      : scores.map(
          ({ source }) => `answers to ${source} since the start of the gateways: ${answersText(card, source)}`,
        )),
  ]
}

function shareText(part: number, whole: number): string {
  return part === 0 || whole === 0 ? String(part) : `${part} (${((part / whole) * 100).toFixed(1)} %)`
}

function timeText(ms: number | null): string {
  return ms === null ? '-' : durationText(ms)
}
