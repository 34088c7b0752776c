import type { Config } from '../config.ts'
import type { Logger } from '../observability/log.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import { partitionOf } from '../stream/partition-of.ts'
import { currentStates } from './current-states.ts'
import { withClients, withView } from './with-clients.ts'

export interface FoundPayments {
  readonly states: readonly PaymentState[]
  /** Where they were read: the view in Redis, or the topic, which is authoritative and slower. */
  readonly from: 'view' | 'topic'
}

/**
 * Finds payments by payment key, by the provider's own id, or by endToEndId (several payments can share one).
 *
 * Reads the view in Redis, or `payments.status.current` if Redis does not answer or `fromTopic` is set.
 */
export async function findPayments(
  config: Config,
  logger: Logger,
  wanted: string,
  { fromTopic = false }: { fromTopic?: boolean } = {},
): Promise<FoundPayments> {
  const keys = candidateKeys(config, wanted)
  return withClients({ config, logger, tool: 'show' }, ['codecs'], async ({ topics, reader, codecs }) => {
    const found = fromTopic ? undefined : await fromView(config, logger, wanted, keys)
    if (found !== undefined) {
      const states = found.map(({ partition, bytes }) =>
        codecs.state.decodeFetching(bytes, { topic: topics.current, partition, offset: null, inView: true }),
      )
      return { from: 'view', states: await Promise.all(states) }
    }
    const isWanted = ({ paymentKey, details }: PaymentState) =>
      keys.includes(paymentKey) || details.endToEndId === wanted
    const states = await currentStates(reader, codecs, topics.current, config.kafka.partitions, isWanted)
    return { from: 'topic', states }
  })
}

interface FoundBytes {
  readonly partition: number
  readonly bytes: Buffer
}

/** Undefined if Redis does not answer. */
async function fromView(
  config: Config,
  logger: Logger,
  wanted: string,
  keys: readonly string[],
): Promise<readonly FoundBytes[] | undefined> {
  const { partitions } = config.kafka
  try {
    return await withView(config, logger, async (store) => {
      const all = new Set(keys)
      for (let partition = 0; partition < partitions; partition += 1) {
        for (const key of await store.findByEndToEndId(partition, wanted)) {
          all.add(key)
        }
      }
      const found: FoundBytes[] = []
      for (const key of all) {
        const partition = partitionOf(Buffer.from(key), partitions)
        const [state] = (await store.read(partition, [key])).states
        if (state != null) {
          found.push({ partition, bytes: state })
        }
      }
      return found
    })
  } catch {
    return undefined
  }
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
