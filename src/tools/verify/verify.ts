import type { Config } from '../../config.ts'
import { createBodyOpener } from '../../encryption/open-bodies.ts'
import { createGroupOffsets } from '../../kafka/group-offsets.ts'
import type { Logger } from '../../observability/log.ts'
import type { RedisStateStore } from '../../processor/redis-state-store.ts'
import { sleep } from '../../sleep.ts'
import { withClients, withView } from '../with-clients.ts'
import type { ComparisonOptions } from './comparison.ts'
import { heapGuard } from './heap-guard.ts'
import { runVerification } from './verification.ts'
import type { VerifyReport } from './verify-report.ts'

export interface VerifyOptions extends ComparisonOptions {
  /** Whether to compare the view in Redis, too; true by default. */
  readonly view?: boolean
}

/**
 * Recomputes every payment from the raw callbacks and compares it with `changes`, `current` and the view in Redis.
 *
 * Can run while the stages run. It only reads and leaves no consumer group behind. While callbacks keep arriving, it judges
 * what both stages had processed when it started.
 *
 * Rejects if Kafka, the registry or (with the view) Redis does not answer, and if a transaction stays open.
 */
export async function verify(config: Config, logger: Logger, options: VerifyOptions = {}): Promise<VerifyReport> {
  const context = { config, logger, tool: 'verify' }
  return withClients(context, ['brokers', 'codecs'], ({ topics, kafka, reader, codecs }) => {
    const compare = (store: RedisStateStore | null) => {
      const ports = {
        reader,
        bodies: createBodyOpener(config, topics, reader),
        offsets: createGroupOffsets(kafka),
        codecs,
        store,
        now: Date.now,
        sleep: (ms: number) => sleep(ms, options.signal),
      }
      return runVerification(ports, config, { guardHeap: heapGuard(), ...options })
    }
    return options.view === false ? compare(null) : withView(config, logger, compare)
  })
}
