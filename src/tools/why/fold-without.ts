import { isDeepStrictEqual } from 'node:util'
import { type AttentionCode, type FoldedPayment, foldPayment } from '../../payment/fold-payment.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'

/** What would change in a payment; contains only the parts that differ. */
export interface FoldDifference {
  /** `without` is null if there would be no payment. */
  readonly status?: { readonly now: PaymentStatus; readonly without: PaymentStatus | null }
  /** Event ids. */
  readonly decidedBy?: { readonly now: string | null; readonly without: string | null }
  readonly attention?: { readonly gone: readonly AttentionCode[]; readonly added: readonly AttentionCode[] }
  /** Payment keys of the children that would differ or be missing. */
  readonly children?: readonly string[]
}

type Compared = Pick<FoldedPayment, 'decidedBy' | 'attention' | 'children'> & { readonly status: PaymentStatus | null }

const NO_PAYMENT: Compared = { status: null, decidedBy: null, attention: [], children: [] }

/**
 * Compares the fold of all events of a payment with the fold without the removed ones. Null if they agree. Pure.
 */
export function foldWithout(events: readonly PaymentEvent[], removed: ReadonlySet<string>): FoldDifference | null {
  const others = events.filter(({ eventId }) => !removed.has(eventId))
  if (others.length === events.length) {
    return null
  }
  const now = foldPayment(events)
  const without: Compared = others.length === 0 ? NO_PAYMENT : foldPayment(others)
  const children = now.children
    .filter((child) => !without.children.some((other) => isDeepStrictEqual(child, other)))
    .map(({ paymentKey }) => paymentKey)
  const gone = now.attention.filter((code) => !without.attention.includes(code))
  const added = without.attention.filter((code) => !now.attention.includes(code))
  const difference: FoldDifference = {
    ...(now.status !== without.status && { status: { now: now.status, without: without.status } }),
    ...(now.decidedBy !== without.decidedBy && { decidedBy: { now: now.decidedBy, without: without.decidedBy } }),
    ...(gone.length + added.length > 0 && { attention: { gone, added } }),
    ...(children.length > 0 && { children }),
  }
  return Object.keys(difference).length === 0 ? null : difference
}
