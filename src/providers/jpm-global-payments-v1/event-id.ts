import type { PaymentEvent } from '../../payment/payment-event.ts'
import { normalizeWord } from '../normalize-word.ts'

/**
 * v1 identifies a payment by J.P. Morgan's `firmRootId` or, without it, by the customer's `endToEndId`, which two payments
 * can share: such a key is marked as weak. Null if there is neither.
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

/** Without `createDateTime`: it is not documented whether a retry repeats it. */
export function v1NaturalKey(sourceStatus: string): string {
  return normalizeWord(sourceStatus)
}
