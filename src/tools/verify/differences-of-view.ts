import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { Config } from '../../config.ts'
import { dueAt, fingerprintOf } from '../../processor/due.ts'
import type { StateStore } from '../../processor/state-store.ts'
import { fromMarkerText } from '../../processor/view-marker.ts'
import { compareIndexes } from './compare-indexes.ts'
import { compareView } from './compare-view.ts'
import { decodeAnything, decodeOrNull } from './decode-or-null.ts'
import type { PartitionEvidence } from './partition-evidence.ts'
import type { Difference } from './payment-evidence.ts'

export interface ViewPorts {
  readonly store: Omit<StateStore, 'write' | 'reset'>
  readonly codecs: PaymentCodecs
  readonly sleep: (ms: number) => Promise<void>
}

export interface ViewPart {
  readonly partition: number
  readonly evidence: Pick<PartitionEvidence, 'current' | 'catchUp'>
  /** Compares only these payments; null: all of the pass. */
  readonly only: readonly string[] | null
  /** Whether a payment of the view belongs to this pass. */
  readonly isInPass: (paymentKey: string) => boolean
}

/** I6: compares the view of a partition and its indexes with `current`. At most one difference per payment. */
export async function differencesOfView(
  ports: ViewPorts,
  { payments, topics }: { readonly payments: Config['payments']; readonly topics: { readonly current: string } },
  { partition, evidence, only, isInPass }: ViewPart,
): Promise<readonly Difference[]> {
  const store = partOfStore(ports.store, isInPass)
  const { codecs, sleep } = ports
  const comparison = {
    store,
    partition,
    current: evidence.current,
    only,
    catchUp: () => evidence.catchUp(),
    sleep,
  }
  const place = { topic: topics.current, partition, offset: null }
  const differences = await compareView({
    ...comparison,
    describe: async (bytes) => {
      const state = await decodeAnything(codecs.state, bytes, { ...place, inView: true })
      return state === null ? 'something that cannot be read' : `v${state.statusVersion} ${state.status}`
    },
  })
  // A stage with other settings has other due times, which are not wrong.
  const { dueBy } = fromMarkerText((await store.read(partition, [])).marker) ?? { dueBy: null }
  const ofIndexes = await compareIndexes({
    ...comparison,
    indexedBy: async (bytes) => {
      const state = await decodeOrNull(codecs.state, bytes, place)
      const { endToEndId } = state?.details ?? { endToEndId: null }
      return (
        state && {
          dueAt: dueBy === null || dueBy === fingerprintOf(payments) ? dueAt(state, payments) : null,
          endToEndId,
        }
      )
    },
  })
  // If the state of a payment differs, its index entries usually do, too.
  const known = new Set(differences.map(({ paymentKey }) => paymentKey))
  return [...differences, ...ofIndexes.filter(({ paymentKey }) => !known.has(paymentKey))]
}

/** The view restricted to some payments. */
function partOfStore(store: ViewPorts['store'], isIn: (paymentKey: string) => boolean) {
  return {
    read: (partition: number, keys: readonly string[]) => store.read(partition, keys),
    dueTimes: (partition: number, keys: readonly string[]) => store.dueTimes(partition, keys),
    findByEndToEndId: (partition: number, id: string) => store.findByEndToEndId(partition, id),
    scan: (partition: number) => filtered(store.scan(partition), ([paymentKey]) => isIn(paymentKey)),
    scanDue: (partition: number) => filtered(store.scanDue(partition), ([paymentKey]) => isIn(paymentKey)),
    scanReferences: (partition: number) =>
      filtered(store.scanReferences(partition), ([, paymentKey]) => isIn(paymentKey)),
  }
}

async function* filtered<T>(all: AsyncIterable<T>, isIn: (one: T) => boolean): AsyncGenerator<T> {
  for await (const one of all) {
    if (isIn(one)) {
      yield one
    }
  }
}
