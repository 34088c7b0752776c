import { normalizeWord } from '../normalize-word.ts'

export function v2PaymentKey(namespace: string, paymentId: string): string {
  return `${namespace}:${paymentId}`
}

/**
 * Status, sub-status and time name one step of a payment, also when it is sent again under a new envelope. The
 * envelope's `source` has no place here: its form varies.
 */
export function v2NaturalKey(
  sourceStatus: string,
  sourceSubStatus: string | null,
  statusUpdatedAt: string | null,
): string {
  const subStatus = sourceSubStatus === null ? '' : normalizeWord(sourceSubStatus)
  return `${normalizeWord(sourceStatus)}|${subStatus}|${statusUpdatedAt ?? ''}`
}
