import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { PaymentState } from '../../payment/apply-event.ts'
import type { StateStore } from '../../processor/state-store.ts'
import { partitionOf } from '../../stream/partition-of.ts'
import type { PartitionReader } from '../../stream/partition-reader.ts'
import type { TopicNames } from '../../topics.ts'
import { decodeAnything, decodeOrNull } from '../verify/decode-or-null.ts'

export interface StatesOfPorts {
  readonly reader: Pick<PartitionReader, 'read'>
  readonly codecs: Pick<PaymentCodecs, 'state'>
  readonly topics: Pick<TopicNames, 'current'>
  readonly partitions: number
  /** Null reads `current` itself: authoritative, but each call reads the partitions of these payments from their start. */
  readonly store: Pick<StateStore, 'read'> | null
}

/** The current states of the given payments. Payments without a state are left out. */
export async function statesOf(
  ports: StatesOfPorts,
  paymentKeys: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<Map<string, PaymentState>> {
  const { partitions, topics, codecs, store } = ports
  const states = new Map<string, PaymentState>()
  const decode = store === null ? decodeOrNull : decodeAnything
  for (const [partition, keys] of Map.groupBy(paymentKeys, (key) => partitionOf(Buffer.from(key), partitions))) {
    const place = { topic: topics.current, partition, offset: null, inView: store !== null }
    const bytes =
      store === null ? await readTopic(ports, partition, new Set(keys), signal) : await readView(store, partition, keys)
    for (const [key, value] of bytes) {
      const state = await decode(codecs.state, value, place)
      if (state !== null) {
        states.set(key, state)
      }
    }
  }
  return states
}

async function readView(
  store: Pick<StateStore, 'read'>,
  partition: number,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Buffer | null>> {
  const { states } = await store.read(partition, keys)
  return new Map(keys.map((key, index) => [key, states[index] ?? null]))
}

async function readTopic(
  { reader, topics }: StatesOfPorts,
  partition: number,
  keys: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, Buffer | null>> {
  const last = new Map<string, Buffer | null>()
  await reader.read(
    topics.current,
    partition,
    0n,
    (records) => {
      for (const { key, value } of records) {
        const paymentKey = String(key)
        if (keys.has(paymentKey)) {
          // A copy, because the record is a slice of the fetched buffer and would keep it in memory.
          last.set(paymentKey, value === null ? null : Buffer.from(value))
        }
      }
    },
    signal,
  )
  return last
}
