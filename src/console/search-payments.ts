import type { PaymentState } from '../payment/apply-event.ts'
import { matchesOf } from './payment-ids.ts'
import type { ConsoleWorld } from './world.ts'

export interface FoundPayment {
  readonly state: PaymentState
  /** Which of its ids matched. */
  readonly matched: readonly string[]
}

export interface SearchResult {
  readonly payments: readonly FoundPayment[]
  /** Where the next page begins; null: this was the last one. */
  readonly next: number | null
  /** False while the index is being built: other ids than key, provider's id and endToEndId may not be found yet. */
  readonly complete: boolean
}

/** Longer than every id that paystatus accepts, with its namespace. */
export const ID_CHARS_MAX = 256

/**
 * Finds payments by any published id. The index only proposes, and so does the view while the index is being built; every payment is
 * read, and returned only if one of its ids is the wanted one.
 */
export async function searchPayments(
  world: Pick<ConsoleWorld, 'board' | 'feed' | 'load' | 'findWithoutIndex'>,
  text: string,
  offset: number,
  limit: number,
  signal: AbortSignal,
): Promise<SearchResult> {
  const id = text.trim()
  const complete = world.feed.progress.phase === 'following'
  if (id === '' || id.length > ID_CHARS_MAX) {
    return { payments: [], next: null, complete }
  }
  const states = complete ? [] : await world.findWithoutIndex(id, signal)
  const candidates = [...new Set([...world.board.candidates(id), ...states.map(({ paymentKey }) => paymentKey)])]
  const page = candidates.slice(offset, offset + limit)
  const loaded = await world.load(page, signal)
  const payments = page.flatMap((paymentKey) => foundIn(loaded.get(paymentKey)?.state, id))
  const next = offset + limit < candidates.length ? offset + limit : null
  return { payments, next, complete }
}

function foundIn(state: PaymentState | undefined, id: string): readonly FoundPayment[] {
  const matched = state === undefined ? [] : matchesOf(state, id)
  return state === undefined || matched.length === 0 ? [] : [{ state, matched }]
}
