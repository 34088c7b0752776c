import type { PaymentEvent } from '../../payment/payment-event.ts'
import { normalizeWord } from '../normalize-word.ts'

/** Begins the id part of a weak key. */
const WEAK = 'e2e:'

/**
 * v1 identifies a payment by J.P. Morgan's `firmRootId` or, without it, by the customer's `endToEndId`, which two payments
 * can share: such a key is marked as weak. Null if there is neither.
 *
 * The two kinds of keys never meet: a `firmRootId` that begins like a weak key gets a blank after `e2e:`, and no id that was
 * read begins with a blank.
 */
export function v1PaymentKey(
  namespace: string,
  firmRootId: string | null,
  endToEndId: string | null,
): Pick<PaymentEvent, 'paymentKey' | 'weakKey'> | null {
  if (firmRootId !== null) {
    const id = firmRootId.startsWith(WEAK) ? `${WEAK} ${firmRootId.slice(WEAK.length)}` : firmRootId
    return { paymentKey: `${namespace}:${id}`, weakKey: false }
  }
  return endToEndId === null ? null : { paymentKey: `${namespace}:${WEAK}${endToEndId}`, weakKey: true }
}

/** Without `createDateTime`: it is not documented whether a retry repeats it. */
export function v1NaturalKey(sourceStatus: string): string {
  return normalizeWord(sourceStatus)
}
