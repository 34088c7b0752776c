import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { PartitionReader } from '../../stream/partition-reader.ts'
import { decodeOrNull } from '../verify/decode-or-null.ts'
import { isReadByNewer } from './remedies-of.ts'
import { isInScope, type ReprocessScope } from './reprocess-scope.ts'

export interface Survey {
  /** Payments in scope with an event that a newer release read: how many, and the first ones. */
  readonly newer: { readonly payments: number; readonly first: readonly string[] }
  /** One recorded event of each partition that has any. Published again, it changes nothing. */
  readonly samples: ReadonlyMap<number, PaymentEvent>
}

const LISTED_MAX = 20

/** Scans `current` before anything is published. Keeps only the keys of one partition in memory. */
export async function surveyCurrent(
  { reader, codecs }: { readonly reader: Pick<PartitionReader, 'read'>; readonly codecs: Pick<PaymentCodecs, 'state'> },
  topic: string,
  partitions: number,
  scope: ReprocessScope,
  signal?: AbortSignal,
): Promise<Survey> {
  const samples = new Map<number, PaymentEvent>()
  const first: string[] = []
  let payments = 0
  for (let partition = 0; partition < partitions; partition += 1) {
    const newer = new Set<string>()
    await reader.read(
      topic,
      partition,
      0n,
      async (records) => {
        for (const { key, value, offset } of records) {
          const state = await decodeOrNull(codecs.state, value, { topic, partition, offset })
          const paymentKey = String(key)
          newer.delete(paymentKey)
          if (state === null) {
            continue
          }
          const events = state.events.map(({ event }) => event)
          const evidence = {
            paymentKey,
            raw: [],
            current: { kind: 'state', state },
            changes: [],
            deadLetters: new Map(),
          } as const
          if (events.some(isReadByNewer) && isInScope(scope, evidence)) {
            newer.add(paymentKey)
          }
          const sample = events.find(({ withdrawn }) => !withdrawn)
          if (sample !== undefined) {
            samples.set(partition, sample)
          }
        }
      },
      signal,
    )
    payments += newer.size
    first.push(...[...newer].slice(0, LISTED_MAX - first.length))
  }
  return { newer: { payments, first }, samples }
}
