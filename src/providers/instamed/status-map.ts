import type { PaymentEvent, PaymentKind } from '../../payment/payment-event.ts'
import type { PaymentStatus } from '../../payment/payment-status.ts'
import type { DriftNotes } from '../drift.ts'
import { wordKey } from '../normalize-word.ts'

/**
 * Meaning of an InstaMed action and status code. The first matching row applies; `*` matches everything, including an
 * absent action.
 */
interface StatusRow {
  /**
   * `TransactionAction`. The end-of-day files call a sale `AuthCapt` and a refund `Credit`. `other`: absent, unreadable, or
   * an action that no row names. `unreadable`: sent, but cannot be read.
   */
  readonly actions: readonly string[] | '*' | 'other' | 'unreadable'
  /** `CurrentTransactionStatusCode`. */
  readonly codes: readonly string[] | '*'
  /** `new`: the message names another transaction as its original. `own`: it does not. */
  readonly id: 'own' | 'new' | '*'
  /** `primaryTransactionStatus`, only in name-value pairs. If omitted, the row matches any. */
  readonly primaryCode?: string
  readonly kind: PaymentKind
  readonly status: PaymentStatus
  readonly note: string
}

const SALE = ['Sale', 'AuthCapt']
const REFUND = ['Refund', 'Credit', 'SimpleRefund']
const RETURN = ['Return']

// biome-ignore format: one row per line, so that it can be read as a table
export const INSTAMED_STATUS_MAP: readonly StatusRow[] = [
  { actions: REFUND, codes: '*', id: 'own', primaryCode: 'V', kind: 'REFUND', status: 'VOIDED', note: 'the answer to a void of a refund' },
  { actions: '*', codes: '*', id: 'own', primaryCode: 'V', kind: 'PAYMENT', status: 'VOIDED', note: 'the answer to a void has the new status of the voided transaction' },

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

  { actions: 'other', codes: '*', id: 'new', kind: 'UNKNOWN', status: 'UNKNOWN', note: 'changes the original in an unknown way: outgoing money must not be counted as incoming' },

  { actions: RETURN, codes: ['C'], id: 'new', kind: 'RETURN', status: 'COMPLETED', note: 'return, as the end-of-day files call it' },
  { actions: RETURN, codes: ['C'], id: 'own', kind: 'PAYMENT', status: 'RETURNED', note: 'the same without an original' },
  { actions: RETURN, codes: ['S'], id: 'new', kind: 'RETURN', status: 'SETTLED', note: 'return settled' },
  { actions: RETURN, codes: ['SE'], id: 'new', kind: 'RETURN', status: 'SETTLEMENT_FAILED', note: 'return not settled' },
  { actions: RETURN, codes: ['D'], id: 'new', kind: 'RETURN', status: 'DECLINED', note: 'return declined' },
  { actions: RETURN, codes: ['V'], id: 'new', kind: 'RETURN', status: 'VOIDED', note: 'return voided' },
  { actions: RETURN, codes: '*', id: 'new', kind: 'RETURN', status: 'UNKNOWN', note: 'not documented' },
  { actions: RETURN, codes: '*', id: 'own', kind: 'PAYMENT', status: 'UNKNOWN', note: 'not documented' },

  { actions: SALE, codes: ['A', 'C'], id: '*', kind: 'PAYMENT', status: 'AUTHORIZED', note: 'approved; Member Payments never confirms settlement' },
  { actions: '*', codes: ['SE'], id: '*', kind: 'PAYMENT', status: 'SETTLEMENT_FAILED', note: 'settlement error, same transaction' },
  { actions: '*', codes: ['D'], id: '*', kind: 'PAYMENT', status: 'DECLINED', note: 'declined; not sent by Member Payments' },
  { actions: '*', codes: ['V'], id: '*', kind: 'PAYMENT', status: 'VOIDED', note: 'voided, same transaction' },
  { actions: 'unreadable', codes: '*', id: 'own', kind: 'UNKNOWN', status: 'UNKNOWN', note: 'could be a refund: outgoing money must not be counted as incoming' },
  { actions: '*', codes: ['S'], id: '*', kind: 'PAYMENT', status: 'SETTLED', note: 'settled; not sent by Member Payments' },
  { actions: '*', codes: ['O', 'X'], id: '*', kind: 'PAYMENT', status: 'UNKNOWN', note: 'card stored; canceled: their effect on a payment is not documented' },
  { actions: '*', codes: '*', id: '*', kind: 'PAYMENT', status: 'UNKNOWN', note: 'anything else is recorded without effect on the status' },
]

interface InstamedStatement {
  /** Null if it is absent or cannot be read. */
  readonly action: string | null
  readonly isActionUnreadable: boolean
  readonly code: string
  /** `primaryTransactionStatus`, in name-value pairs only. */
  readonly primaryCode: string | null
  /** True if another transaction is named as the original, even if its id cannot be read. */
  readonly hasOtherOriginal: boolean
}

/** Maps the message to the canonical kind and status. */
export function readInstamedStatus(
  statement: InstamedStatement,
): Pick<PaymentEvent, 'kind' | 'status' | 'unknownBecause'> {
  const row = instamedRowFor(statement)
  const status = row?.status ?? 'UNKNOWN'
  return { kind: row?.kind ?? 'PAYMENT', status, unknownBecause: status === 'UNKNOWN' ? 'STATUS' : null }
}

/** Notes words that are in no row, and pairs of action and code that only a catch-all row matches. */
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

/** The first matching row. The last row matches everything. */
export function instamedRowFor(statement: InstamedStatement): StatusRow | undefined {
  const action = statement.action === null ? null : wordKey(statement.action)
  const code = wordKey(statement.code)
  const primaryCode = statement.primaryCode === null ? null : wordKey(statement.primaryCode)
  const id = statement.hasOtherOriginal ? 'new' : 'own'
  return ROWS.find(
    ({ row, actions }) =>
      fitsAction(actions, action, statement.isActionUnreadable) &&
      fits(row.codes, code) &&
      (row.id === '*' || row.id === id) &&
      (row.primaryCode === undefined || row.primaryCode === primaryCode),
  )?.row
}

const ROWS = INSTAMED_STATUS_MAP.map((row) => ({
  row,
  actions: typeof row.actions === 'string' ? row.actions : row.actions.map(wordKey),
}))

/** The words of the table, as sent and as keys. */
const KNOWN_ACTIONS = wordsOf(INSTAMED_STATUS_MAP.map((row) => row.actions))
const KNOWN_CODES = wordsOf(INSTAMED_STATUS_MAP.map((row) => row.codes))

function wordsOf(columns: readonly (readonly string[] | string)[]): ReadonlySet<string> {
  return new Set(
    columns.flatMap((words) => (typeof words === 'string' ? [] : words.flatMap((word) => [word, wordKey(word)]))),
  )
}

/** Compares the word as sent first, which is enough for almost every callback. */
function isIn(words: ReadonlySet<string>, word: string): boolean {
  return words.has(word) || words.has(wordKey(word))
}

function fitsAction(allowed: StatusRow['actions'], action: string | null, isUnreadable: boolean): boolean {
  switch (allowed) {
    case 'unreadable':
      return isUnreadable
    case 'other':
      return action === null || !KNOWN_ACTIONS.has(action)
    default:
      return fits(allowed, action)
  }
}

function fits(allowed: readonly string[] | '*', word: string | null): boolean {
  return allowed === '*' || (word !== null && allowed.includes(word))
}
