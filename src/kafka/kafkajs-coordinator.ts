import { refusalOf } from './errors.ts'
import { require } from './replace-module.ts'
import { within } from './within.ts'

interface Cluster {
  findGroupCoordinator(of: { groupId: string }): Promise<unknown>
}

/** What kafkajs tells a broker about a group, and which one. */
interface Follower {
  coordinator: unknown
  readonly groupId: string
  readonly cluster: Cluster
}

interface OffsetManager extends Follower {
  commitOffsets(offsets: object): Promise<void>
}

interface ConsumerGroup extends Follower {
  heartbeat(options: { interval: number }): Promise<void>
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
 * Makes a consumer turn to the broker that coordinates its group now. The original notes it when it joins, and again never:
 *
 * - When the coordinator dies, heartbeats go to it until the consumer gives up and starts anew, after all its retries;
 *   measured: 14 s until payments moved again, instead of 5 to 9 s. The next coordinator knows its membership.
 * - When the group moved and the join there failed, every commit went to the old one: two partitions were normalized
 *   again and again and never committed (seen with a rolling stop of brokers under load).
 *
 * kafkajs itself tries a failed heartbeat or commit again, so it is enough to know better then.
 */
export function followTheCoordinator(): void {
  heartbeatToIt()
  commitToIt()
}

function heartbeatToIt(): void {
  const { prototype } = require('kafkajs/src/consumer/consumerGroup.js') as { prototype: ConsumerGroup }
  const { heartbeat } = prototype
  prototype.heartbeat = async function (this: ConsumerGroup, options: { interval: number }) {
    try {
      await heartbeat.call(this, options)
    } catch (error) {
      await lookForCoordinator(this, error)
      throw error
    }
  }
}

function commitToIt(): void {
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
      await lookForCoordinator(this, error)
      throw error
    }
  }
}

/** Finds out who coordinates the group now, if that may be what an error says. */
async function lookForCoordinator(follower: Follower, error: unknown): Promise<void> {
  if (!mayHaveMoved(error)) {
    return
  }
  // That it cannot be found either is less than what went wrong.
  await within(FIND_MAX_MS, follower.cluster.findGroupCoordinator({ groupId: follower.groupId })).then(
    (found) => {
      follower.coordinator = found
    },
    () => {},
  )
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
