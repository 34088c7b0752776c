import type { PaymentEvent, PaymentKind } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import type { DriftNotes } from '../drift.ts'
import { normalizeWord } from '../normalize-word.ts'

/**
 * What an InstaMed action and status code mean. The first row that fits decides; `*` fits everything, also an action
 * that is not given.
 */
interface StatusRow {
  /**
   * `TransactionAction`. `AuthCapt` and `Credit` are what the end-of-day files call a sale and a refund. `other`: one that
   * no row names, or none.
   */
  readonly actions: readonly string[] | '*' | 'other'
  /** `CurrentTransactionStatusCode`. */
  readonly codes: readonly string[] | '*'
  /** `own`: the message names no other transaction as its original. `new`: it does. */
  readonly id: 'own' | 'new' | '*'
  /** `primaryTransactionStatus`, in name-value pairs only; without it the row fits any. */
  readonly primaryCode?: string
  readonly kind: PaymentKind
  readonly status: PaymentStatus
  readonly note: string
}

const SALE = ['Sale', 'AuthCapt']
const REFUND = ['Refund', 'Credit', 'SimpleRefund', 'Simple Refund']
const RETURN = ['Return']

// biome-ignore format: one row per line, so that it can be read as a table
export const INSTAMED_STATUS_MAP: readonly StatusRow[] = [
  { actions: '*', codes: '*', id: 'own', primaryCode: 'V', kind: 'PAYMENT', status: 'VOIDED', note: 'the answer to a void carries the new status of the voided transaction' },

  { actions: REFUND, codes: ['C'], id: '*', kind: 'REFUND', status: 'COMPLETED', note: 'refund approved' },
  { actions: REFUND, codes: ['S'], id: '*', kind: 'REFUND', status: 'SETTLED', note: 'refund settled' },
  { actions: REFUND, codes: ['SE'], id: '*', kind: 'REFUND', status: 'SETTLEMENT_FAILED', note: 'refund not settled' },
  { actions: REFUND, codes: ['D'], id: '*', kind: 'REFUND', status: 'DECLINED', note: 'refund declined' },
  { actions: REFUND, codes: ['V'], id: '*', kind: 'REFUND', status: 'VOIDED', note: 'refund voided' },
  { actions: REFUND, codes: ['CB', 'RI'], id: 'own', kind: 'REFUND', status: 'RETURNED', note: 'the refund itself came back' },
  { actions: REFUND, codes: '*', id: '*', kind: 'REFUND', status: 'UNKNOWN', note: 'not documented' },

  { actions: '*', codes: ['CB'], id: 'new', kind: 'CHARGEBACK', status: 'COMPLETED', note: 'chargeback of the original' },
  { actions: '*', codes: ['CB'], id: 'own', kind: 'PAYMENT', status: 'RETURNED', note: 'chargeback without an original: the money is gone' },
  { actions: '*', codes: ['RI'], id: 'new', kind: 'RETURN', status: 'COMPLETED', note: 'return of the original' },
  { actions: '*', codes: ['RI'], id: 'own', kind: 'PAYMENT', status: 'RETURNED', note: 'return without an original: the money is gone' },

  { actions: 'other', codes: '*', id: 'new', kind: 'UNKNOWN', status: 'UNKNOWN', note: 'does something to the original, and nobody says what: money out must not be counted as money in' },

  { actions: RETURN, codes: ['C'], id: 'new', kind: 'RETURN', status: 'COMPLETED', note: 'return, as the end-of-day files name it' },
  { actions: RETURN, codes: ['C'], id: 'own', kind: 'PAYMENT', status: 'RETURNED', note: 'the same without an original' },
  { actions: RETURN, codes: ['S'], id: 'new', kind: 'RETURN', status: 'SETTLED', note: 'return settled' },
  { actions: RETURN, codes: ['SE'], id: 'new', kind: 'RETURN', status: 'SETTLEMENT_FAILED', note: 'return not settled' },
  { actions: RETURN, codes: ['D'], id: 'new', kind: 'RETURN', status: 'DECLINED', note: 'return declined' },
  { actions: RETURN, codes: ['V'], id: 'new', kind: 'RETURN', status: 'VOIDED', note: 'return voided' },
  { actions: RETURN, codes: '*', id: 'new', kind: 'RETURN', status: 'UNKNOWN', note: 'not documented' },
  { actions: RETURN, codes: '*', id: 'own', kind: 'PAYMENT', status: 'UNKNOWN', note: 'not documented' },

  { actions: SALE, codes: ['A', 'C'], id: '*', kind: 'PAYMENT', status: 'AUTHORIZED', note: 'approved; Member Payments never confirms settlement' },
  { actions: '*', codes: ['S'], id: '*', kind: 'PAYMENT', status: 'SETTLED', note: 'settled; not sent by Member Payments' },
  { actions: '*', codes: ['SE'], id: '*', kind: 'PAYMENT', status: 'SETTLEMENT_FAILED', note: 'settlement error, same transaction' },
  { actions: '*', codes: ['D'], id: '*', kind: 'PAYMENT', status: 'DECLINED', note: 'declined; not sent by Member Payments' },
  { actions: '*', codes: ['V'], id: '*', kind: 'PAYMENT', status: 'VOIDED', note: 'voided, same transaction' },
  { actions: '*', codes: ['O', 'X'], id: '*', kind: 'PAYMENT', status: 'UNKNOWN', note: 'card stored; canceled: their effect on a payment is not documented' },
  { actions: '*', codes: '*', id: '*', kind: 'PAYMENT', status: 'UNKNOWN', note: 'anything else is kept and moves nothing' },
]

