import type { Config } from '../../config.ts'
import type { ReachCrashPoint } from '../../crash-point.ts'
import { createBodyOpener } from '../../encryption/open-bodies.ts'
import { createGroupOffsets } from '../../kafka/group-offsets.ts'
import { createKafkaAppendLog } from '../../kafka/kafka-append-log.ts'
import type { Logger } from '../../observability/log.ts'
import { sleep } from '../../sleep.ts'
import { openAudit } from '../audit/open-audit.ts'
import { recordAct } from '../audit/record-act.ts'
import { heapGuard } from '../verify/heap-guard.ts'
import { withClients } from '../with-clients.ts'
import type { ReprocessReport } from './reprocess-report.ts'
import { scopeFields } from './reprocess-scope.ts'
import { type ReprocessOptions, runReprocess } from './run-reprocess.ts'

/** Who applies it, why and how. */
export interface ReprocessApply {
  readonly by: string
  readonly reason: string
  readonly ratePerSecond: number
  readonly wait: boolean
  readonly crashPoint?: ReachCrashPoint | undefined
}

/**
 * Reads raw again with the mapping of this release and, with `apply`, publishes what differs. Rejects if Kafka or the
 * registry does not answer, if a transaction stays open, or with ReprocessRefusedError.
 */
export async function reprocess(
  config: Config,
  logger: Logger,
  { apply, ...options }: Omit<ReprocessOptions, 'apply'> & { readonly apply: ReprocessApply | null },
): Promise<ReprocessReport> {
  const context = { config, logger, tool: 'reprocess' }
  return withClients(context, ['brokers', 'codecs'], async ({ topics, kafka, reader, codecs }) => {
    const { signal, scope } = options
    const ports = {
      reader,
      bodies: createBodyOpener(config, topics, reader),
      offsets: createGroupOffsets(kafka),
      codecs,
      now: Date.now,
      clock: () => performance.now(),
      sleep: (ms: number) => sleep(ms, signal),
    }
    const base = { guardHeap: heapGuard(), ...options }
    if (apply === null) {
      return runReprocess(ports, config, { ...base, apply: null })
    }
    const { partitions } = config.kafka
    const events = createKafkaAppendLog(kafka, {
      topic: topics.events,
      partitions,
      waitingRecordsMax: 10_000,
      waitingBytesMax: 64 << 20,
      retryForMs: 30_000,
    })
    const audit = openAudit(kafka, topics.audit, partitions)
    const { by, reason, ratePerSecond, wait, crashPoint } = apply
    try {
      return await runReprocess(ports, config, {
        ...base,
        apply: {
          log: events.log,
          ratePerSecond,
          wait,
          crashPoint,
          recorded: (work) =>
            recordAct(audit.ports, { act: 'reprocess', by, reason, scope: scopeFields(scope) }, signal, work),
        },
      })
    } finally {
      await Promise.all([events.close(), audit.close()])
    }
  })
}
