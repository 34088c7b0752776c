import { applyEvent, type PaymentState } from '../../payment/apply-event.ts'
import type { AttentionCode } from '../../payment/fold-payment.ts'
import { EVENT_BYTES_MAX, type PaymentEvent } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import type { PaymentEvidence } from '../verify/payment-evidence.ts'
import type { LeftEvent, Remedies, RemedyRule } from './remedies-of.ts'

/** A payment that would change; also printed as JSON, without `events`. */
export interface PlannedPayment {
  readonly paymentKey: string
  readonly provider: string
  /** Null if the payment does not exist yet. */
  readonly before: Standing | null
  readonly after: Standing
  readonly steps: readonly PlannedStep[]
}

export interface Standing {
  readonly status: PaymentStatus
  readonly attention: readonly AttentionCode[]
  readonly statusVersion: number
}

/** One record that the payment would get in `changes`. */
export interface PlannedStep {
  readonly rule: RemedyRule
  readonly eventId: string
  readonly callbackId: string
  /** The canonical status of the new reading; `statusBefore` is that of the previous reading. */
  readonly status: PaymentStatus
  readonly statusBefore: PaymentStatus | null
  readonly mappingVersion: number
  readonly mappingVersionBefore: number | null
  /** The record for `payments.events`. */
  readonly event: PaymentEvent
  /** The reading that counts now. */
  readonly known: PaymentEvent | null
}

export interface Plan {
  /** Null if nothing would change. */
  readonly payment: PlannedPayment | null
  readonly left: readonly LeftEvent[]
}

/**
 * Applies the remedies to the payment's state, as the status processor would. An event that it would not record is not
 * published. Pure.
 *
 * @param bytesOf size of an event as it is published.
 * @param now ms since the epoch.
 */
export function planPayment(
  { paymentKey, current }: Pick<PaymentEvidence, 'paymentKey' | 'current'>,
  { remedies, left }: Remedies,
  bytesOf: (event: PaymentEvent) => number,
  now: number,
): Plan {
  const before = current.kind === 'state' ? current.state : undefined
  let state = before
  const steps: PlannedStep[] = []
  const alsoLeft: LeftEvent[] = []
  for (const { rule, event, known } of remedies) {
    const applied = applyEvent(state, event, now)
    if (applied.outcome === 'recorded' && bytesOf(event) <= EVENT_BYTES_MAX) {
      state = applied.change.state
      const { eventId, callbackId, status, mappingVersion } = event
      steps.push({
        rule,
        eventId,
        callbackId,
        status,
        statusBefore: known?.status ?? null,
        mappingVersion,
        mappingVersionBefore: known?.mappingVersion ?? null,
        event,
        known,
      })
    } else if (applied.outcome !== 'duplicate') {
      alsoLeft.push({ reason: applied.outcome === 'history-full' ? 'history-full' : 'too-large', event })
    }
  }
  const [first] = steps
  const payment =
    first === undefined || state === undefined
      ? null
      : {
          paymentKey,
          provider: first.event.provider,
          before: before === undefined ? null : standingOf(before),
          after: standingOf(state),
          steps,
        }
  return { payment, left: [...left, ...alsoLeft] }
}

function standingOf({ status, attention, statusVersion }: PaymentState): Standing {
  return { status, attention, statusVersion }
}
