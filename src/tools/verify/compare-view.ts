import type { StateStore } from '../../processor/state-store.ts'
import type { Difference } from './payment-evidence.ts'

export interface ViewComparison {
  readonly store: Pick<StateStore, 'read' | 'scan'>
  readonly partition: number
  /** The last record of every payment in `current`; null is a tombstone. */
  readonly current: ReadonlyMap<string, Buffer | null>
  /** Compares only these payments; null compares all, and finds payments that only the view has. */
  readonly only: readonly string[] | null
  /** Brings `current` up to date. */
  readonly catchUp: () => Promise<void>
  /** Summarises a state. */
  readonly describe: (state: Buffer) => Promise<string>
  readonly sleep: (ms: number) => Promise<void>
}

const KEYS_PER_READ = 500
/** A payment may change during the comparison, so a difference is checked this often in total, with this pause in between. */
const LOOKS_MAX = 4
const PAUSE_MS = 250

/**
 * I6: at rest the view equals `current`, byte for byte. The view is written right after a commit, so it lags while a payment
 * changes: a payment that differs is read again from both and is reported if it differs every time.
 */
export async function compareView(comparison: ViewComparison): Promise<readonly Difference[]> {
  const { current, only, catchUp, describe, sleep } = comparison
  let view = only === null ? await scanned(comparison) : await readKeys(comparison, only)
  let suspects = differing(current, view)
  for (let look = 1; look < LOOKS_MAX && suspects.length > 0; look += 1) {
    await sleep(PAUSE_MS)
    view = await readKeys(comparison, suspects)
    await catchUp()
    suspects = differing(current, view)
  }
  return Promise.all(
    suspects.map(async (paymentKey): Promise<Difference> => {
      const textOf = (state: Buffer | null | undefined) => (state == null ? 'nothing' : describe(state))
      const [has, due] = await Promise.all([textOf(view.get(paymentKey)), textOf(current.get(paymentKey))])
      const text = `the view has ${has}, current ${has === due ? 'the same with other details' : due}`
      return { kind: 'viewDiffers', paymentKey, text }
    }),
  )
}

type View = ReadonlyMap<string, Buffer | null>

/** The payments whose bytes in the view differ from `current`; null for those missing in the view. */
async function scanned({ store, partition, current }: ViewComparison): Promise<View> {
  const seen = new Set<string>()
  const view = new Map<string, Buffer | null>()
  for await (const [paymentKey, bytes] of store.scan(partition)) {
    seen.add(paymentKey)
    if (!current.get(paymentKey)?.equals(bytes)) {
      view.set(paymentKey, bytes)
    }
  }
  for (const [paymentKey, state] of current) {
    if (state !== null && !seen.has(paymentKey)) {
      view.set(paymentKey, null)
    }
  }
  return view
}

async function readKeys({ store, partition }: ViewComparison, keys: readonly string[]): Promise<View> {
  const view = new Map<string, Buffer | null>()
  for (let at = 0; at < keys.length; at += KEYS_PER_READ) {
    const slice = keys.slice(at, at + KEYS_PER_READ)
    const { states } = await store.read(partition, slice)
    for (const [index, paymentKey] of slice.entries()) {
      view.set(paymentKey, states[index] ?? null)
    }
  }
  return view
}

function differing(current: ReadonlyMap<string, Buffer | null>, view: View): readonly string[] {
  return [...view].filter(([key, bytes]) => !isSame(current.get(key) ?? null, bytes)).map(([key]) => key)
}

function isSame(a: Buffer | null, b: Buffer | null): boolean {
  return a === null || b === null ? a === b : a.equals(b)
}
