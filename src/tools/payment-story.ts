import { authenticityOf, type PaymentState, VERDICT_RULES } from '../payment/apply-event.ts'
import type { ChildPayment } from '../payment/fold-payment.ts'
import type { Amount, PaymentEvent } from '../payment/payment-event.ts'
import { PAYMENT_STATUSES } from '../payment/payment-status.ts'
import type { StatusChangeRecord } from '../payment/status-change.ts'

/** One change as a line: when, which payment, what happened and why. */
export function changeLine(change: StatusChangeRecord): string {
  const step =
    change.statusBefore === change.statusAfter
      ? change.statusAfter
      : `${change.statusBefore ?? '(new)'} -> ${change.statusAfter}`
  const said = change.event === null ? '' : `  ${childText(change.event)}said ${sourceText(change.event)}`
  const attention = change.attention.length === 0 ? '' : `  ! ${change.attention.join(', ')}`
  return `${timeText(change.recordedAt)}  ${change.verdict.padEnd(9)}  ${change.paymentKey}  v${change.statusVersion}  ${step}${said}${attention}`
}

/** A payment for people: its current state, and every event with the effect of its arrival. */
export function paymentStory(state: PaymentState): string {
  const { details } = state
  const facts: [string, string | null][] = [
    ['payment', state.paymentKey],
    ['status', `${state.status} (${PAYMENT_STATUSES[state.status].finality}), version ${state.statusVersion}`],
    ['kind', state.relatesTo === null ? state.kind : `${state.kind} of ${state.relatesTo}`],
    ['attention', state.attention.length === 0 ? null : state.attention.join(', ')],
    ['overdue since', state.overdueSince === null ? null : dateText(state.overdueSince)],
    ['authenticity', authenticityText(authenticityOf(state)) || null],
    ['endToEndId', details.endToEndId],
    ['amount', details.amount === null ? null : amountText(details.amount)],
    [
      'rail',
      [details.rail, details.clearingSystem, details.direction].filter((part) => part !== null).join(' / ') || null,
    ],
    ['execution date', details.requestedExecutionDate],
    ['held because', details.holdReason],
    ['rejected by', details.rejectedBy],
    ['fx rate', details.fxAppliedRate],
    ['references', details.references.map(({ type, value }) => `${type} ${value}`).join(', ') || null],
    [
      'reasons',
      details.reasons
        .map(({ scheme, code, rule }) => `${scheme} ${code}${rule === null ? '' : ` (${rule})`}`)
        .join(', ') || null,
    ],
    ...state.children.map((child): [string, string] => ['child', childLine(child)]),
    ['left out', state.eventsLeftOut === 0 ? null : `${state.eventsLeftOut} events that the full history did not keep`],
  ]
  const head = facts
    .filter((fact): fact is [string, string] => fact[1] !== null)
    .map(([name, value]) => `${name.padEnd(14)}  ${value}`)
  const timeline = state.events.map((recorded) => {
    const { event, verdict, rule, statusVersion, statusAfter, recordedAt, detailsDropped } = recorded
    const decides = event.eventId === state.decidedBy ? '  <- decides' : ''
    return [
      `  v${statusVersion}  ${dateText(recordedAt)}  ${verdict.padEnd(9)}  ${childText(event)}${sourceText(event)} ${readingText(event)}, payment then ${statusAfter}${decides}`,
      `      ${occurredText(event)}, source ${sourceAndAuthenticity(event)}, callback ${event.callbackId} element ${event.element}`,
      `      ${rule}: ${VERDICT_RULES[rule]?.text ?? ''}`,
      ...markerTexts(event).map((text) => `      ${text}`),
      ...(detailsDropped
        ? ['      the full history did not keep the details of this event; its record in changes has them']
        : []),
    ].join('\n')
  })
  return [...head, '', 'events, in order of arrival', ...timeline].join('\n')
}

/** What `show --json` prints: stable names, and only what the topics hold. */
export function paymentJson(state: PaymentState): Record<string, unknown> {
  const { details, events, ...rest } = state
  return {
    ...rest,
    finality: PAYMENT_STATUSES[state.status].finality,
    authenticity: authenticityOf(state),
    ...details,
    events: events.map(({ event, ...recorded }) => ({ ...recorded, ...event })),
  }
}

function childLine({ paymentKey, kind, status, amount, requestAmount }: ChildPayment): string {
  const got = amount === null ? '' : `  ${amountText(amount)}`
  const asked =
    requestAmount === null || requestAmount.value === amount?.value ? '' : `  (requested ${amountText(requestAmount)})`
  return `${kind} ${paymentKey}  ${status}${got}${asked}`
}

/** Kind and key of the payment that the event is about; empty for the payment's own events. */
export function childText({ childKey, kind }: Pick<PaymentEvent, 'childKey' | 'kind'>): string {
  return childKey === null ? '' : `${kind} ${childKey} `
}

/** When the provider says that it happened, and how well that is known. */
export function occurredText({
  occurredAt,
  occurredAtPrecision,
  zoneAssumed,
  timeUnreadable,
}: Pick<PaymentEvent, 'occurredAt' | 'occurredAtPrecision' | 'zoneAssumed' | 'timeUnreadable'>): string {
  if (occurredAt === null) {
    return timeUnreadable ? 'occurred at an unreadable time' : 'no time given'
  }
  const day = occurredAtPrecision === 'DAY' ? ' (a date)' : ''
  return `occurred ${dateText(occurredAt)}${day}${zoneAssumed ? ' (zone assumed)' : ''}`
}

/** What else is odd about an event: nothing, nearly always. */
export function markerTexts({
  unreadable,
  partialApproval,
}: Pick<PaymentEvent, 'unreadable' | 'partialApproval'>): readonly string[] {
  return [
    ...(unreadable.length === 0 ? [] : [`unreadable and left out: ${unreadable.join(', ')}`]),
    ...(partialApproval ? ['partially approved: the amount is the approved part'] : []),
  ]
}

/** Who called, and how that is known. */
export function sourceAndAuthenticity({ source, authenticity }: Pick<PaymentEvent, 'source' | 'authenticity'>): string {
  return authenticity.length === 0 ? source : `${source} (${authenticityText(authenticity)})`
}

function authenticityText(kinds: readonly string[]): string {
  return kinds.map((kind) => (kind === 'none' ? 'not authenticated' : kind)).join(' + ')
}

/** What the provider said, in its own words. */
export function sourceText({
  sourceStatus,
  sourceSubStatus,
}: Pick<PaymentEvent, 'sourceStatus' | 'sourceSubStatus'>): string {
  return sourceSubStatus === null ? sourceStatus : `${sourceStatus}/${sourceSubStatus}`
}

/** How it was read. */
export function readingText({ status, withdrawn }: Pick<PaymentEvent, 'status' | 'withdrawn'>): string {
  return withdrawn ? `(was ${status}, withdrawn)` : `= ${status}`
}

function amountText({ value, currency }: Amount): string {
  return `${value} ${currency ?? '(no currency)'}`
}

export function dateText(ms: number): string {
  return new Date(ms).toISOString()
}

function timeText(ms: number): string {
  return dateText(ms).slice(11, 23)
}