interface InstamedStatement {
  readonly action: string | null
  readonly code: string
  /** `primaryTransactionStatus`, in name-value pairs only. */
  readonly primaryCode: string | null
  /** Another transaction is named as the original, whether its id can be read or not. */
  readonly hasOtherOriginal: boolean
}

/** What the message says, in our vocabulary. */
export function readInstamedStatus(
  statement: InstamedStatement,
): Pick<PaymentEvent, 'kind' | 'status' | 'unknownBecause'> {
  const row = instamedRowFor(statement)
  const status = row?.status ?? 'UNKNOWN'
  return { kind: row?.kind ?? 'PAYMENT', status, unknownBecause: status === 'UNKNOWN' ? 'STATUS' : null }
}

/** Notes words that are in no row, and pairs of an action and a code that only a catch-all row takes. */
export function noteInstamedStatus(drift: DriftNotes, statement: InstamedStatement, status: PaymentStatus): void {
  const { action, code, primaryCode } = statement
  if (action !== null && !isIn(KNOWN_ACTIONS, action)) {
    drift.word('action', action)
  }
  if (primaryCode !== null && !isIn(KNOWN_CODES, primaryCode)) {
    drift.word('sub-status', primaryCode)
  }
  if (!isIn(KNOWN_CODES, code) || (status === 'UNKNOWN' && instamedRowFor(statement)?.codes === '*')) {
    drift.word('status', ...(action === null ? [] : [action]), code)
  }
}

/** The first row that fits. The last one fits everything. */
export function instamedRowFor(statement: InstamedStatement): StatusRow | undefined {
  const action = statement.action === null ? null : normalizeWord(statement.action)
  const code = normalizeWord(statement.code)
  const primaryCode = statement.primaryCode === null ? null : normalizeWord(statement.primaryCode)
  const id = statement.hasOtherOriginal ? 'new' : 'own'
  return ROWS.find(
    ({ row, actions }) =>
      fitsAction(actions, action) &&
      fits(row.codes, code) &&
      (row.id === '*' || row.id === id) &&
      (row.primaryCode === undefined || row.primaryCode === primaryCode),
  )?.row
}

const ROWS = INSTAMED_STATUS_MAP.map((row) => ({
  row,
  actions: typeof row.actions === 'string' ? row.actions : row.actions.map(normalizeWord),
}))

/** The words of the table, as they are sent and as they are compared. */
const KNOWN_ACTIONS = wordsOf(INSTAMED_STATUS_MAP.map((row) => row.actions))
const KNOWN_CODES = wordsOf(INSTAMED_STATUS_MAP.map((row) => row.codes))

function wordsOf(columns: readonly (readonly string[] | string)[]): ReadonlySet<string> {
  return new Set(
    columns.flatMap((words) => (typeof words === 'string' ? [] : words.flatMap((word) => [word, normalizeWord(word)]))),
  )
}

/** As sent first: almost every callback ends there. */
function isIn(words: ReadonlySet<string>, word: string): boolean {
  return words.has(word) || words.has(normalizeWord(word))
}

function fitsAction(allowed: StatusRow['actions'], action: string | null): boolean {
  return allowed === 'other' ? action === null || !KNOWN_ACTIONS.has(action) : fits(allowed, action)
}

function fits(allowed: readonly string[] | '*', word: string | null): boolean {
  return allowed === '*' || (word !== null && allowed.includes(word))
}
