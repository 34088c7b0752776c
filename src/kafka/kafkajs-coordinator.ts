import { refusalOf } from './errors.ts'
import { require } from './replace-module.ts'
import { within } from './within.ts'

interface Cluster {
  findGroupCoordinator(of: { groupId: string }): Promise<unknown>
}

/** A part of kafkajs that sends requests of a group to its coordinator. */
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
 * No attempt of a commit begins later than this after the first. Together with the time that a request may take (10 s),
 * that is before the caller gives up on the commit (KafkaGroupConsumer): a later attempt could overwrite an offset
 * committed in the meantime with an older one.
 */
const TRIED_FOR_MS = 5_000
const FIND_MAX_MS = 3_000

/** The member has lost its membership, or must rejoin: the coordinator is known in these cases. */
const OF_MEMBERSHIP = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID'])

/**
 * Makes a consumer follow its group's coordinator. The original looks it up when it joins, and never again:
 *
 * - When the coordinator dies, heartbeats go to it until the consumer has used up its retries and restarts; measured:
 *   14 s until payments moved again, instead of 5 to 9 s. The next coordinator knows the membership.
 * - When the group moved and the join there failed, every commit went to the old coordinator: two partitions were
 *   normalized again and again and never committed (observed with a rolling stop of brokers under load).
 *
 * kafkajs itself retries a failed heartbeat or commit, so it is enough to update the coordinator before that.
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
  /** Keyed by the offsets to commit: all attempts of one commit pass the same object. */
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

/** Looks up the group's current coordinator if the error may mean that it moved. */
async function lookForCoordinator(follower: Follower, error: unknown): Promise<void> {
  if (!mayHaveMoved(error)) {
    return
  }
  // If the lookup fails too, the original error matters more.
  await within(FIND_MAX_MS, follower.cluster.findGroupCoordinator({ groupId: follower.groupId })).then(
    (found) => {
      follower.coordinator = found
    },
    () => {},
  )
}

class CommitGivenUpError extends Error {
  readonly code = 'COMMIT_GIVEN_UP'
  /** Keeps kafkajs from retrying further; the caller decides what to do. */
  readonly retriable = false

  constructor(cause: unknown) {
    super(`the offset could not be committed within ${TRIED_FOR_MS} ms: ${(cause as Error).message}`, { cause })
    this.name = 'CommitGivenUpError'
  }
}

function mayHaveMoved(error: unknown): boolean {
  return !OF_MEMBERSHIP.has(String((error as { type?: unknown }).type)) && refusalOf(error) === null
}
