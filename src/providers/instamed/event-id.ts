import { normalizeWord } from '../normalize-word.ts'

/** Their interfaces disagree about the case of an id (webhook lower, name-value pairs upper): compared in lower case. */
export function instamedPaymentKey(namespace: string, transactionId: string): string {
  return `${namespace}:${transactionId.toLowerCase()}`
}

/** A void is the same transaction with a new code, so that the id alone would drop it as a repeat. */
export function instamedNaturalKey(action: string | null, code: string): string {
  return `${action === null ? '' : normalizeWord(action)}|${normalizeWord(code)}`
}
