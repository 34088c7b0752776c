import type { StateStore } from '../../processor/state-store.ts'
import type { Difference } from './payment-evidence.ts'

/** A payment's entries in the indexes of the view. */
export interface Indexed {
  /** Null if unknown, because the view was written with other settings. */
  readonly dueAt: number | null
  readonly endToEndId: string | null
}

export interface IndexComparison {
  readonly store: Pick<StateStore, 'dueTimes' | 'findByEndToEndId' | 'scanDue' | 'scanReferences'>
  readonly partition: number
  /** The last record of every payment in `current`; null is a tombstone. */
  readonly current: ReadonlyMap<string, Buffer | null>
  /** Compares only these payments; null compares all, and finds surplus index entries. */
  readonly only: readonly string[] | null
  /** Brings `current` up to date. */
  readonly catchUp: () => Promise<void>
  /** The index entries that a state must have; null if it cannot be read. */
  readonly indexedBy: (state: Buffer) => Promise<Indexed | null>
  readonly sleep: (ms: number) => Promise<void>
}

const KEYS_PER_READ = 500
/** A payment may change during the comparison, so a difference is checked this often in total, with this pause in between. */
const LOOKS_MAX = 4
const PAUSE_MS = 250

/**
 * I6: at rest exactly the payments in `current` have a due time and can be found by their endToEndIds. A payment that
 * differs is checked again and is reported if it differs every time.
 */
export async function compareIndexes(comparison: IndexComparison): Promise<readonly Difference[]> {
  let suspects = await look(comparison)
  for (let again = 1; again < LOOKS_MAX && suspects.size > 0; again += 1) {
    await comparison.sleep(PAUSE_MS)
    await comparison.catchUp()
    const still = await look(comparison)
    suspects = new Map([...still].filter(([paymentKey]) => suspects.has(paymentKey)))
  }
  return [...suspects].map(([paymentKey, text]) => ({ kind: 'viewDiffers', paymentKey, text }))
}

/** The present problem of each payment whose index entries are wrong. */
function look(comparison: IndexComparison): Promise<ReadonlyMap<string, string>> {
  return comparison.only === null ? lookAtAll(comparison) : lookAtSome(comparison, comparison.only)
}

async function lookAtAll(comparison: IndexComparison): Promise<ReadonlyMap<string, string>> {
  const { store, partition, current, indexedBy } = comparison
  const dueTimes = new Map<string, number>()
  for await (const [paymentKey, dueAt] of store.scanDue(partition)) {
    dueTimes.set(paymentKey, dueAt)
  }
  const references = new Map<string, Set<string>>()
  for await (const [endToEndId, paymentKey] of store.scanReferences(partition)) {
    references.set(paymentKey, (references.get(paymentKey) ?? new Set()).add(endToEndId))
  }
  const problems = new Map<string, string>()
  for (const [paymentKey, state] of current) {
    const expected = state === null ? undefined : await indexedBy(state)
    if (expected !== null) {
      note(problems, paymentKey, expected, dueTimes.get(paymentKey) ?? null, [...(references.get(paymentKey) ?? [])])
    }
    dueTimes.delete(paymentKey)
    references.delete(paymentKey)
  }
  for (const paymentKey of new Set([...dueTimes.keys(), ...references.keys()])) {
    const found = [...(references.get(paymentKey) ?? [])]
    note(problems, paymentKey, undefined, dueTimes.get(paymentKey) ?? null, found)
  }
  return problems
}

/** Does not find surplus references; `lookAtAll` does. */
async function lookAtSome(
  { store, partition, current, indexedBy }: IndexComparison,
  keys: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const problems = new Map<string, string>()
  for (let at = 0; at < keys.length; at += KEYS_PER_READ) {
    const slice = keys.slice(at, at + KEYS_PER_READ)
    const dueTimes = await store.dueTimes(partition, slice)
    for (const [index, paymentKey] of slice.entries()) {
      const state = current.get(paymentKey) ?? null
      const expected = state === null ? undefined : await indexedBy(state)
      if (expected !== null) {
        const endToEndId = expected?.endToEndId ?? null
        const isFound =
          endToEndId !== null && (await store.findByEndToEndId(partition, endToEndId)).includes(paymentKey)
        note(problems, paymentKey, expected, dueTimes[index] ?? null, isFound ? [endToEndId] : [])
      }
    }
  }
  return problems
}

/** `expected` is undefined for a payment that `current` does not have. */
function note(
  problems: Map<string, string>,
  paymentKey: string,
  expected: Indexed | undefined,
  dueAt: number | null,
  references: readonly string[],
): void {
  const text = problemOf(expected, dueAt, references)
  if (text !== null) {
    problems.set(paymentKey, text)
  }
}

function problemOf(expected: Indexed | undefined, dueAt: number | null, references: readonly string[]): string | null {
  if (expected === undefined) {
    return dueAt === null && references.length === 0
      ? null
      : 'the view has a due time or a reference, but the payment is not in current'
  }
  if (dueAt === null) {
    return 'the view has no due time: the payment will become neither overdue nor forgotten'
  }
  if (expected.dueAt !== null && dueAt !== expected.dueAt) {
    return `due ${timeText(dueAt)} in the view, ${timeText(expected.dueAt)} according to current`
  }
  const wanted = expected.endToEndId === null || expected.endToEndId === '' ? [] : [expected.endToEndId]
  if (wanted.some((one) => !references.includes(one))) {
    return 'the view does not find the payment by its endToEndId'
  }
  return references.length > wanted.length ? 'the view finds the payment by an endToEndId that it does not have' : null
}

/** Redis may hold a number outside the range of dates. */
function timeText(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms)
}
