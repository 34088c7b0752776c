import type { AvroCodec } from '../../avro/codec.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { GroupOffsets } from '../../stream/group-offsets.ts'
import type { PartitionReader } from '../../stream/partition-reader.ts'
import type { InRecord } from '../../stream/record.ts'
import type { TopicNames } from '../../topics.ts'
import { decodeOrNull } from './decode-or-null.ts'

/** The progress of the two stages when verify started. Work they had not done by then is not a difference. */
export interface StagesProgress {
  /** Per partition of raw, the next offset of the normalizer; null if it never committed one. */
  readonly normalized: readonly (bigint | null)[]
  /** Per partition of `events`, the ids of the events the status processor has yet to process; null if it never committed. */
  readonly pending: readonly (ReadonlySet<string> | null)[]
  readonly inFlight: { readonly callbacks: number; readonly events: number }
}

export interface StagesProgressOptions {
  readonly topics: Pick<TopicNames, 'raw' | 'events'>
  readonly groups: { readonly normalizer: string; readonly processor: string }
  readonly partitions: number
  readonly offsets: Pick<GroupOffsets, 'committed'>
  readonly reader: PartitionReader
  readonly codec: AvroCodec<PaymentEvent>
  readonly signal?: AbortSignal | undefined
}

/**
 * The order of the reads makes the result correct while callbacks keep arriving. The normalizer commits a callback after its
 * events are published, so the later reads find the events of every callback that is committed here.
 */
export async function progressOfStages(options: StagesProgressOptions): Promise<StagesProgress> {
  const { topics, groups, partitions, reader, codec, signal } = options
  const numbers = Array.from({ length: partitions }, (_, partition) => partition)
  const normalized = await Promise.all(numbers.map((of) => committed(options, groups.normalizer, topics.raw, of)))
  const processed = await Promise.all(numbers.map((of) => committed(options, groups.processor, topics.events, of)))
  const inFlight = { callbacks: 0, events: 0 }
  const pending: (ReadonlySet<string> | null)[] = []
  for (const partition of numbers) {
    const next = normalized[partition] ?? null
    inFlight.callbacks += lagOf(next, await reader.range(topics.raw, partition))
    const from = processed[partition] ?? null
    const ids = new Set<string>()
    inFlight.events += lagOf(from, await reader.range(topics.events, partition))
    if (from === null) {
      pending.push(null)
      continue
    }
    const readIds = async (records: readonly InRecord[]) => {
      for (const { value, offset } of records) {
        const event = await decodeOrNull(codec, value, { topic: topics.events, partition, offset })
        if (event !== null) {
          ids.add(event.eventId)
        }
      }
    }
    await reader.read(topics.events, partition, from, readIds, signal)
    pending.push(ids)
  }
  return { normalized, pending, inFlight }
}

async function committed(
  { offsets }: StagesProgressOptions,
  group: string,
  topic: string,
  partition: number,
): Promise<bigint | null> {
  const { offset } = await offsets.committed(group, topic, partition)
  return offset < 0n ? null : offset
}

function lagOf(next: bigint | null, range: { readonly start: bigint; readonly highWatermark: bigint }): number {
  const lag = range.highWatermark - (next ?? range.start)
  return lag > 0n ? Number(lag) : 0
}
