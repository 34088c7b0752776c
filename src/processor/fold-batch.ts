import { applyEvent, type Change, type PaymentState } from '../payment/apply-event.ts'
import type { PaymentEvent } from '../payment/payment-event.ts'
import { countVerdict, type TotalsDelta } from '../payment/totals.ts'

/** A record's event, or why the record is not one. */
export type BatchInput<R> =
  | { readonly record: R; readonly event: PaymentEvent }
  | {
      readonly record: R
      readonly rejected: EventDeadLetterReason
      /** That of undecodable bytes; null or absent if they do not even have one. */
      readonly schemaId?: number | null
    }

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
  readonly changes: readonly { readonly record: R; readonly change: Change }[]
  /** The state before the batch; undefined if there was none, or if no record is an event. */
  readonly before: PaymentState | undefined
  /** The state afterwards; null if it did not change. */
  readonly state: PaymentState | null
  readonly deadLetters: readonly { readonly record: R; readonly reason: EventDeadLetterReason }[]
}

/**
 * Applies the events of one payment that a batch has, in order of arrival, to its state, and counts them in `totals`.
 * Otherwise pure: `stateBefore` gives the state before the batch and is called at most once, `now` is the recording time, ms
 * since the epoch.
 */
export function foldBatch<R>(
  inputs: readonly BatchInput<R>[],
  stateBefore: () => PaymentState | undefined,
  now: number,
  totals: TotalsDelta,
): BatchOutcome<R> {
  const changes: { record: R; change: Change }[] = []
  const deadLetters: { record: R; reason: EventDeadLetterReason }[] = []
  let before: PaymentState | undefined
  let state: PaymentState | undefined
  let known = false
  totals.events += inputs.length

  for (const input of inputs) {
    if ('rejected' in input) {
      deadLetters.push({ record: input.record, reason: input.rejected })
      continue
    }
    if (!known) {
      before = stateBefore()
      state = before
      known = true
    }
    const applied = applyEvent(state, input.event, now)
    switch (applied.outcome) {
      case 'duplicate':
        totals.duplicate += 1
        if (applied.state !== null) {
          state = applied.state
        }
        break
      case 'history-full':
        deadLetters.push({ record: input.record, reason: 'history-full' })
        state = applied.state
        break
      case 'recorded':
        countVerdict(totals, applied.change.recorded.verdict)
        changes.push({ record: input.record, change: applied.change })
        state = applied.change.state
        break
      default:
        applied satisfies never
    }
  }
  totals.deadLetter += deadLetters.length
  return { changes, before, state: state === undefined || state === before ? null : state, deadLetters }
}
