import type { PaymentCodecs } from '../avro/payment-codecs.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'

/**
 * The wanted states in `payments.status.current`. Before compaction the topic can hold several records of a payment; the last
 * one counts. Reads every partition to its current end.
 */
export async function currentStates(
  reader: Pick<PartitionReader, 'read'>,
  codecs: Pick<PaymentCodecs, 'state'>,
  topic: string,
  partitions: number,
  isWanted: (state: PaymentState) => boolean,
  signal?: AbortSignal,
): Promise<readonly PaymentState[]> {
  const wanted = new Map<string, PaymentState>()
  for (let partition = 0; partition < partitions; partition += 1) {
    await reader.read(
      topic,
      partition,
      0n,
      async (records) => {
        for (const { key, value, offset } of records) {
          const state = value === null ? null : await codecs.state.decodeFetching(value, { topic, partition, offset })
          if (state !== null && isWanted(state)) {
            wanted.set(state.paymentKey, state)
          } else {
            wanted.delete(String(key))
          }
        }
      },
      signal,
    )
  }
  return [...wanted.values()]
}
