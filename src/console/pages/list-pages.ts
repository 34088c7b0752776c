import type { StatusChangeRecord } from '../../payment/status-change.ts'
import type { AuditReport } from '../../tools/audit/list-acts.ts'
import type { DriftReport } from '../../tools/drift.ts'
import type { Scorecard } from '../../tools/scorecard/scorecard.ts'
import { answersText, scorecardRows } from '../../tools/scorecard/scorecard-report.ts'
import type { LiveChange } from '../console-feed.ts'
import { type Html, html } from '../html.ts'
import type { Job } from '../jobs.ts'
import type { PaymentRow } from '../payment-board.ts'
import {
  ago,
  counted,
  countText,
  hiddenFields,
  moment,
  pageHead,
  pager,
  paymentLink,
  spanText,
  statusMark,
  table,
  words,
} from './parts.ts'

export function overduePage(rows: readonly PaymentRow[], total: number, next: string | null, now: number): Html {
  return html`${pageHead('Overdue', 'Payments whose next status is late, the longest wait first.')}
<p role="status">${total === 0 ? 'No payment is overdue.' : `${counted(total, 'payment is', 'payments are')} overdue.`}</p>
${
  rows.length > 0 &&
  table(
    'Overdue payments',
    [
      { name: 'Payment' },
      { name: 'Status' },
      { name: 'In status for', kind: 'number' },
      { name: 'Overdue since' },
      { name: 'Provider' },
    ],
    rows.map(({ paymentKey, status, statusChangedAt, overdueSince, provider }) => [
      paymentLink(paymentKey),
      statusMark(status),
      spanText(now - statusChangedAt),
      overdueSince === null ? '' : moment(overdueSince),
      provider,
    ]),
  )
}${pager('/overdue', new URLSearchParams(), next)}`
}

export function driftPage(latest: Job<DriftReport> | null, now: number, token: string | null): Html {
  return html`${pageHead('Drift', 'Fields, statuses and event types in the raw callbacks that the mapping does not know.')}
${token !== null && html`<form method="post" action="/drift">${hiddenFields(token, {})}<button>Read raw now</button></form>`}
${latest === null ? notRead('Raw has', token) : latestReading(latest, now, driftResult)}`
}

function notRead(what: string, token: string | null): Html {
  return html`<p class="muted">${what} not been read since the console started${token === null && '; that needs the role operator'}.</p>`
}

function latestReading<T>({ id, state, startedAt, result }: Job<T>, now: number, show: (result: T) => Html): Html {
  return html`<p><a href="/runs/${id}">Latest reading</a>: ${state}, begun ${ago(startedAt, now)}</p>
${result !== null && show(result)}`
}

export function driftResult({ rows, callbacks, truncated, unknownSource, unreadable }: DriftReport): Html {
  return html`<p role="status">${counted(rows.length, 'unknown name')} in ${counted(callbacks, 'callback')}.${unknownSource + unreadable > 0 && ` ${countText(unknownSource + unreadable)} callbacks could not be read.`}${truncated && ' Some names are not listed.'}</p>
${
  rows.length > 0 &&
  table(
    'Unknown names',
    [
      { name: 'Provider' },
      { name: 'Kind' },
      { name: 'Name' },
      { name: 'Callbacks', kind: 'number' },
      { name: 'First' },
      { name: 'Last' },
    ],
    rows
      .slice(0, 1_000)
      .map(({ provider, kind, name, count, firstAt, lastAt }) => [
        provider,
        kind,
        html`<code>${name}</code>`,
        countText(count),
        moment(firstAt),
        moment(lastAt),
      ]),
  )
}`
}

/** Hours to look back over: what people ask for, up to how long raw is kept. */
const SCORECARD_HOURS = [
  [1, 'the last hour'],
  [24, 'the last day'],
  [24 * 7, 'the last week'],
  [24 * 30, 'the last 30 days'],
] as const

export function scorecardPage(latest: Job<Scorecard> | null, now: number, token: string | null): Html {
  return html`${pageHead('Scorecard', 'How the sources behave: repeats, late and unreadable callbacks, how late they are.')}
${token !== null && html`<form class="row" method="post" action="/scorecard">${hiddenFields(token, {})}<label for="hours">Callbacks of</label><select id="hours" name="hours">${SCORECARD_HOURS.map(([hours, text]) => html`<option value="${hours}"${hours === 24 && html` selected`}>${text}</option>`)}</select><button>Read the topics</button></form>`}
${latest === null ? notRead('The topics have', token) : latestReading(latest, now, scorecardResult)}`
}

export function scorecardResult(card: Scorecard): Html {
  const { since, until, scores } = card
  return html`<p role="status">${counted(scores.length, 'source')} with callbacks from ${moment(since)} to ${moment(until)}.</p>
${
  scores.length > 0 &&
  table(
    'Sources',
    [{ name: 'Figure' }, ...scores.map(({ source }) => ({ name: source, kind: 'number' as const }))],
    [
      ...scorecardRows(scores),
      [
        'answers of the gateways',
        ...scores.map(({ source }) => answersText(card, source) ?? 'console.watch names none'),
      ],
    ],
  )
}`
}

