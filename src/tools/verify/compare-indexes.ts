import type { StateStore } from '../../processor/state-store.ts'
import type { Difference } from './judge-payment.ts'

/** What the view keeps of a payment beside its state. */
export interface Indexed {
  /** Null if the due time cannot be said: the view was made with other settings. */
  readonly dueAt: number | null
  readonly endToEndId: string | null
}

export interface IndexComparison {
  readonly store: Pick<StateStore, 'dueTimes' | 'findByEndToEndId' | 'scanDue' | 'scanReferences'>
  readonly partition: number
  /** The last record of every payment in `current`; null is a tombstone. */
  readonly current: ReadonlyMap<string, Buffer | null>
  /** Only these payments; null compares all, and finds those that the indexes should not have. */
  readonly only: readonly string[] | null
  /** Brings `current` up to date. */
  readonly catchUp: () => Promise<void>
  /** What a state must be indexed by; null if it cannot be read. */
  readonly indexedBy: (state: Buffer) => Promise<Indexed | null>
  readonly sleep: (ms: number) => Promise<void>
}

const KEYS_PER_READ = 500
/** A payment that changes while it is looked at is looked at again, so often and with so long a pause between. */
const LOOKS_MAX = 4
const PAUSE_MS = 250

/**
 * I6: at rest every payment of `current`, and nothing else, has its due time and can be found by its endToEndId. What
 * differs is looked at again, and is a difference if it differs every time.
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

/** What is wrong with the indexes of each payment now. */
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

/** References that a payment should not have are found by looking at all. */
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
      : 'the view has a due time or a reference, current does not have the payment'
  }
  if (dueAt === null) {
    return 'the view has no due time: it will be neither overdue nor forgotten'
  }
  if (expected.dueAt !== null && dueAt !== expected.dueAt) {
    return `the view says due ${timeText(dueAt)}, current ${timeText(expected.dueAt)}`
  }
  const wanted = expected.endToEndId === null || expected.endToEndId === '' ? [] : [expected.endToEndId]
  if (wanted.some((one) => !references.includes(one))) {
    return 'the view does not find it by its endToEndId'
  }
  return references.length > wanted.length ? 'the view finds it by an endToEndId that it does not have' : null
}

/** Redis may hold what no date can be. */
function timeText(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : String(ms)
}
