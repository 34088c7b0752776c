import { applyEvent, type PaymentState } from '../../../src/payment/apply-event.ts'
import type { PaymentEvent } from '../../../src/payment/payment-event.ts'
import type { PaymentStatus } from '../../../src/payment/payment-status.ts'
import { overdueChange, type StatusChangeRecord, toStatusChange } from '../../../src/payment/status-change.ts'
import type { Circumstances, PaymentEvidence } from '../../../src/tools/verify/payment-evidence.ts'
import { sampleEvent } from '../../avro/samples.ts'

/** What the topics hold about correctly processed payments; tests corrupt it. */

export const DAY_MS = 86_400_000
export const NOW = Date.UTC(2026, 5, 1)

export function told(status: PaymentStatus, occurredAt: number | null, changes: Partial<PaymentEvent> = {}) {
  const eventId = `${status}@${occurredAt}`
  return sampleEvent({
    eventId,
    status,
    sourceStatus: status,
    naturalKey: eventId,
    providerEventId: null,
    callbackId: `callback of ${eventId}`,
    occurredAt,
    receivedAt: NOW - DAY_MS,
    ...changes,
  })
}

/** Nothing was deleted, both stages have caught up, and the time is NOW. */
export const AT_REST: Circumstances = {
  rawReachesBackTo: Number.NEGATIVE_INFINITY,
  changesFromStart: true,
  changesSettledTo: 1_000_000n,
  startedAt: NOW,
  forgetAfterMs: 400 * DAY_MS,
  unreadableCallbacks: new Map(),
  sourceIds: new Set([sampleEvent().source]),
  canBeWritten: () => true,
  isPending: () => false,
  isCallbackRead: () => true,
}

/** A step of the clock between events. */
export type Arrival = PaymentEvent | 'overdue' | 'forgotten'

export interface Evidence extends PaymentEvidence {
  readonly state: PaymentState
}

/** The evidence after these arrivals in this order, each processed at its receipt. */
export function evidenceOf(arrivals: readonly Arrival[]): Evidence {
  let state: PaymentState | undefined
  const changes: StatusChangeRecord[] = []
  const raw = new Map<string, PaymentEvent>()
  const deadLetters = new Map<string, string>()
  for (const arrival of arrivals) {
    if (arrival === 'forgotten') {
      state = undefined
    } else if (arrival === 'overdue') {
      if (state !== undefined) {
        state = { ...state, statusVersion: state.statusVersion + 1, overdueSince: state.touchedAt }
        changes.push(overdueChange(state))
      }
    } else {
      raw.set(arrival.eventId, {
        ...arrival,
        receivedAt: Math.max(arrival.receivedAt, raw.get(arrival.eventId)?.receivedAt ?? 0),
      })
      const applied = applyEvent(state, arrival, arrival.receivedAt)
      if (applied.outcome === 'recorded') {
        changes.push(toStatusChange(applied.change))
        state = applied.change.state
      } else if (applied.outcome === 'duplicate') {
        state = applied.state ?? state
      } else if (applied.outcome === 'history-full') {
        deadLetters.set(arrival.eventId, 'history-full')
        state = applied.state
      }
    }
  }
  return {
    paymentKey: sampleEvent().paymentKey,
    raw: [...raw.values()].map((event) => ({ event, position: 'raw[0]@1', dueAt: event.receivedAt })),
    changes: changes.map((change, index) => ({ offset: BigInt(10 + index), change })),
    current: state === undefined ? { kind: 'tombstone' } : { kind: 'state', state },
    deadLetters,
    state: state as PaymentState,
  }
}
