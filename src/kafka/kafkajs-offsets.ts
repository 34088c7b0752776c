import { refusalOf } from './errors.ts'
import { require } from './replace-module.ts'
import { within } from './within.ts'

interface OffsetManager {
  coordinator: unknown
  readonly groupId: string
  readonly cluster: { findGroupCoordinator(of: { groupId: string }): Promise<unknown> }
  commitOffsets(offsets: object): Promise<void>
}

/**
 * No attempt of a commit begins later than this after its first one. With the time that a request may take (10 s) that is
 * before whoever asked for the commit gives it up (KafkaGroupConsumer): an attempt that came later could put back an
 * offset that was committed meanwhile.
 */
const TRIED_FOR_MS = 5_000
const FIND_MAX_MS = 3_000

/** The member is not one any more, or is joining: who coordinates the group is known then. */
const OF_MEMBERSHIP = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'])

/**
 * Makes a consumer commit to the broker that coordinates its group now. The original notes the coordinator when a join is
 * complete, and again never: when the group moves to another broker and the join there fails (the group is just being
 * loaded), the consumer goes on as a member of before, whose heartbeats the new coordinator answers, and sends every
 * commit to the old one.
 *
 * Seen with a rolling stop of brokers under load: two partitions were normalized again and again and never committed.
 * The consumer itself tries a failed commit again, so it is enough to know better then.
 */
export function commitToTheCoordinatorOfNow(): void {
  const { prototype } = require('kafkajs/src/consumer/offsetManager/index.js') as { prototype: OffsetManager }
  const { commitOffsets } = prototype
  /** By what is committed: all attempts of one commit have the same object. */
  const attempts = new WeakMap<object, { readonly since: number; failure: unknown }>()
  prototype.commitOffsets = async function (this: OffsetManager, offsets: object) {
    const attempt = attempts.get(offsets) ?? { since: performance.now(), failure: null }
    attempts.set(offsets, attempt)
    if (performance.now() - attempt.since > TRIED_FOR_MS) {
      throw new CommitGivenUpError(attempt.failure)
    }
    try {
      await commitOffsets.call(this, offsets)
    } catch (error) {
      attempt.failure = error
      if (mayHaveMoved(error)) {
        // That it cannot be found either is less than what went wrong.
        await within(FIND_MAX_MS, this.cluster.findGroupCoordinator({ groupId: this.groupId })).then(
          (found) => {
            this.coordinator = found
          },
          () => {},
        )
      }
      throw error
    }
  }
}

class CommitGivenUpError extends Error {
  readonly code = 'COMMIT_GIVEN_UP'
  /** For kafkajs, which otherwise tries on; the caller decides anew. */
  readonly retriable = false

  constructor(cause: unknown) {
    super(`the offset could not be committed for ${TRIED_FOR_MS} ms: ${(cause as Error).message}`, { cause })
    this.name = 'CommitGivenUpError'
  }
}

function mayHaveMoved(error: unknown): boolean {
  return !OF_MEMBERSHIP.has(String((error as { type?: unknown }).type)) && refusalOf(error) === null
}
