import type { AbsentLetter, RedriveReport, ShownLetter } from '../../tools/dlq/dlq.ts'
import { redriveSummary, shownDocument } from '../../tools/dlq/dlq-lines.ts'
import type { GroupedLetters, LetterGroup } from '../../tools/dlq/group-letters.ts'
import type { LetterFilter } from '../../tools/dlq/letter-filter.ts'
import { placeText } from '../../tools/dlq/letter-place.ts'
import type { RedrivenLetter } from '../../tools/dlq/redrive-letters.ts'
import type { Selection } from '../../tools/dlq/select-letters.ts'
import type { TopicNames } from '../../topics.ts'
import { letterQueryOf } from '../api/api-routes.ts'
import { type Html, html } from '../html.ts'
import {
  actForm,
  ago,
  counted,
  countText,
  facts,
  hiddenFields,
  moment,
  pageHead,
  paymentLink,
  statusMark,
  table,
} from './parts.ts'

export function lettersPage(grouped: GroupedLetters, topics: TopicNames, now: number, token: string | null): Html {
  const { groups, count, ungrouped } = grouped
  const rows = groups.map((group) => [
    countText(group.count),
    html`<a href="/dead-letters/group?${groupQuery(group)}">${group.reason}</a>`,
    group.source || 'not known',
    group.provider || 'not known',
    ago(group.oldestAt, now),
    html`<a class="id" href="${letterPath(placeText(group.oldest, topics))}">${placeText(group.oldest, topics)}</a>`,
  ])
  return html`${pageHead('Dead letters', 'Callbacks and events that could not be processed and need a decision.')}
<p role="status">${count === 0 ? 'No dead letters are open.' : `${counted(count, 'dead letter is open', 'dead letters are open')} in ${counted(groups.length, 'group')}.`}${ungrouped > 0 && ` ${countText(ungrouped)} more are in other groups.`}</p>
${
  rows.length > 0 &&
  table(
    'Groups of dead letters',
    [
      { name: 'Count', kind: 'number' },
      { name: 'Reason' },
      { name: 'Source' },
      { name: 'Provider' },
      { name: 'Oldest' },
      { name: 'Place of the oldest' },
    ],
    rows,
  )
}${token === null && html`<p class="muted">Deciding about them needs the role operator.</p>`}`
}

function letterPath(place: string): string {
  return `/dead-letters/at/${encodeURIComponent(place)}`
}

/** Selects the dead letters of a group, whatever their age. */
function groupQuery({ topic, provider, source, reason }: LetterGroup): string {
  return new URLSearchParams(letterQueryOf({ topic, provider, source, reason })).toString()
}

export function letterGroupPage(filter: LetterFilter, count: number, topics: TopicNames, token: string | null): Html {
  const { topic, provider, source, reason } = filter
  return html`${pageHead(reason || 'Dead letters', counted(count, 'dead letter is open', 'dead letters are open'))}
${facts([
  ['Source', nameOrAny(source)],
  ['Provider', nameOrAny(provider)],
  ['Topic', topic === undefined ? 'any' : topics[topic]],
])}
${decisions({ places: null, filter }, topics, token, 'the dead letters of this group')}
<p><a href="/dead-letters">All dead letters</a></p>`
}

function nameOrAny(name: string | undefined): string {
  return name === undefined ? 'any' : name || 'not known'
}

/** The fields with which a form selects dead letters. In forms `reason` is why somebody acts, so that of the letters is `cause`. */
function fieldsOf(selection: Selection, topics: TopicNames): Record<string, string> {
  if (selection.places !== null) {
    const [place] = selection.places
    return place === undefined ? {} : { place: placeText(place, topics) }
  }
  const { reason, ...fields } = letterQueryOf(selection.filter)
  return reason === undefined ? fields : { ...fields, cause: reason }
}

function decisions(selection: Selection, topics: TopicNames, token: string | null, what: string): Html {
  const fields = fieldsOf(selection, topics)
  return token === null
    ? html`<p class="muted">Deciding needs the role operator.</p>`
    : html`<div class="columns"><section class="card"><h2>Redrive</h2><p>Reads ${what} again with the present mapping and configuration. A dry run shows the result first.</p>
<form method="post" action="/dead-letters/dry-run">${hiddenFields(token, fields)}<button>Dry run</button></form></section>
<section class="card"><h2>Close</h2><p>Takes ${what} off the list. Nothing is published, and nothing is deleted before its retention ends.</p>
${actForm({ action: '/dead-letters/close', token, button: 'Close', fields, hint: 'Recorded in the audit trail.', id: 'close-reason' })}</section></div>`
}

