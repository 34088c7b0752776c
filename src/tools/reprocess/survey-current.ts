import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { PaymentEvent } from '../../payment/payment-event.ts'
import type { PartitionReader } from '../../stream/partition-reader.ts'
import { firstRecord } from '../../stream/read-until.ts'
import { decodeOrNull } from '../verify/decode-or-null.ts'
import { isReadByNewer } from './remedies-of.ts'
import { isInScope, type ReprocessScope } from './reprocess-scope.ts'

export interface Survey {
  /** Payments in scope with an event that a newer release read: how many, and the first ones. */
  readonly newer: { readonly payments: number; readonly first: readonly string[] }
  /** One recorded event of each partition that has any, of a payment that is not forgotten. Published again, it changes nothing. */
  readonly samples: ReadonlyMap<number, PaymentEvent>
}

const LISTED_MAX = 20
/** Of a partition. If all of their payments were forgotten since, it has no sample. */
const CANDIDATES_MAX = 10_000

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
    // Where the last states of the latest payments are, the latest at the end.
    const states = new Map<string, bigint>()
    await reader.read(
      topic,
      partition,
      0n,
      async (records) => {
        for (const { key, value, offset } of records) {
          const state = await decodeOrNull(codecs.state, value, { topic, partition, offset })
          const paymentKey = String(key)
          newer.delete(paymentKey)
          states.delete(paymentKey)
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
          if (events.some(isSample)) {
            states.set(paymentKey, offset)
            if (states.size > CANDIDATES_MAX) {
              states.delete(states.keys().next().value as string)
            }
          }
        }
      },
      signal,
    )
    const latest = [...states.values()].at(-1)
    if (latest !== undefined) {
      const record = await firstRecord(reader, topic, partition, latest, signal)
      const value = record?.offset === latest ? record.value : null
      const state = await decodeOrNull(codecs.state, value, { topic, partition, offset: latest })
      const sample = state?.events.map(({ event }) => event).find(isSample)
      if (sample !== undefined) {
        samples.set(partition, sample)
      }
    }
    payments += newer.size
    first.push(...[...newer].slice(0, LISTED_MAX - first.length))
  }
  return { newer: { payments, first }, samples }
}

function isSample({ withdrawn }: PaymentEvent): boolean {
  return !withdrawn
}
