import { type Html, html } from '../html.ts'
import type { SearchResult } from '../search-payments.ts'
import { ago, amountText, counted, pageHead, pager, paymentLink, statusMark, table } from './parts.ts'

/** @param result Null: nothing was asked for. */
export function findPage(text: string, result: SearchResult | null, now: number): Html {
  return html`${pageHead('Find', 'A payment by any of its ids.')}
<form class="search" role="search" aria-label="By any id" action="/find"><label for="id">Payment key, provider's id, endToEndId, UETR, ACH trace number, batch id, clearing reference, or callback id</label>
<div class="row"><input id="id" name="q" type="search" value="${text}" maxlength="256" autocomplete="off" required><button>Find</button></div></form>
${result !== null && found(text, result, now)}`
}

function found(text: string, { payments, next, complete }: SearchResult, now: number): Html {
  const note = complete
    ? null
    : html`<p class="note">The index is still being built: other ids than payment key, provider's id and endToEndId may not be found yet.</p>`
  if (payments.length === 0) {
    return html`${note}<p role="status">No payment has the id <strong class="id">${text}</strong>. A callback that could not be read has no payment: see <a href="/dead-letters">dead letters</a>.</p>`
  }
  const rows = payments.map(({ state, matched }) => [
    paymentLink(state.paymentKey),
    statusMark(state.status),
    matched.join(', '),
    amountText(state.details.amount) ?? '',
    ago(state.statusChangedAt, now),
  ])
  return html`${note}<p role="status">${counted(payments.length, 'payment')}${next !== null && ' on this page'}</p>
${table('Payments found', [{ name: 'Payment' }, { name: 'Status' }, { name: 'Matched' }, { name: 'Amount', kind: 'number' }, { name: 'Status since' }], rows)}
${pager('/find', new URLSearchParams({ q: text }), next === null ? null : String(next))}`
}
