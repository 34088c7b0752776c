import type { Config } from '../../config.ts'
import type { Logger } from '../../observability/log.ts'
import { currentStates } from '../current-states.ts'
import { withClients } from '../with-clients.ts'
import { awaitStatuses, type Mismatch } from './await-statuses.ts'

/** Runs `awaitStatuses` against `payments.status.current`. Rejects if Kafka or the registry does not answer. */
export function awaitInCurrent(
  config: Config,
  logger: Logger,
  report: Parameters<typeof awaitStatuses>[0],
  options: Parameters<typeof awaitStatuses>[2],
): Promise<readonly Mismatch[]> {
  return withClients({ config, logger, tool: 'simulate' }, ['codecs'], ({ topics, reader, codecs }) => {
    const readPayments = async () => {
      const states = await currentStates(reader, codecs, topics.current, config.kafka.partitions, () => true)
      return new Map(states.map((state) => [state.paymentKey, state]))
    }
    return awaitStatuses(report, readPayments, options)
  })
}
