import type { PaymentCodecs } from '../avro/payment-codecs.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import { partitionOf } from '../stream/partition-of.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import type { TopicNames } from '../topics.ts'
import { decodeOrNull } from './verify/decode-or-null.ts'

export interface StatesInTopicPorts {
  readonly reader: Pick<PartitionReader, 'read'>
  readonly codecs: Pick<PaymentCodecs, 'state'>
  readonly topics: Pick<TopicNames, 'current'>
  readonly partitions: number
}

/**
 * The states of the given payments in `current`: authoritative, but each call reads the partitions of these payments from their
 * start. Payments without a state are left out.
 */
export async function statesInTopic(
  ports: StatesInTopicPorts,
  paymentKeys: ReadonlySet<string>,
  signal?: AbortSignal,
): Promise<Map<string, PaymentState>> {
  const { partitions, topics, codecs } = ports
  const states = new Map<string, PaymentState>()
  for (const [partition, keys] of Map.groupBy(paymentKeys, (key) => partitionOf(Buffer.from(key), partitions))) {
    for (const [key, value] of await latestOf(ports, partition, new Set(keys), signal)) {
      const state = await decodeOrNull(codecs.state, value, { topic: topics.current, partition, offset: null })
      if (state !== null) {
        states.set(key, state)
      }
    }
  }
  return states
}

async function latestOf(
  { reader, topics }: StatesInTopicPorts,
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
