import type { PaymentCodecs } from '../avro/payment-codecs.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import type { StateStore } from '../processor/state-store.ts'
import { isComplete } from '../processor/view-marker.ts'
import { partitionOf } from '../stream/partition-of.ts'
import { type StatesInTopicPorts, statesInTopic } from './states-in-topic.ts'
import { decodeAnything } from './verify/decode-or-null.ts'

/** Where a payment's state was read: the view in Redis, or the topic, which is authoritative and slower. */
export interface LoadedPayment {
  readonly state: PaymentState
  readonly from: 'view' | 'topic'
}

export interface LoadPorts extends StatesInTopicPorts {
  /** Null if Redis does not answer. */
  readonly store: Pick<StateStore, 'read'> | null
  /** Does the reading of the topic, which can take long. */
  readonly readTopic: <T>(read: () => Promise<T>) => Promise<T>
}

/**
 * The states of the given payments, from the view; from the topic where the view cannot tell or Redis does not answer. Payments
 * without a state are left out.
 */
export async function loadStates(
  { readTopic, ...ports }: LoadPorts,
  paymentKeys: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, LoadedPayment>> {
  const { store, codecs, topics, partitions } = ports
  const loaded = new Map<string, LoadedPayment>()
  const untold: string[] = []
  const byPartition = Map.groupBy(new Set(paymentKeys), (key) => partitionOf(Buffer.from(key), partitions))
  // All at once, so that a Redis that hangs delays the answer only once.
  await Promise.all(
    [...byPartition].map(async ([partition, keys]) => {
      const states = store && (await statesInView(store, codecs, topics.current, partition, keys).catch(() => null))
      untold.push(...(states === null ? keys : []))
      for (const [key, state] of states ?? []) {
        loaded.set(key, { state, from: 'view' })
      }
    }),
  )
  if (untold.length > 0) {
    signal?.throwIfAborted()
    const states = await readTopic(() => statesInTopic(ports, new Set(untold), signal))
    for (const [key, state] of states) {
      loaded.set(key, { state, from: 'topic' })
    }
  }
  return loaded
}

/**
 * The states of some payments of a partition in the view. Null if the view cannot tell: it is not complete, or it has a state
 * that cannot be read. Rejects if Redis does not answer.
 */
export async function statesInView(
  store: Pick<StateStore, 'read'>,
  codecs: Pick<PaymentCodecs, 'state'>,
  topic: string,
  partition: number,
  paymentKeys: readonly string[],
): Promise<ReadonlyMap<string, PaymentState> | null> {
  const { marker, states } = await store.read(partition, paymentKeys)
  if (!isComplete(marker)) {
    return null
  }
  const found = new Map<string, PaymentState>()
  for (const [index, key] of paymentKeys.entries()) {
    const bytes = states[index] ?? null
    const state = await decodeAnything(codecs.state, bytes, { topic, partition, offset: null, inView: true })
    if (state !== null) {
      found.set(key, state)
    } else if (bytes !== null) {
      return null
    }
  }
  return found
}
