import type { PlannedPayment } from '../../tools/reprocess/plan-payment.ts'
import { type ReprocessReport, reprocessSummary } from '../../tools/reprocess/reprocess-report.ts'
import { type Html, html } from '../html.ts'
import type { Job } from '../jobs.ts'
import {
  actForm,
  ago,
  attentionList,
  countText,
  hiddenFields,
  pageHead,
  paymentLink,
  statusMark,
  table,
} from './parts.ts'

export function reprocessPage(sources: readonly string[], latest: Job | null, now: number, token: string | null): Html {
  return html`${pageHead('Reprocess', 'Reads raw again with the mapping of this release, and shows which payments it would change.')}
${latest !== null && html`<p>Latest: <a href="/runs/${latest.id}">${latest.title}</a>, ${latest.state}, begun ${ago(latest.startedAt, now)} by ${latest.by}</p>`}
${
  token === null
    ? html`<p class="muted">A dry run reads the whole of raw, so it needs the role operator.</p>`
    : html`<form class="card stack" method="post" action="/reprocess/dry-run">${hiddenFields(token, {})}
<fieldset><legend>Which payments</legend>
<label><input type="radio" name="scope" value="all" checked> All of them</label>
<label><input type="radio" name="scope" value="since"> With a callback received since (UTC) <input type="datetime-local" name="since" aria-label="Received since (UTC)"></label>
<label><input type="radio" name="scope" value="source"> With a callback of the source <select name="source" aria-label="Source">${sources.map((source) => html`<option>${source}</option>`)}</select></label>
<label><input type="radio" name="scope" value="payment"> One payment <input name="payment" maxlength="256" aria-label="Payment key"></label></fieldset>
<button>Dry run</button><p class="hint">Changes nothing. It takes a while: it reads raw, events and statuses.</p></form>`
}`
}

export interface ReprocessResult {
  readonly payments: readonly PlannedPayment[]
  readonly more: number
  readonly report: ReprocessReport | null
  readonly fields: Readonly<Record<string, string>>
}

export function reprocessResult({ payments, more, report, fields }: ReprocessResult, token: string | null): Html {
  const rows = payments.map(({ paymentKey, before, after, steps }) => [
    paymentLink(paymentKey),
    html`${statusMark(before?.status ?? null)} to ${statusMark(after.status)}${attentionList(after.attention)}`,
    steps.map(
      ({ rule, status, statusBefore, mappingVersion, mappingVersionBefore, callbackId }) =>
        html`<div><strong>${rule}</strong> ${statusBefore !== null && html`${statusMark(statusBefore)} to `}${statusMark(status)} <span class="muted">mapping ${mappingVersionBefore ?? '-'} to ${mappingVersion}, callback ${callbackId}</span></div>`,
    ),
  ])
  return html`${report !== null && html`<div role="status"><ul class="plain-list">${reprocessSummary(report).map((line) => html`<li>${line}</li>`)}</ul></div>`}
${
  report !== null &&
  report.transitions.length > 0 &&
  table(
    'Changes of status',
    [{ name: 'Provider' }, { name: 'From' }, { name: 'To' }, { name: 'Payments', kind: 'number' }],
    report.transitions.map(({ provider, from, to, payments: of }) => [
      provider,
      statusMark(from),
      statusMark(to),
      countText(of),
    ]),
  )
}
${rows.length > 0 && table('Payments that change', [{ name: 'Payment' }, { name: 'Status' }, { name: 'Events', kind: 'wide' }], rows)}
${more > 0 && html`<p class="muted">${countText(more)} more payments are not listed.</p>`}
${
  report !== null &&
  report.applied === null &&
  report.changed > 0 &&
  token !== null &&
  html`<section class="card"><h2>Apply</h2>${actForm({
    action: '/reprocess/apply',
    token,
    button: 'Publish the corrections',
    fields,
    hint: 'Upgrade all normalizers and processors first. The corrections are published to payments.events, and the status processor applies them.',
    id: 'reprocess-reason',
  })}</section>`
}`
}
