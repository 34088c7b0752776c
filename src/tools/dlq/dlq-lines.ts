import { headerValue } from '../../stream/header-value.ts'
import type { TopicNames } from '../../topics.ts'
import { textTable } from '../text-table.ts'
import type { AbsentLetter, CloseReport, RedriveReport, ShownLetter } from './dlq.ts'
import type { Effect } from './effects.ts'
import type { GroupedLetters } from './group-letters.ts'
import { placeText } from './letter-place.ts'
import type { RedrivenLetter } from './redrive-letters.ts'

/** What `paystatus dlq` prints: documents for scripts, whose names are stable, and lines for people. */

export function listDocument({ groups, count, ungrouped }: GroupedLetters, topics: TopicNames) {
  return {
    deadLetters: count,
    ungrouped,
    groups: groups.map(({ topic, oldestAt, newestAt, oldest, ...group }) => ({
      topic: topics[topic],
      ...group,
      oldestAt: new Date(oldestAt).toISOString(),
      newestAt: new Date(newestAt).toISOString(),
      oldest: placeText(oldest, topics),
    })),
  }
}

export function listLines({ groups, count, ungrouped }: GroupedLetters, topics: TopicNames): readonly string[] {
  if (count === 0) {
    return ['no dead letters are open']
  }
  const rows = groups.map(({ topic, provider, source, reason, age, count: of, oldestAt, oldest }) => [
    String(of),
    topics[topic],
    provider || '-',
    source || '-',
    reason,
    age === 'older' ? 'older' : `1 ${age}`,
    new Date(oldestAt).toISOString(),
    placeText(oldest, topics),
  ])
  return [
    ...textTable(['count', 'topic', 'provider', 'source', 'reason', 'within', 'oldest', 'place of the oldest'], rows),
    ...(ungrouped > 0 ? [`${ungrouped} more are in other groups: there are too many to list; use the filters`] : []),
    `${count} ${count === 1 ? 'dead letter is' : 'dead letters are'} open`,
  ]
}

/** Text headers as text, others as hex digits. */
function headersOf({ letter }: ShownLetter): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.keys(letter.record.headers).map((name) => {
      const value = headerValue(letter.record, name)
      return [name, Buffer.isBuffer(value) ? textOrHex(value) : (value ?? '')]
    }),
  )
}

function textOrHex(bytes: Buffer): string {
  const text = bytes.toString()
  return /^[\x20-\x7e]*$/.test(text) ? text : `0x${bytes.toString('hex')}`
}

/** @param withBody whether the body is printed: it can contain personal data. */
export function shownDocument(shown: ShownLetter, topics: TopicNames, withBody: boolean) {
  const { letter, decided, now, body } = shown
  const { place, reason, message, element, provider, source, at, redrives, record } = letter
  return {
    place: placeText(place, topics),
    key: String(record.key ?? ''),
    reason,
    message,
    element,
    provider,
    source,
    at: new Date(at).toISOString(),
    redrives: Math.max(redrives, decided?.redrives ?? 0),
    decided: decided === null ? null : { ...decided, at: isoOrNull(decided.at) },
    now: now === null ? null : redrivenDocument(now, topics),
    headers: headersOf(shown),
    bytes: record.value?.length ?? 0,
    ...(withBody && { body: body === null ? null : bodyDocument(body) }),
  }
}

/** UTF-8 as text, anything else in base64. */
function bodyDocument(body: Buffer): { readonly text: string } | { readonly base64: string } {
  const text = body.toString()
  return Buffer.from(text).equals(body) ? { text } : { base64: body.toString('base64') }
}

export function shownLines(shown: ShownLetter, topics: TopicNames, withBody: boolean): readonly string[] {
  const { place, key, reason, message, element, provider, source, at, redrives, headers, bytes } = shownDocument(
    shown,
    topics,
    false,
  )
  const { decided, now, body } = shown
  return [
    `place       ${place}`,
    `key         ${key}`,
    `reason      ${reason}: ${message}${element === null ? '' : ` (element ${element})`}`,
    `source      ${source || 'not known'}${provider === '' ? '' : ` (${provider})`}`,
    `since       ${at}`,
    `redriven    ${redrives} times`,
    ...(decided === null
      ? []
      : [
          `decided     ${decided.how} by ${decided.by} at ${isoOrNull(decided.at) ?? 'an unknown time'}: ${decided.reason}`,
        ]),
    `body        ${bytes} bytes`,
    ...(now === null ? [] : ['now', ...redrivenLines(now, topics).map((line) => `  ${line}`)]),
    'headers',
    ...Object.entries(headers).map(([name, value]) => `  ${name}: ${value}`),
    ...(withBody ? ['', body === null ? 'the body cannot be read' : body.toString()] : []),
  ]
}

function isoOrNull(ms: number): string | null {
  return Number.isNaN(ms) ? null : new Date(ms).toISOString()
}

export function redrivenDocument(letter: RedrivenLetter, topics: TopicNames) {
  return { ...letter, place: placeText(letter.place, topics) }
}

export function redrivenLines(
  { place, reason, outcome, problem, effects }: RedrivenLetter,
  topics: TopicNames,
): readonly string[] {
  const why = problem === null ? '' : `: ${problem.reason}: ${problem.message}`
  const nothing =
    effects.length === 0 && problem === null ? ': it is understood now, and reports no payment status' : ''
  return [
    `${outcome.padEnd(8)}  ${placeText(place, topics)}  was ${reason}${why}${nothing}`,
    ...effects.map(effectLine),
  ]
}

function effectLine({ paymentKey, status, outcome, verdict, rule, before, after }: Effect): string {
  const what =
    outcome === 'recorded' ? `${verdict} (${rule})` : outcome === 'duplicate' ? 'known already' : 'would not be kept'
  return `          ${paymentKey}  ${status}, ${what}: ${before ?? 'no payment'} -> ${after ?? 'no payment'}`
}

export function absentLine({ place, why }: AbsentLetter, topics: TopicNames): string {
  return `${placeText(place, topics)}: ${why}`
}

export function redriveSummary(report: RedriveReport): readonly string[] {
  const { applied, letters, redriven, partly, stays, refused, events, duplicates } = report
  const [were, published] = applied ? ['', 'published'] : ['would be ', 'would be published']
  return [
    `${letters} dead letters: ${redriven} ${were}redriven, ${partly} in part, ${stays} ${applied ? 'stay' : 'would stay'}, ${refused} refused`,
    `${events} events ${published}, ${duplicates} of them known already`,
  ]
}

/** The summary, and how to go on after a dry run. */
export function redriveLines(report: RedriveReport): readonly string[] {
  return [
    ...redriveSummary(report),
    ...(report.applied ? [] : ['nothing was changed; run with --apply --reason "…" to redrive']),
  ]
}

export function closeLines({ closed }: CloseReport): readonly string[] {
  return [`${closed} dead letters closed`]
}
