import type { PaymentState, RecordedEvent } from '../../payment/apply-event.ts'
import { PAYMENT_STATUSES } from '../../payment/payment-status.ts'
import { type Html, html } from '../html.ts'
import { spanText, words } from './parts.ts'

const WIDTH = 720
const LEFT = 12
const RIGHT = 12
const ROW = 26
const TOP = 22
/** Room for the longest label. */
const LABEL = 190

/**
 * The events over real time: a dot where the provider says it happened, a dot where it was recorded, and a line between them, whose
 * length is how late it came. Pure.
 */
export function timeline(state: PaymentState, at: number | null): Html {
  const events = state.events
    .filter(({ recordedAt }) => at === null || recordedAt <= at)
    .toSorted((a, b) => a.statusVersion - b.statusVersion)
    .slice(-24)
  const times = events.flatMap(({ event, recordedAt }) => [event.occurredAt ?? recordedAt, recordedAt])
  if (events.length === 0) {
    return html`<p class="muted">nothing was recorded by then</p>`
  }
  const [from, to] = [Math.min(...times), Math.max(...times)]
  const span = Math.max(1, to - from)
  const x = (ms: number) => LEFT + ((ms - from) / span) * (WIDTH - LEFT - RIGHT)
  const height = TOP + events.length * ROW + 24
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Timeline"><svg class="timeline" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${described(events, span)}">
<line class="axis" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${height - 18}" y2="${height - 18}"/>
<text class="tick" x="${LEFT}" y="${height - 4}">${clock(from)}</text>
<text class="tick end" x="${WIDTH - RIGHT}" y="${height - 4}">${clock(to)}</text>
<text class="tick middle" x="${WIDTH / 2}" y="${height - 4}">${spanText(span)}</text>
${events.map((recorded, index) => row(recorded, index, x, recorded.event.eventId === state.decidedBy && at === null))}
</svg></div><p class="muted legend">Hollow: the provider's time. Filled: when it was recorded here. The line between them is how late it came.</p>`
}

function row(
  { event, statusAfter, recordedAt }: RecordedEvent,
  index: number,
  x: (ms: number) => number,
  decides: boolean,
): Html {
  const y = TOP + index * ROW
  const told = x(event.occurredAt ?? recordedAt)
  const recorded = x(recordedAt)
  const place = labelPlace(Math.min(told, recorded), Math.max(told, recorded), y)
  const label = `${words(event.status)}${event.childKey === null ? '' : ` (${words(event.kind)})`}${decides ? ', decides' : ''}`
  return html`<g class="event ${PAYMENT_STATUSES[statusAfter].tier}">
<line class="late" x1="${told.toFixed(1)}" x2="${recorded.toFixed(1)}" y1="${y}" y2="${y}"/>
${event.occurredAt !== null && html`<circle class="told" cx="${told.toFixed(1)}" cy="${y}" r="5"/>`}
<circle class="recorded" cx="${recorded.toFixed(1)}" cy="${y}" r="5"/>
<text class="${place.anchor}" x="${place.x.toFixed(1)}" y="${place.y}">${label}</text></g>`
}

/** Beside the dots where there is room for the longest label, otherwise above the line between them. */
function labelPlace(
  left: number,
  right: number,
  y: number,
): { readonly anchor: string; readonly x: number; readonly y: number } {
  return right <= WIDTH - LABEL
    ? { anchor: 'start', x: right + 10, y: y + 4 }
    : left >= LABEL
      ? { anchor: 'end', x: left - 10, y: y + 4 }
      : { anchor: 'middle', x: (left + right) / 2, y: y - 5 }
}

function described(events: readonly RecordedEvent[], span: number): string {
  return `${events.length} events within ${spanText(span)}: ${events.map(({ event }) => words(event.status)).join(', ')}`
}

function clock(ms: number): string {
  const iso = new Date(ms).toISOString()
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC`
}
