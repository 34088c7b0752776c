import type { PaymentCodecs } from '../avro/payment-codecs.ts'
import type { Config } from '../config.ts'
import type { Logger } from '../observability/log.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import type { RedisStateStore } from '../processor/redis-state-store.ts'
import type { StateStore } from '../processor/state-store.ts'
import { partitionOf } from '../stream/partition-of.ts'
import type { TopicNames } from '../topics.ts'
import { currentStates } from './current-states.ts'
import { type LoadedPayment, statesInView } from './load-states.ts'
import { withClients, withView } from './with-clients.ts'

export interface FoundPayments {
  readonly states: readonly PaymentState[]
  readonly from: LoadedPayment['from']
}

/** Why the view was not used although it was wanted. */
export type NoView = 'no-answer' | 'incomplete'

export interface FindOptions {
  readonly fromTopic?: boolean
  /** Called before the topic is read for want of the view, because that can take long. */
  readonly onNoView?: (why: NoView) => void
  readonly signal?: AbortSignal
}

/**
 * Finds payments by payment key, by the provider's own id, or by endToEndId (several payments can share one).
 *
 * Reads the view in Redis, or `payments.status.current` if Redis does not answer, the view is not complete in every partition, or
 * `fromTopic` is set.
 */
export async function findPayments(
  config: Config,
  logger: Logger,
  wanted: string,
  { fromTopic = false, onNoView, signal }: FindOptions = {},
): Promise<FoundPayments> {
  const keys = candidateKeys(config, wanted)
  const { partitions } = config.kafka
  return withClients({ config, logger, tool: 'show' }, ['codecs'], async ({ topics, reader, codecs }) => {
    if (!fromTopic) {
      const find = (store: RedisStateStore) => findInView({ store, codecs, topics, partitions }, wanted, keys)
      const states = await withView(config, logger, find).catch((): NoView => 'no-answer')
      if (typeof states !== 'string') {
        return { from: 'view', states }
      }
      onNoView?.(states)
    }
    const isWanted = ({ paymentKey, details }: PaymentState) =>
      keys.includes(paymentKey) || details.endToEndId === wanted
    const states = await currentStates(reader, codecs, topics.current, partitions, isWanted, signal)
    return { from: 'topic', states }
  })
}

export interface ViewPorts {
  readonly store: Pick<StateStore, 'read' | 'findByEndToEndId'>
  readonly codecs: Pick<PaymentCodecs, 'state'>
  readonly topics: Pick<TopicNames, 'current'>
  readonly partitions: number
}

/** Every partition must be complete, because a payment with this endToEndId can be in any. Rejects if Redis does not answer. */
export async function findInView(
  { store, codecs, topics, partitions }: ViewPorts,
  wanted: string,
  keys: readonly string[],
): Promise<readonly PaymentState[] | 'incomplete'> {
  const found: PaymentState[] = []
  for (let partition = 0; partition < partitions; partition += 1) {
    const read = (some: readonly string[]) => statesInView(store, codecs, topics.current, partition, some)
    const own = keys.filter((key) => partitionOf(Buffer.from(key), partitions) === partition)
    const byKey = await read(own)
    const referring = await store.findByEndToEndId(partition, wanted)
    // Complete before and after the references were read: then they are all there.
    const byReference = await read(referring.filter((key) => !own.includes(key)))
    if (byKey === null || byReference === null) {
      return 'incomplete'
    }
    found.push(...byKey.values(), ...byReference.values())
  }
  return found
}

/** The payment keys that an id can stand for: itself, or a provider's id in any configured namespace. */
function candidateKeys(config: Config, wanted: string): readonly string[] {
  const namespaces = new Set(config.sources.map((source) => source.namespace))
  const keys = [wanted]
  for (const namespace of namespaces) {
    keys.push(`${namespace}:${wanted}`, `${namespace}:${wanted.toLowerCase()}`, `${namespace}:e2e:${wanted}`)
  }
  return [...new Set(keys)]
}