export function auditPage({ acts, unreadable }: AuditReport, more: number): Html {
  const pairs = (of: Readonly<Record<string, string | number>>) =>
    Object.entries(of).map(([name, value]) => html`<div><span class="muted">${name}</span> ${value}</div>`)
  return html`${pageHead('Audit', 'Who changed what, when and why.')}
<p role="status">${acts.length === 0 ? 'No acts are recorded.' : `${counted(acts.length, 'act')}, the latest first.`}${more > 0 && ` ${countText(more)} earlier ones: paystatus audit.`}${unreadable > 0 && ` ${countText(unreadable)} records are not audit records.`}</p>
${
  acts.length > 0 &&
  table(
    'Acts',
    [
      { name: 'Began' },
      { name: 'Act' },
      { name: 'By' },
      { name: 'Outcome' },
      { name: 'Reason', kind: 'wide' },
      { name: 'Applied to' },
      { name: 'Counts' },
    ],
    acts.map(({ at, act, by, outcome, reason, scope, counts }) => [
      moment(at),
      act,
      by,
      html`<span class="mark ${outcome === 'done' ? 'good' : outcome === 'failed' ? 'bad' : 'wait'}">${outcome}</span>`,
      reason ?? '',
      pairs(scope),
      pairs(counts),
    ]),
  )
}`
}

export function tailPage(recent: readonly LiveChange[]): Html {
  return html`${pageHead('Live tail', 'Every step of every payment as it is published. Only steps that were published since this page was opened, or since the console started.')}
<p class="muted" id="tail-state" role="status">Reload the page for newer steps.</p>
<ol class="tail" id="tail" data-stream="/live/changes" aria-label="Steps, the newest first">${recent.map(({ change }) => tailLine(change))}</ol>`
}

/** Also sent to open pages. */
export function tailLine(change: StatusChangeRecord): Html {
  const { recordedAt, paymentKey, statusBefore, statusAfter, verdict, statusVersion, attention } = change
  return html`<li>${moment(recordedAt)} ${statusBefore !== statusAfter && statusBefore !== null && html`${statusMark(statusBefore)} to `}${statusMark(statusAfter)} ${paymentLink(paymentKey)} <span class="muted">v${statusVersion} ${words(verdict)}</span>${attention.map((code) => html` <span class="tag">${code}</span>`)}</li>`
}

export function runPage(job: Job, result: Html | null, now: number): Html {
  const { title, by, startedAt, endedAt, state, progress, error, id } = job
  return html`${pageHead(title)}
<div id="run" data-part="run" ${state === 'running' && html`data-refresh="2"`}><p role="status"><span class="mark ${state === 'done' ? 'good' : state === 'failed' ? 'bad' : 'wait'}">${state}</span> begun ${ago(startedAt, now)} by ${by}${endedAt !== null && `, took ${spanText(endedAt - startedAt)}`}</p>
${progress !== '' && state === 'running' && html`<p class="muted">${progress}</p>`}
${state === 'running' && html`<p><a href="/runs/${id}">Reload</a></p>`}
${error !== null && html`<p class="note">${error}</p>`}
${result}</div>`
}

export function bodyPage(place: string, body: Buffer | null): Html {
  return html`${pageHead('Body', html`<span class="id">${place}</span>`)}
${body === null ? html`<p class="note">There is no body here, or it was forgotten or cannot be decrypted.</p>` : html`<p class="muted">${countText(body.length)} bytes. That you opened it is recorded.</p><pre class="body" tabindex="0">${textOf(body)}</pre>`}`
}

const BODY_CHARS_MAX = 200_000

function textOf(body: Buffer): string {
  const text = body.toString('utf8')
  return (Buffer.from(text).equals(body) ? text : body.toString('base64')).slice(0, BODY_CHARS_MAX)
}

export function signInPage(
  ways: { readonly tokens: boolean; readonly oidc: boolean },
  next: string,
  token: string,
  failed: string | null,
): Html {
  return html`<div class="sign-in">${pageHead('Sign in')}
${failed !== null && html`<p class="note" role="alert">${failed}</p>`}
${ways.oidc && html`<form method="post" action="/sign-in/oidc">${hiddenFields(token, { next })}<button>Sign in with your organisation</button></form>`}
${ways.tokens && html`<form class="stack" method="post" action="/sign-in">${hiddenFields(token, { next })}<label for="secret">Token</label><input id="secret" name="secret" type="password" required autocomplete="current-password" maxlength="512"><button>Sign in</button></form>`}
${!ways.oidc && !ways.tokens && html`<p>The proxy in front of this console signs people in. Open it there.</p>`}</div>`
}
