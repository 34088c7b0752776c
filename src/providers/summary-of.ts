import type { DeadLetter } from './provider.ts'

/** The reason of the first of several dead letters, and a message that names their number; null if there is none. */
export function summaryOf(deadLetters: readonly DeadLetter[]): Pick<DeadLetter, 'reason' | 'message'> | null {
  const [first] = deadLetters
  if (first === undefined) {
    return null
  }
  const { reason, message } = first
  const { length } = deadLetters
  return { reason, message: length === 1 ? message : `${length} elements cannot be read; the first: ${message}` }
}
