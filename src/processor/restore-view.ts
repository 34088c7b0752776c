import { AvroDecodeError } from '../avro/errors.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import { totalsFrom } from '../payment/totals.ts'
import { DefinedStop } from '../stream/partition-task.ts'
import type { InRecord } from '../stream/record.ts'
import { fingerprintOf } from './due.ts'
import { OwnedView, ViewLostError } from './owned-view.ts'
import type { StateWrite } from './state-store.ts'
import { forgettingWrite, stateWrite } from './state-write.ts'
import type { StatusTaskOptions } from './status-task-options.ts'
import { type CommitMetadata, fromMarkerText, type ViewMarker } from './view-marker.ts'
import type { LaneStore } from './waiting-store.ts'

/**
 * Oldest view that a replay may still bring up to date, ms. Compaction removes a tombstone after `delete.retention.ms`
 * (7 days, topics.ts), so an older view could keep a payment that was forgotten meanwhile.
 */
export const VIEW_AGE_MAX_MS = 5 * 86_400_000
/** Largest clock difference between our processes, ms. Beyond it, the age of a view is meaningless. */
const CLOCKS_APART_MAX_MS = 86_400_000

export interface RestoreFacts {
  /** A state in the view could not be read. */
  readonly distrusted: boolean
  /** See StateStore.isWhole. */
  readonly whole: boolean
  readonly clusterId: string
  readonly dueBy: string
  /** What the commit says the view must contain; null if it says nothing. */
  readonly metadata: CommitMetadata | null
  /** Whether the group has a committed offset for this partition. */
  readonly committed: boolean
  /** Offset after the last record of `payments.status.current`. */
  readonly currentEnd: bigint
  readonly now: number
}

export type RestoreDecision =
  | { readonly kind: 'keep' }
  | { readonly kind: 'replay'; readonly from: bigint }
  | { readonly kind: 'rebuild'; readonly why: string }

/**
 * Decides how to make the view equal to `current`. Restoring never folds events again: what was published is the truth, and
 * a new fold would differ after retention, an operator's reset or a change of the rules.
 */
export function decideRestore(marker: ViewMarker | null, facts: RestoreFacts): RestoreDecision {
  if (marker === null) {
    return { kind: 'rebuild', why: 'there is no view' }
  }
  if (facts.distrusted) {
    return { kind: 'rebuild', why: 'the view contains a state that cannot be read' }
  }
  if (marker.clusterId !== facts.clusterId) {
    return { kind: 'rebuild', why: 'the view was built from another Kafka cluster' }
  }
  if (marker.dueBy !== facts.dueBy) {
    return { kind: 'rebuild', why: 'the `payments` settings that determine due times have changed' }
  }
  if (!facts.committed) {
    return { kind: 'rebuild', why: 'the group has no committed offset for this partition' }
  }
  // An acknowledged commit may have been aborted (settle-outputs.ts); then the view contains what was never published.
  if (marker.viewNext > (facts.metadata?.ends.current ?? facts.currentEnd)) {
    return { kind: 'rebuild', why: 'the view is ahead of what was committed' }
  }
  if (!endsWithValidCommit(marker, facts.metadata)) {
    return { kind: 'rebuild', why: 'the view ends with a commit that was superseded' }
  }
  const isComplete = marker.viewNext === facts.metadata?.ends.current && !marker.replaying
  const ageMs = facts.now - marker.completeAt
  if (!isComplete && ageMs > VIEW_AGE_MAX_MS) {
    return { kind: 'rebuild', why: 'the view is older than the retention of tombstones' }
  }
  if (!isComplete && ageMs < -CLOCKS_APART_MAX_MS) {
    return { kind: 'rebuild', why: 'the view was written by a clock far ahead of ours, so its age is unknown' }
  }
  if (!facts.whole) {
    return { kind: 'rebuild', why: 'Redis lost part of the view: due times or customer references' }
  }
  return isComplete ? { kind: 'keep' } : { kind: 'replay', from: marker.viewNext }
}

function endsWithValidCommit({ committedBy, viewNext }: ViewMarker, metadata: CommitMetadata | null): boolean {
  if (metadata === null) {
    return committedBy === NOBODY
  }
  const { former } = metadata
  return committedBy === metadata.committedBy || (committedBy === former.committedBy && viewNext <= former.current)
}

/** Used if no commit names a committer: then everything in the view was read from `current`. */
const NOBODY = ''

type TaskOptions = 'partition' | 'topics' | 'reader' | 'codecs' | 'clusterId' | 'duePolicy' | 'now' | 'restoreBudget'

export interface RestoreOptions extends Pick<StatusTaskOptions, TaskOptions> {
  readonly store: LaneStore
  /** Throws DefinedStop if the key found at an offset does not belong to this partition. */
  readonly assertInPlace: (key: Buffer, offset: bigint) => void
  readonly metadata: CommitMetadata | null
  /** Whether the group has a committed offset for this partition. */
  readonly committed: boolean
  /** The view contains a state that cannot be read: rebuild it. */
  readonly distrusted: boolean
  /** Next input offset; counting restarts here if no commit carries totals. */
  readonly next: bigint
  /** Names this assignment; unique among all assignments. */
  readonly token: string
  /** Called after every portion. */
  readonly onProgress: () => void
  readonly signal: AbortSignal
}

