import { authenticityOf, type PaymentState, VERDICT_RULES } from '../../payment/apply-event.ts'
import { markerTexts, occurredText, sourceAndAuthenticity, sourceText } from '../../tools/payment-story.ts'
import type { CallbackChange, ExplainedCallback, PaymentExplanation } from '../../tools/why/explain-payment.ts'
import type { FoldDifference } from '../../tools/why/fold-without.ts'
import type { Standing } from '../as-of.ts'
import { type Html, html, type Part } from '../html.ts'
import {
  actForm,
  ago,
  amountText,
  attentionList,
  facts,
  moment,
  paymentLink,
  paymentPath,
  statusMark,
  statusSentence,
  table,
  words,
} from './parts.ts'
import { timeline } from './timeline.ts'

export interface PaymentPage {
  readonly state: PaymentState
  /** Where it was read. */
  readonly from: 'view' | 'topic'
  /** What was asked for with `?at=`; null: the present. */
  readonly past: { readonly at: number; readonly standing: Standing | null } | null
  readonly now: number
}

/** One payment: what it is, how it got there, and why. */
export function paymentPage({ state, from, past, now }: PaymentPage): Html {
  const path = paymentPath(state.paymentKey)
  return html`<div class="head"><p class="eyebrow">${words(state.kind)}${state.relatesTo !== null && html` of ${paymentLink(state.relatesTo)}`}</p>
<h1 class="id">${state.paymentKey}</h1></div>
${past === null ? present(state, now) : pastBanner(path, past)}
<section aria-labelledby="timeline-heading" id="timeline" data-part="timeline"><h2 id="timeline-heading">Over time</h2>
${timeline(state, past?.at ?? null)}
<form class="row at" action="${path}"><label for="at">What was known at (UTC)</label><input id="at" name="at" type="datetime-local" step="1" value="${past === null ? '' : new Date(past.at).toISOString().slice(0, 19)}"><button class="quiet">Show</button>${past !== null && html`<a class="button quiet" href="${path}">Back to now</a>`}</form></section>
<section aria-labelledby="events-heading" id="events" data-part="events"><h2 id="events-heading">Events, in order of arrival</h2>${events(state, past?.at ?? null)}</section>
${children(state)}
<section aria-labelledby="details-heading"><h2 id="details-heading">Details</h2>${details(state, from)}</section>
<section aria-labelledby="why-heading" id="why" data-load="${path}/why"><h2 id="why-heading">Why: every callback</h2>
<p class="muted">Where each callback is in raw, what it changed, and what the status would be without it. This reads the topics. <a href="${path}/why">Read them</a></p></section>`
}

function present(state: PaymentState, now: number): Html {
  return html`<section class="standing" id="standing" data-part="standing" aria-label="Status">
<p class="big">${statusMark(state.status)}</p>
<p class="lead">${statusSentence(state.status)}</p>
<p>since ${moment(state.statusChangedAt)} <span class="muted">(${ago(state.statusChangedAt, now)})</span>, version ${state.statusVersion}</p>
${state.overdueSince !== null && html`<p class="note">Overdue: the next status is late. Reported ${ago(state.overdueSince, now)}.</p>`}
${attentionList(state.attention)}</section>`
}

function pastBanner(path: string, { at, standing }: NonNullable<PaymentPage['past']>): Html {
  return html`<section class="standing past" aria-label="Status at that time"><p class="note">What was known at ${moment(at)}. <a href="${path}">Back to now</a></p>
${
  standing === null
    ? html`<p class="lead">Nothing was known yet, or its record was deleted by retention.</p>`
    : html`<p class="big">${statusMark(standing.status)}</p><p>version ${standing.statusVersion}, recorded ${moment(standing.recordedAt)}</p>${attentionList(standing.attention)}`
}</section>`
}

function events(state: PaymentState, at: number | null): Html {
  const shown = state.events.filter(({ recordedAt }) => at === null || recordedAt <= at)
  return html`<ol class="steps">${shown.map(({ event, verdict, rule, statusVersion, statusAfter, recordedAt }) => {
    const decides = event.eventId === state.decidedBy && at === null
    return html`<li class="step${decides && ' decides'}"><div class="step-head"><span class="version">v${statusVersion}</span>
<strong>${event.childKey === null ? sourceText(event) : html`${words(event.kind)} ${paymentLink(event.childKey)}: ${sourceText(event)}`}</strong>
${event.withdrawn ? html`<span class="mark plain">withdrawn</span>` : html`<span class="muted">read as</span> ${statusMark(event.status)}`}
<span class="verdict-name">${words(verdict)}</span>${decides && html`<span class="tag">decides</span>`}</div>
<p>${VERDICT_RULES[rule]?.text ?? rule}. Afterwards the payment is ${statusMark(statusAfter)}</p>
<p class="muted">${occurredText(event)}; received ${moment(event.receivedAt)}, recorded ${moment(recordedAt)}; source ${sourceAndAuthenticity(event)}; callback <span class="id">${event.callbackId}</span>, element ${event.element}</p>
${markerTexts(event).map((text) => html`<p class="note">${text}</p>`)}</li>`
  })}</ol>`
}

