import { ATTENTION, type AttentionCode } from '../../payment/fold-payment.ts'
import type { Amount } from '../../payment/payment-event.ts'
import { FINALITIES, PAYMENT_STATUSES, type PaymentStatus } from '../../payment/payment-status.ts'
import { BY_LENGTH_MAX, REASON_LENGTH_MAX } from '../../tools/audit/audit-record.ts'
import { type Html, html, type Part } from '../html.ts'

/** Parts that several pages use. Pure. */

/** How a status looks. Colour never stands alone: the name is always beside it. */
function toneOf(status: PaymentStatus): 'good' | 'bad' | 'wait' | 'plain' {
  switch (PAYMENT_STATUSES[status].tier) {
    case 'none':
      return 'plain'
    case 'progress':
      return 'wait'
    case 'outcome':
      return 'good'
    default:
      return 'bad'
  }
}

export function statusMark(status: PaymentStatus | null): Html {
  return status === null
    ? html`<span class="mark plain">no payment</span>`
    : html`<span class="mark ${toneOf(status)}" title="${PAYMENT_STATUSES[status].meaning}">${words(status)}</span>`
}

/** `SENT_TO_CLEARING` as people read it. */
export function words(code: string): string {
  const text = code.replaceAll('_', ' ').toLowerCase()
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
}

/** A status and its finality as a sentence. */
export function statusSentence(status: PaymentStatus): string {
  const { meaning, finality } = PAYMENT_STATUSES[status]
  return `${meaning.slice(0, 1).toUpperCase()}${meaning.slice(1)}; ${FINALITIES[finality]}.`
}

export function attentionList(codes: readonly AttentionCode[]): Html | null {
  return codes.length === 0
    ? null
    : html`<ul class="attention">${codes.map(
        (code) => html`<li><strong>${code}</strong> ${ATTENTION[code]?.meaning ?? ''}</li>`,
      )}</ul>`
}

/** A moment, in UTC. */
export function moment(ms: number): Html {
  const iso = new Date(ms).toISOString()
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)}<span class="muted"> UTC</span></time>`
}

/** A duration in its two largest units. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1_000))
  const units: [number, string][] = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ]
  const first = units.findIndex(([size]) => seconds >= size)
  if (first < 0) {
    return '0 s'
  }
  const shown = units.slice(first, first + 2).map(([size, name], index) => {
    const count = index === 0 ? Math.floor(seconds / size) : Math.floor((seconds % (units[first]?.[0] ?? 1)) / size)
    return count === 0 ? '' : `${count} ${name}`
  })
  return shown.filter((part) => part !== '').join(' ')
}

export function ago(ms: number, now: number): string {
  return now - ms < 1_000 ? 'just now' : `${spanText(now - ms)} ago`
}

export function paymentLink(paymentKey: string): Html {
  return html`<a class="id" href="${paymentPath(paymentKey)}">${paymentKey}</a>`
}

export function paymentPath(paymentKey: string): string {
  return `/payments/${encodeURIComponent(paymentKey)}`
}

export function amountText(amount: Amount | null): string | null {
  return amount === null ? null : `${amount.value} ${amount.currency ?? '(no currency)'}`
}

export function countText(count: number | bigint): string {
  return count.toLocaleString('en')
}

/** `1 payment`, `2 payments`. */
export function counted(count: number | bigint, one: string, many = `${one}s`): string {
  return `${countText(count)} ${Number(count) === 1 ? one : many}`
}

export function pageHead(title: string, lead?: Part): Html {
  return html`<div class="head"><h1>${title}</h1>${lead !== undefined && html`<p class="lead">${lead}</p>`}</div>`
}

export interface Column {
  readonly name: string
  readonly kind?: 'number' | 'wide'
}

/** A table that scrolls by itself where the screen is narrow. */
export function table(caption: string, columns: readonly Column[], rows: readonly (readonly Part[])[]): Html {
  const kindOf = (index: number) => columns[index]?.kind ?? 'text'
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table>
<caption class="unseen">${caption}</caption>
<thead><tr>${columns.map(({ name, kind }) => html`<th scope="col" class="${kind ?? 'text'}">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    (cells) => html`<tr>${cells.map((cell, index) => html`<td class="${kindOf(index)}">${cell}</td>`)}</tr>`,
  )}</tbody></table></div>`
}

/** Names and values; those without a value are left out. */
export function facts(pairs: readonly (readonly [name: string, value: Part])[]): Html {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '' && value !== false)
  return html`<dl class="facts">${shown.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

export interface ActForm {
  readonly action: string
  readonly token: string
  readonly button: string
  readonly fields?: Readonly<Record<string, string>>
  /** Says what will happen. */
  readonly hint: string
  readonly id: string
}

/** A form that changes something, with a reason for the audit trail. */
export function actForm({ action, token, button, fields = {}, hint, id }: ActForm): Html {
  return html`<form class="act" method="post" action="${action}">
${hiddenFields(token, fields)}
<label for="${id}">Reason, for the audit trail</label>
<input id="${id}" name="reason" required maxlength="${REASON_LENGTH_MAX}" autocomplete="off" aria-describedby="${id}-hint">
<p class="hint" id="${id}-hint">${hint} No personal data in the reason.</p>
<button>${button}</button>
</form>`
}

export function hiddenFields(token: string, fields: Readonly<Record<string, string>>): Html {
  return html`<input type="hidden" name="token" value="${token}">${Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  )}`
}

/** Null if there is no reason, or if it is too long. */
export function reasonIn(form: URLSearchParams): string | null {
  const reason = (form.get('reason') ?? '').trim()
  return reason === '' || reason.length > REASON_LENGTH_MAX ? null : reason
}

/** Who acts, as the audit trail has it. */
export function actorOf(name: string): string {
  return name.slice(0, BY_LENGTH_MAX)
}

export function pager(path: string, query: URLSearchParams, next: string | null): Html | null {
  if (next === null) {
    return null
  }
  const following = new URLSearchParams(query)
  following.set('cursor', next)
  return html`<nav class="pager" aria-label="Pages"><a class="button" rel="next" href="${path}?${following.toString()}">More</a></nav>`
}
