import type { PaymentEvent } from '../../payment/payment-event.ts'
import { normalizeWord } from '../normalize-word.ts'

/**
 * v1 has no event id. A payment is known by J.P. Morgan's `firmRootId`; without one by the customer's `endToEndId`, which
 * may be used twice and is therefore marked as weak. Null if there is neither.
 */
export function v1PaymentKey(
  namespace: string,
  firmRootId: string | null,
  endToEndId: string | null,
): Pick<PaymentEvent, 'paymentKey' | 'weakKey'> | null {
  if (firmRootId !== null) {
    return { paymentKey: `${namespace}:${firmRootId}`, weakKey: false }
  }
  return endToEndId === null ? null : { paymentKey: `${namespace}:e2e:${endToEndId}`, weakKey: true }
}

/** `createDateTime` stays out: whether it is the same in a retry is not documented. */
export function v1NaturalKey(sourceStatus: string): string {
  return normalizeWord(sourceStatus)
}
