import { sleep } from '../sleep.ts'
import { refusalOf } from './errors.ts'
import { require } from './replace-module.ts'

interface ConsumerGroup {
  joinAndSync(): Promise<void>
}

/** A consumer that is to stop waits for a join that is on its way, so it must not be for ever. */
const TRIED_FOR_MS = 5_000
const TRY_AGAIN_AFTER_MS = 100

/**
 * Makes a consumer join until it has joined, with the membership that it has. After a join that fails (the group's new
 * coordinator just loads it, a connection ends) the original goes on fetching, as a member of before. If it was told that
 * it is not a member any more, it has forgotten its id by then: it never sends a heartbeat again, so that it never learns
 * that it should join, and every commit is refused.
 *
 * Met after a broker was frozen for longer than the session: a partition in doubt stood still for the minute that a test
 * waited. That this was the cause was read from kafkajs's code, not caught in the act.
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
  /** For kafkajs, which otherwise goes on fetching: the consumer starts anew (KafkaGroupConsumer). */
  readonly retriable = false

  constructor(cause: unknown) {
    super(`joining the group failed: ${(cause as Error).message}`, { cause })
    this.name = 'JoinFailedError'
  }
}