export function letterPage(shown: ShownLetter, topics: TopicNames, now: number, token: string | null): Html {
  const document = shownDocument(shown, topics, false)
  const { place, reason, message, element, source, provider, redrives, decided, headers, bytes, key } = document
  const { partition, offset, topic } = shown.letter.place
  return html`${pageHead('Dead letter', html`<span class="id">${place}</span>`)}
${facts([
  ['Reason', `${reason}: ${message}`],
  ['Element', element],
  ['Source', source || 'not known'],
  ['Provider', provider],
  ['Since', html`${moment(shown.letter.at)} (${ago(shown.letter.at, now)})`],
  ['Key', html`<span class="id">${key}</span>`],
  ['Redriven', redrives > 0 && counted(redrives, 'time')],
  ['Decided', decided !== null && `${decided.how} by ${decided.by}: ${decided.reason}`],
  ['Body', `${countText(bytes)} bytes`],
])}
${shown.now !== null && html`<section><h2>If it is read again now</h2>${redrivenTable([shown.now], topics)}</section>${decisions({ places: [shown.letter.place] }, topics, token, 'this dead letter')}`}
<section><h2>Headers</h2>${facts(Object.entries(headers).map(([name, value]) => [name, html`<span class="id">${value}</span>`]))}</section>
${
  token !== null &&
  html`<section><h2>Body</h2>${actForm({
    action: '/bodies',
    token,
    button: 'Open the body',
    fields: { topic, partition: String(partition), offset: String(offset) },
    hint: 'It can contain personal data. That you open it is recorded.',
    id: 'body-reason',
  })}</section>`
}<p><a href="/dead-letters">All dead letters</a></p>`
}

/** The result of a redrive or of its dry run, so far. */
export interface RedriveResult {
  readonly letters: readonly RedrivenLetter[]
  /** Letters that are not listed, because they are too many. */
  readonly more: number
  readonly absent: readonly AbsentLetter[]
  readonly report: RedriveReport | null
  readonly selection: Selection
}

/** @param token Null: the person may not apply it, or it was applied. */
export function redriveResult(
  { letters, more, report, selection, absent }: RedriveResult,
  topics: TopicNames,
  token: string | null,
): Html {
  return html`${report !== null && html`<div role="status"><ul class="plain-list">${redriveSummary(report).map((line) => html`<li>${line}</li>`)}</ul></div>`}
${redrivenTable(letters, topics)}
${more > 0 && html`<p class="muted">${countText(more)} more are not listed.</p>`}
${absent.length > 0 && html`<p class="note">${counted(absent.length, 'place has', 'places have')} no open dead letter.</p>`}
${
  report !== null &&
  !report.applied &&
  report.redriven + report.partly > 0 &&
  token !== null &&
  html`<section class="card"><h2>Apply</h2>${actForm({
    action: '/dead-letters/redrive',
    token,
    button: 'Redrive',
    fields: fieldsOf(selection, topics),
    hint: `Publishes ${counted(report.events, 'event')} to payments.events, then takes what succeeded off the list.`,
    id: 'redrive-reason',
  })}</section>`
}`
}

function redrivenTable(letters: readonly RedrivenLetter[], topics: TopicNames): Html {
  const rows = letters.map(({ place, reason, outcome, problem, effects }) => {
    const text = placeText(place, topics)
    return [
      html`<a class="id" href="${letterPath(text)}">${text}</a>`,
      reason,
      html`<span class="mark ${outcome === 'redriven' ? 'good' : outcome === 'partly' ? 'wait' : 'bad'}">${outcome}</span>`,
      problem === null ? '' : `${problem.reason}: ${problem.message}`,
      effects.map(
        (effect) =>
          html`<div>${paymentLink(effect.paymentKey)} ${statusMark(effect.before)} to ${statusMark(effect.after)} <span class="muted">${effect.outcome === 'recorded' ? effect.rule : effect.outcome}</span></div>`,
      ),
    ]
  })
  return table(
    'What each dead letter becomes',
    [
      { name: 'Dead letter' },
      { name: 'Was' },
      { name: 'Becomes' },
      { name: 'Why not' },
      { name: 'Payments', kind: 'wide' },
    ],
    rows,
  )
}
