import { applyEvent, type PaymentState, type Verdict, type VerdictRule } from '../payment/apply-event.ts'
import type { AttentionCode } from '../payment/fold-payment.ts'
import { PAYMENT_STATUSES, type PaymentStatus } from '../payment/payment-status.ts'
import { buildEvent } from '../providers/build-event.ts'

/** The effect of a reported status on a payment that has another, or the same, status. */
export interface Transition {
  readonly from: PaymentStatus
  readonly reported: PaymentStatus
  /** Whether the provider's time of the report is after or before that of the event that determined `from`. */
  readonly time: 'later' | 'earlier'
  readonly statusAfter: PaymentStatus
  readonly verdict: Verdict
  readonly rule: VerdictRule
  /** The payment's attention codes afterwards. */
  readonly attention: readonly AttentionCode[]
}

const STATUSES = Object.keys(PAYMENT_STATUSES) as readonly PaymentStatus[]

/**
 * Every step between two statuses, computed by applying it: the fold has no list of legal transitions, and a separate list
 * could be wrong. Before the step the payment has one event, of the status `from`.
 */
export function transitions(): readonly Transition[] {
  return STATUSES.flatMap((from) =>
    STATUSES.flatMap((reported) => [transition(from, reported, 'later'), transition(from, reported, 'earlier')]),
  )
}

function transition(from: PaymentStatus, reported: PaymentStatus, time: Transition['time']): Transition {
  const before = step(undefined, from, 0)
  const { status, attention, events } = step(before, reported, time === 'later' ? 1 : -1)
  const arrival = events.at(-1)
  if (arrival === undefined) {
    throw new TypeError('a recorded event is missing from the state')
  }
  return { from, reported, time, statusAfter: status, verdict: arrival.verdict, rule: arrival.rule, attention }
}

function step(state: PaymentState | undefined, status: PaymentStatus, occurredAt: number): PaymentState {
  const applied = applyEvent(state, eventOf(status, occurredAt), 0)
  if (applied.outcome !== 'recorded') {
    throw new TypeError(`a first report of ${status} is ${applied.outcome}`)
  }
  return applied.change.state
}

function eventOf(status: PaymentStatus, occurredAt: number) {
  const callback = {
    callbackId: String(occurredAt),
    source: '',
    namespace: '',
    currency: null,
    receivedAt: 0,
    contentType: '',
    authenticity: [],
    body: Buffer.alloc(0),
  }
  const occurredAtText = String(occurredAt)
  return buildEvent(callback, { id: '', mappingVersion: 1 }, 0, {
    paymentKey: '',
    naturalKey: status,
    status,
    sourceStatus: status,
    unknownBecause: status === 'UNKNOWN' ? 'STATUS' : null,
    time: { occurredAt, occurredAtText, occurredAtPrecision: 'MILLISECOND', zoneAssumed: false, timeUnreadable: false },
  })
}