function children({ children: found }: PaymentState): Html | null {
  if (found.length === 0) {
    return null
  }
  const rows = found.map(({ paymentKey, kind, status, amount }) => [
    words(kind),
    paymentLink(paymentKey),
    statusMark(status),
    amountText(amount) ?? '',
  ])
  return html`<section id="children" data-part="children"><h2>Refunds, returns and chargebacks</h2>${table(
    'Refunds, returns and chargebacks',
    [{ name: 'Kind' }, { name: 'Payment' }, { name: 'Status' }, { name: 'Amount', kind: 'number' }],
    rows,
  )}</section>`
}

function details(state: PaymentState, from: PaymentPage['from']): Html {
  const { details: of } = state
  return facts([
    ['Amount', amountText(of.amount)],
    ['Requested', amountText(of.requestAmount)],
    ['endToEndId', of.endToEndId !== null && html`<span class="id">${of.endToEndId}</span>`],
    ...of.references.map(({ type, value }): [string, Part] => [type, html`<span class="id">${value}</span>`]),
    ['Rail', [of.rail, of.clearingSystem, of.direction].filter((part) => part !== null).join(' / ')],
    ['Execution date', of.requestedExecutionDate],
    ['Value date', of.valueDate],
    ['Held because', of.holdReason],
    ['Rejected by', of.rejectedBy],
    ['FX rate', of.fxAppliedRate],
    [
      'Reasons',
      of.reasons.map(({ scheme, code, rule }) => `${scheme} ${code}${rule === null ? '' : ` (${rule})`}`).join(', '),
    ],
    ['Authenticity', authenticityOf(state).join(' + ')],
    [
      'Read from',
      from === 'view' ? 'the view in Redis' : 'the topic: Redis does not answer, or its view is not complete',
    ],
  ])
}

/** @param token The form token of an operator; null: bodies cannot be opened. */
export function whyPart({ callbacks, rawReachesBackTo }: PaymentExplanation, token: string | null): Html {
  return html`${rawReachesBackTo !== null && html`<p class="note">raw reaches back to ${moment(rawReachesBackTo)}; older callbacks are deleted.</p>`}
<ol class="steps">${callbacks.map((callback, index) => explained(callback, index, token))}</ol>`
}

function explained(callback: ExplainedCallback, index: number, token: string | null): Html {
  const { raw, rawGone, verdict, rule, ruleText, changed, decides } = callback
  const place = raw === null ? null : `${raw.topic}[${raw.partition}]@${raw.offset}`
  return html`<li class="step${decides && ' decides'}"><div class="step-head"><strong>${sourceText(callback)}</strong>
<span class="muted">read as</span> ${statusMark(callback.status)} <span class="verdict-name">${words(verdict)}</span>${decides && html`<span class="tag">decides</span>`}</div>
<p>${rule !== null && html`<code>${rule}</code>: `}${ruleText}</p>
${facts([
  ['Received', moment(callback.receivedAt)],
  ['Callback', html`<span class="id">${callback.callbackId}</span>, element ${callback.element}`],
  [
    'In raw',
    place !== null
      ? html`<span class="id">${place}</span>`
      : rawGone === 'retention'
        ? 'deleted by retention'
        : 'not found',
  ],
  [
    'Body',
    raw !== null &&
      (raw.body === 'readable'
        ? html`${raw.bodyBytes} bytes, SHA-256 <span class="id">${raw.bodySha256?.slice(0, 16)}…</span>`
        : raw.body),
  ],
  ['Changed', changed !== null && changedText(changed)],
  ['Without it', differenceText(callback.withoutIt)],
  ['Without all reports of it', callback.saidAlsoBy.length > 0 && differenceText(callback.withoutAllThatSayIt)],
  [
    'Also said by',
    callback.saidAlsoBy.length > 0 && callback.saidAlsoBy.map((id) => html`<span class="id">${id}</span> `),
  ],
])}
${
  token !== null &&
  raw !== null &&
  raw.body === 'readable' &&
  html`<details><summary>Open the body</summary>${actForm({
    action: '/bodies',
    token,
    button: 'Open the body',
    fields: { topic: 'raw', partition: String(raw.partition), offset: String(raw.offset) },
    hint: 'It can contain personal data. That you open it is recorded.',
    id: `body-${index}`,
  })}</details>`
}</li>`
}

function changedText({ statusBefore, statusAfter, statusVersion }: CallbackChange): Html {
  return statusBefore === statusAfter
    ? html`the status stays ${statusMark(statusAfter)}, version ${statusVersion}`
    : html`${statusMark(statusBefore)} to ${statusMark(statusAfter)}, version ${statusVersion}`
}

function differenceText(difference: FoldDifference | null): Html {
  if (difference === null) {
    return html`nothing would change`
  }
  const { status, decidedBy, attention, children: of } = difference
  const parts: Part[] = [
    status !== undefined && html`the status would be ${statusMark(status.without)} `,
    status === undefined && decidedBy !== undefined && 'another event would decide ',
    attention !== undefined && attention.gone.length > 0 && html`without attention code ${attention.gone.join(', ')} `,
    attention !== undefined && attention.added.length > 0 && html`with attention code ${attention.added.join(', ')} `,
    of !== undefined && html`children would differ: ${of.join(', ')}`,
  ]
  return html`${parts}`
}
