import type { Config } from '../config.ts'
import { followTopic } from '../kafka/follow-topic.ts'
import type { Logger } from '../observability/log.ts'
import type { StatusChangeRecord } from '../payment/status-change.ts'
import { withClients } from './with-clients.ts'

export interface TailOptions {
  readonly fromBeginning: boolean
  readonly signal: AbortSignal
  readonly onChange: (change: StatusChangeRecord, position: { partition: number; offset: bigint }) => void
  readonly onReady?: () => void
}

/** Follows `payments.status.changes`, read_committed, until the signal. */
export async function tailChanges(config: Config, logger: Logger, options: TailOptions): Promise<void> {
  const { fromBeginning, signal, onChange, onReady } = options
  await withClients({ config, logger, tool: 'tail' }, ['codecs'], ({ topics, kafka, codecs }) =>
    followTopic(kafka, topics.changes, {
      fromBeginning,
      signal,
      onReady,
      onRecords: async (partition, records) => {
        for (const { offset, value } of records) {
          if (value !== null && !signal.aborted) {
            const place = { topic: topics.changes, partition, offset }
            onChange(await codecs.change.decodeFetching(value, place), { partition, offset })
          }
        }
      },
    }),
  )
}