export interface RestoredView {
  readonly view: OwnedView
  readonly decision: RestoreDecision
  readonly records: number
}

/** Most states in one write; a script call blocks Redis while it runs. */
const WRITES_MAX = 500
/** Roughly what a replay holds in memory: a fetched portion and its copy on the way to Redis. */
export const REPLAY_BYTES = 16 * 1024 * 1024

/**
 * Makes the view of a partition equal to `current` and puts this assignment's marker on it, so that a former owner can no
 * longer write. Must run after every former owner is fenced and before any output.
 *
 * Rejects with DefinedStop if `current` ends before what the commit promises, with ViewLostError if another owner writes.
 */
export async function restoreView(options: RestoreOptions): Promise<RestoredView> {
  const { partition, topics, store, reader, clusterId, duePolicy, metadata, token, next, signal } = options
  const { marker: found } = await store.read(partition, [])
  const whole = await store.isWhole(partition)
  const startedAt = options.now()
  const range = await reader.range(topics.current, partition)
  if (metadata !== null && metadata.ends.current > range.end) {
    throw new DefinedStop(
      'CURRENT_TRUNCATED',
      `${topics.current}[${partition}] lost records: the last commit promises records up to offset ${metadata.ends.current}, but the topic ends at ${range.end}. Nothing was written. Restore the topic, or reset the group to rebuild it.`,
    )
  }
  const marker = fromMarkerText(found)
  const dueBy = fingerprintOf(duePolicy)
  const decision = decideRestore(marker, { ...options, whole, dueBy, currentEnd: range.end, now: startedAt })

  const start: ViewMarker = {
    clusterId,
    token,
    writes: 0,
    next,
    viewNext: decision.kind === 'rebuild' || marker === null ? 0n : marker.viewNext,
    committedBy: metadata?.committedBy ?? NOBODY,
    totals: metadata?.totals ?? totalsFrom(next),
    dueBy,
    // An interrupted replay does not make the view newer: tombstones may have been removed before the next attempt.
    completeAt: decision.kind === 'replay' && marker !== null ? marker.completeAt : startedAt,
    replaying: decision.kind !== 'keep',
  }
  const view = await OwnedView.claim(store, partition, found, start, decision.kind === 'rebuild')

  let records = 0
  const replay = () =>
    reader.read(
      topics.current,
      partition,
      view.marker.viewNext,
      async (portion) => {
        records += portion.length
        for (let at = 0; at < portion.length; at += WRITES_MAX) {
          const slice = portion.slice(at, at + WRITES_MAX)
          const last = slice.at(-1) as InRecord
          await view.advance({ viewNext: last.offset + 1n }, await toWrites(slice, options))
          options.onProgress()
        }
      },
      signal,
    )
  if (decision.kind === 'keep') {
    // There should be nothing to read, so this does not wait for replays that take minutes.
    await replay()
  } else {
    await options.restoreBudget.use(partition, REPLAY_BYTES, signal, replay)
  }
  // The promise may lie beyond the last record read, because of control records or compaction.
  const promised = metadata?.ends.current ?? 0n
  const viewNext = promised > view.marker.viewNext ? promised : view.marker.viewNext
  if (options.now() - start.completeAt > VIEW_AGE_MAX_MS) {
    // The replay took so long, or the process was suspended, that tombstones may have been removed before they were read.
    throw new ViewLostError(partition)
  }
  if (decision.kind !== 'keep') {
    await view.advance({ viewNext, completeAt: startedAt, replaying: false }, [])
  }
  return { view, decision, records }
}

/** The last record of every payment in a portion, as a write into the view. */
async function toWrites(portion: readonly InRecord[], options: RestoreOptions): Promise<readonly StateWrite[]> {
  const latest = new Map<string, StateWrite>()
  for (const record of portion) {
    const { key, value, offset } = record
    if (key !== null) {
      options.assertInPlace(key, offset)
    }
    const paymentKey = String(key)
    latest.delete(paymentKey)
    const write =
      value === null
        ? forgettingWrite(paymentKey)
        : stateWrite(paymentKey, value, await decodeCurrent(options, value, offset), options.duePolicy)
    latest.set(paymentKey, write)
  }
  return [...latest.values()]
}

/** Stops at an unreadable record of `current`: a newer release wrote it, or it is no state. Guessing is not safe. */
async function decodeCurrent(
  { codecs, topics, partition }: RestoreOptions,
  value: Buffer,
  offset: bigint,
): Promise<PaymentState> {
  try {
    return await codecs.state.decodeFetching(value, { topic: topics.current, partition, offset })
  } catch (error) {
    if (error instanceof AvroDecodeError) {
      throw new DefinedStop(
        'CURRENT_UNREADABLE',
        `the record at offset ${offset} of ${topics.current}[${partition}] cannot be read: ${error.message}. Nothing was written. Run the release that wrote it, or a newer one.`,
      )
    }
    throw error
  }
}
