import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { PaymentEvidence } from '../verify/payment-evidence.ts'

/** Which payments are reprocessed. A payment is always reprocessed with all of its events. Times are ms since the epoch. */
export type ReprocessScope =
  | { readonly kind: 'all' }
  /** Payments with an event received in this time; `until` is exclusive, null: now. */
  | { readonly kind: 'time'; readonly since: number; readonly until: number | null }
  /** Payments with an event of this source. */
  | { readonly kind: 'source'; readonly source: string }
  | { readonly kind: 'payment'; readonly payment: string }

/** Considers recorded events as well as those in raw, because an event that no callback gives any more is only recorded. */
export function isInScope(scope: ReprocessScope, { paymentKey, raw, current }: PaymentEvidence): boolean {
  switch (scope.kind) {
    case 'all':
      return true
    case 'payment':
      return paymentKey === scope.payment
    case 'time':
    case 'source':
      return (
        raw.some(({ event, dueAt }) => isOf(scope, event, dueAt)) ||
        (current.kind === 'state' && current.state.events.some(({ event }) => isOf(scope, event, null)))
      )
    default:
      return scope satisfies never
  }
}

function isOf(
  scope: Extract<ReprocessScope, { kind: 'time' | 'source' }>,
  { source, receivedAt }: PaymentEvent,
  lastReceivedAt: number | null,
): boolean {
  if (scope.kind === 'source') {
    return source === scope.source
  }
  const isWithin = (at: number) => at >= scope.since && (scope.until === null || at < scope.until)
  return isWithin(receivedAt) || (lastReceivedAt !== null && isWithin(lastReceivedAt))
}

/**
 * Says that what the scope names does not exist, as after a typing error; otherwise null. A configured source exists also without
 * payments.
 *
 * @param payments the number of payments in scope.
 */
export function unknownName(
  scope: ReprocessScope,
  payments: number,
  sources: readonly { readonly id: string }[],
): string | null {
  if (payments > 0) {
    return null
  }
  if (scope.kind === 'payment') {
    return 'no payment with this key'
  }
  const isUnknown = scope.kind === 'source' && !sources.some(({ id }) => id === scope.source)
  return isUnknown ? 'no source with this id, and no payment with a callback of it' : null
}

/** For the audit trail. */
export function scopeFields(scope: ReprocessScope): Readonly<Record<string, string>> {
  switch (scope.kind) {
    case 'all':
      return { all: 'yes' }
    case 'payment':
      return { payment: scope.payment }
    case 'source':
      return { source: scope.source }
    case 'time': {
      const iso = (ms: number) => new Date(ms).toISOString()
      return { since: iso(scope.since), ...(scope.until !== null && { until: iso(scope.until) }) }
    }
    default:
      return scope satisfies never
  }
}
