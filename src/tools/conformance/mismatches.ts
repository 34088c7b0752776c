import { PHASES, type Phase } from './phases.ts'
import { sameDecimal } from './same-decimal.ts'
import { comparePairs, pairOf, pairText, type RowAmount, type TableRow } from './table-row.ts'
import type { Expectation, Story } from './tell-story.ts'

export type Table = ReadonlyMap<string, TableRow>
/** The subscriber's table when a phase was over; a phase that was not reached has none. */
export type Snapshots = Readonly<Partial<Record<Phase, Table>>>

/** A payment about which the table was wrong. */
export interface Mismatch {
  /** The first in which it was wrong. */
  readonly phase: Phase
  readonly expectation: Expectation
  /** Undefined: it has no row. */
  readonly row: TableRow | undefined
  readonly text: string
}

/** Every payment about which a table is wrong, once: what is wrong later follows from it. */
export function mismatchesOf({ expectedAfter }: Story, snapshots: Snapshots): readonly Mismatch[] {
  const found = new Map<string, Mismatch>()
  for (const phase of Object.keys(PHASES) as Phase[]) {
    const table = snapshots[phase]
    for (const [paymentKey, expectation] of table === undefined ? [] : expectedAfter[phase]) {
      const row = table?.get(paymentKey)
      const text = found.has(paymentKey) ? null : wrongWith(row, expectation)
      if (text !== null) {
        found.set(paymentKey, { phase, expectation, row, text })
      }
    }
  }
  return [...found.values()]
}

/** What is wrong with a row; null if it is right. */
export function wrongWith(row: TableRow | undefined, { presence, row: expected }: Expectation): string | null {
  if (row === undefined) {
    return presence === 'row' ? `there is no row, but it must be ${rowText(expected)}` : null
  }
  if (presence === 'none') {
    return `there must be no row, but it is ${rowText(row)}`
  }
  const isRight =
    comparePairs(pairOf(row), pairOf(expected)) === 0 &&
    row.status === expected.status &&
    (row.finality === undefined || row.finality === expected.finality) &&
    (row.kind === undefined || row.kind === expected.kind)
  if (!isRight) {
    return `the row is ${rowText(row)}, but must be ${rowText(expected)}`
  }
  return row.amount === undefined || sameAmount(row.amount, expected.amount ?? null)
    ? null
    : `the amount is ${amountText(row.amount)}, but must be ${amountText(expected.amount ?? null)}`
}

function sameAmount(a: RowAmount | null, b: RowAmount | null): boolean {
  return a === null || b === null ? a === b : a.currency === b.currency && sameDecimal(a.value, b.value)
}

function rowText(row: TableRow): string {
  const { status, finality, kind } = row
  const more = [finality, kind].filter((part) => part !== undefined).join(', ')
  return `${status} ${pairText(pairOf(row))}${more && ` (${more})`}`
}

function amountText(amount: RowAmount | null): string {
  return amount === null ? 'null' : `${amount.value} ${amount.currency ?? 'without a currency'}`
}
