import type { PaymentState } from '../payment/apply-event.ts'
import { type DuePolicy, dueAt } from './due.ts'
import type { StateWrite } from './state-store.ts'

/**
 * A state as the view keeps it: the bytes of its record in `current`, its due time and its customer reference. `before` is
 * the state in the view, if it is known.
 */
export function stateWrite(
  paymentKey: string,
  bytes: Buffer,
  state: PaymentState,
  duePolicy: DuePolicy,
  before?: PaymentState,
): StateWrite {
  const { endToEndId } = state.details
  const referenceStays = before !== undefined && before.details.endToEndId === endToEndId
  return { paymentKey, state: bytes, dueAt: dueAt(state, duePolicy), endToEndId, referenceStays }
}

/** Removes a payment from the view. */
export function forgettingWrite(paymentKey: string): StateWrite {
  return { paymentKey, state: null, dueAt: 0, endToEndId: null }
}
