import { v7 as uuidv7 } from 'uuid'
import type { Config } from '../config.ts'
import type { Logger } from '../observability/log.ts'
import type { StatusChangeRecord } from '../payment/status-change.ts'
import { withClients } from './with-clients.ts'

export interface TailOptions {
  readonly fromBeginning: boolean
  readonly signal: AbortSignal
  readonly onChange: (change: StatusChangeRecord, position: { partition: number; offset: bigint }) => void
  readonly onReady?: () => void
}

/** Follows `payments.status.changes`, read_committed, until the signal. Leaves no consumer group behind. */
export async function tailChanges(config: Config, logger: Logger, options: TailOptions): Promise<void> {
  await withClients({ config, logger, tool: 'tail', retries: 20 }, ['codecs'], async ({ topics, kafka, codecs }) => {
    const groupId = `paystatus-tail-${uuidv7()}`
    const consumer = kafka.consumer({ groupId, readUncommitted: false, maxWaitTimeInMs: 100 })
    const { promise: stopped, resolve, reject } = Promise.withResolvers<void>()
    options.signal.addEventListener('abort', () => resolve(), { once: true })
    if (options.signal.aborted) {
      resolve()
    }
    consumer.on('consumer.group_join', () => options.onReady?.())
    consumer.on('consumer.crash', ({ payload }) => (payload.restart ? undefined : reject(payload.error)))
    await consumer.connect()
    try {
      await consumer.subscribe({ topic: topics.changes, fromBeginning: options.fromBeginning })
      await consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          for (const message of batch.messages) {
            if (message.value !== null && !options.signal.aborted) {
              const position = { partition: batch.partition, offset: BigInt(message.offset) }
              const place = { topic: topics.changes, ...position }
              options.onChange(await codecs.change.decodeFetching(message.value, place), position)
            }
          }
        },
      })
      await stopped
    } finally {
      await consumer.disconnect()
      const admin = kafka.admin()
      await admin.connect()
      await admin.deleteGroups([groupId]).catch(() => {})
      await admin.disconnect()
    }
  })
}
