import { applyEvent, type Change, type PaymentState } from '../payment/apply-event.ts'
import type { PaymentEvent } from '../payment/payment-event.ts'
import { countVerdict, noTotals, type TotalsDelta } from '../payment/totals.ts'

/** A record's event, or why the record is not one. */
export type BatchInput<R> =
  | { readonly record: R; readonly event: PaymentEvent }
  | { readonly record: R; readonly rejected: EventDeadLetterReason }

/** Why a record of `payments.events` goes to its dead letters. */
export const EVENT_DEAD_LETTER_REASONS = {
  undecodable: 'the record is not an Avro PaymentEvent that this version can read',
  'key-mismatch': 'the record key differs from the payment key of its event',
  'too-large': 'the event is larger than a payment may store',
  'history-full': 'the history of the payment is full, and this event would decide nothing',
} as const
export type EventDeadLetterReason = keyof typeof EVENT_DEAD_LETTER_REASONS

export interface BatchOutcome<R> {
  /** One per event that is new, restated or withdrawn, in order of arrival. Duplicates and dead letters have none. */
  readonly changes: readonly Change[]
  /** The latest state of every payment that changed. */
  readonly states: ReadonlyMap<string, PaymentState>
  readonly deadLetters: readonly { readonly record: R; readonly reason: EventDeadLetterReason }[]
  readonly totals: TotalsDelta
}

/**
 * Applies a batch of events to the states of their payments. Pure: `stateOf` gives the state before the batch, `now` is the
 * recording time, ms since the epoch.
 */
export function foldBatch<R>(
  inputs: readonly BatchInput<R>[],
  stateOf: (paymentKey: string) => PaymentState | undefined,
  now: number,
): BatchOutcome<R> {
  const changes: Change[] = []
  const states = new Map<string, PaymentState>()
  const deadLetters: { record: R; reason: EventDeadLetterReason }[] = []
  const totals = noTotals()
  totals.events = inputs.length

  for (const input of inputs) {
    if ('rejected' in input) {
      deadLetters.push({ record: input.record, reason: input.rejected })
      continue
    }
    const { paymentKey } = input.event
    const applied = applyEvent(states.get(paymentKey) ?? stateOf(paymentKey), input.event, now)
    switch (applied.outcome) {
      case 'duplicate':
        totals.duplicate += 1
        if (applied.state !== null) {
          states.set(paymentKey, applied.state)
        }
        break
      case 'history-full':
        deadLetters.push({ record: input.record, reason: 'history-full' })
        break
      case 'recorded':
        countVerdict(totals, applied.change.recorded.verdict)
        changes.push(applied.change)
        states.set(paymentKey, applied.change.state)
        break
      default:
        applied satisfies never
    }
  }
  totals.deadLetter = deadLetters.length
  return { changes, states, deadLetters, totals }
}
