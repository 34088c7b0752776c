import { sleep } from '../sleep.ts'
import { refusalOf } from './errors.ts'
import { require } from './replace-module.ts'

interface ConsumerGroup {
  joinAndSync(): Promise<void>
}

/** A stopping consumer waits for a join in progress, so the retries must be bounded. */
const TRIED_FOR_MS = 5_000
const TRY_AGAIN_AFTER_MS = 100

/**
 * Makes a consumer retry a join, with its current membership, until it succeeds. After a failed join (the group's new
 * coordinator is still loading the group, a connection closes) the original continues to fetch with its previous
 * membership. If it was told that it is no longer a member, it has already discarded its member id: it sends no more
 * heartbeats, so it never learns that it should join, and every commit is refused.
 *
 * Observed after a broker was frozen for longer than the session timeout: a partition in doubt stalled for the minute
 * that a test waited. The cause was inferred from kafkajs's code, not observed directly.
 */
export function joinUntilJoined(): void {
  const { prototype } = require('kafkajs/src/consumer/consumerGroup.js') as { prototype: ConsumerGroup }
  const { joinAndSync } = prototype
  prototype.joinAndSync = async function (this: ConsumerGroup) {
    for (const since = performance.now(); ; ) {
      try {
        await joinAndSync.call(this)
        return
      } catch (error) {
        if (refusalOf(error) !== null || performance.now() - since > TRIED_FOR_MS) {
          throw new JoinFailedError(error)
        }
      }
      await sleep(TRY_AGAIN_AFTER_MS)
    }
  }
}

class JoinFailedError extends Error {
  readonly code = 'JOIN_FAILED'
  /** Keeps kafkajs from fetching on; KafkaGroupConsumer restarts the consumer. */
  readonly retriable = false

  constructor(cause: unknown) {
    super(`joining the group failed: ${(cause as Error).message}`, { cause })
    this.name = 'JoinFailedError'
  }
}
