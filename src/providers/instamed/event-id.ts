import { normalizeWord } from '../normalize-word.ts'

/** The webhook sends ids in lower case, name-value pairs in upper case; keys are in lower case. */
export function instamedPaymentKey(namespace: string, transactionId: string): string {
  return `${namespace}:${transactionId.toLowerCase()}`
}

/** A void is the same transaction with a new code, so the transaction id alone would make it a duplicate. */
export function instamedNaturalKey(action: string | null, code: string): string {
  return `${action === null ? '' : normalizeWord(action)}|${normalizeWord(code)}`
}
