import { AvroDecodeError } from '../avro/errors.ts'
import type { ValuePlace } from '../avro/schema-stop.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import { addTotals } from '../payment/totals.ts'
import { assertLogHolds, type InputLog, openInputLog } from '../stream/input-log.ts'
import { assertSameOrigin } from '../stream/origin.ts'
import {
  type DefinedStop,
  definedStopOf,
  OpenAgain,
  type PartitionStart,
  type PartitionTask,
} from '../stream/partition-task.ts'
import type { InRecord } from '../stream/record.ts'
import { endOf, type LogPlace, type TopicFacts } from '../stream/topic-logs.ts'
import type { PartitionTransactions } from '../stream/transactions.ts'
import { assertOutputs } from './assert-outputs.ts'
import { type BatchOutput, emptyOutput, type OutputContext, outputOfTimers } from './batch-output.ts'
import { confirmUndecodable, prepareEvents } from './decode-event.ts'
import { fenceOwners } from './fence-owners.ts'
import { foldPortion, keyOf } from './fold-portion.ts'
import { type OwnedView, ViewLostError } from './owned-view.ts'
import { type Needed, portionOf } from './portion.ts'
import { type PromisedEnds, publishOutput } from './publish-output.ts'
import { restoreView } from './restore-view.ts'
import { outputsDecided } from './settle-outputs.ts'
import { type SettledCommit, settledCommit } from './settled-commit.ts'
import type { StateWrite, ViewRead } from './state-store.ts'
import type { StatusTaskOptions } from './status-task-options.ts'
import { StepHeaders } from './step-headers.ts'
import { type CommitMetadata, fromMetadataText, NO_OUTPUT, OUTPUTS } from './view-marker.ts'
import { type LaneStore, WaitingStore } from './waiting-store.ts'

/** Time without another commit after which the outputs of the last one are checked, ms. */
const CHECK_COMMIT_AFTER_MS = 5_000

/** Small states are read together with their sizes, which saves a round trip. They are not part of the memory budget. */
const READ_WITH_SIZES_BYTES_MAX = 64 * 1024

/** Most payments whose timers are handled at once. */
const DUE_MAX = 500

/**
 * The status processor of one partition: events in, changes and current states out, exactly once.
 *
 * `open` takes over the partition in five numbered steps and publishes nothing before the last; `process` handles a batch
 * in four. A step starts only after the one before it has succeeded. The numbers are those of ARCHITECTURE.md, "The
 * processor, step by step".
 *
 * A crash between any two steps loses and repeats nothing: before the commit nothing is visible and the next owner
 * processes the batch again; after the commit its metadata says what the view lacks, and the next owner replays it from
 * `current`.
 */
export class StatusTask implements PartitionTask {
  readonly #options: StatusTaskOptions
  readonly #outputContext: OutputContext
  #transactions: PartitionTransactions | undefined
  /** Waits until Redis answers or the lane's signal, passed to `open`, is aborted. */
  #store: LaneStore | undefined
  #view: OwnedView | undefined
  /** The topics as they were when the partition was opened. */
  #facts: ReadonlyMap<string, TopicFacts> = new Map()
  /** Who committed last before this assignment, and where `current` ended then. */
  #former: CommitMetadata['former'] = { committedBy: '', current: 0n }
  /** What the last commit promised. */
  #promised: PromisedEnds = { ends: NO_OUTPUT, inexact: [] }
  /** How far the input had been read at the last commit. */
  #read: LogPlace | null = null
  /** When the last commit was acknowledged, ms since the epoch; undefined once it has been checked. */
  #uncheckedSince: number | undefined
  /**
   * Why the process must end. Thrown only after the outputs were settled: an operator who then sets the offset deletes the
   * promise that decides the outcome of a half-ended transaction.
   */
  #stop: DefinedStop | undefined
  /** The view contains a state that cannot be read: the next `open` rebuilds it, whatever its marker says. */
  #distrustView = false

  constructor(options: StatusTaskOptions) {
    this.#options = options
    this.#outputContext = { ...options, stepHeaders: new StepHeaders(options.topics.changes) }
  }

  async open(signal: AbortSignal, onProgress = () => {}): Promise<PartitionStart> {
    await this.close()
    signal.throwIfAborted()
    const { store, report } = this.#options
    this.#store = new WaitingStore(store, report, signal)

    // 1. Fence every former owner, which ends its open transaction.
    const transactions = await this.#options.openTransactions(signal)
    this.#transactions = transactions
    this.#options.crashPoint?.('processor:after-init')
    await fenceOwners(this.#options, transactions)

    // 2. Check that the outputs are the topics the group committed to; settle what is undecided; detect lost records.
    this.#facts = await assertOutputs(this.#options)
    const settled = await settledCommit(this.#options, transactions)
    this.#options.crashPoint?.('processor:after-settle')

    // 3. The committed offset is final now: check that settings, topics and the input log are those it was committed under.
    await this.#assertSameOrigin()
    const { next, read, range } = await openInputLog(this.#input, settled.committed)
    if (this.#stop !== undefined) {
      throw this.#stop
    }

    // 4. Make the view equal to `current`, under this assignment's marker.
    await this.#restore(settled, next, onProgress, signal)
    this.#options.crashPoint?.('processor:after-restore')
    const { committed, metadata, ends, inexact } = settled
    this.#promised = { ends, inexact }
    this.#read = read
    this.#former = { committedBy: metadata?.committedBy ?? '', current: ends.current }
    if (committed.offset < 0n && OUTPUTS.some((output) => ends[output] > 0n)) {
      await this.#promisePublished(next)
    }

    // 5. Accept records from exactly the committed offset on.
    return { offset: next, highWatermark: range.end, read }
  }

  async verify(next: bigint, read: LogPlace | null): Promise<void> {
    try {
      await assertLogHolds(this.#input, next, read, this.#opened().view.marker.next)
    } catch (error) {
      this.#stop = definedStopOf(error)
      throw this.#stop === undefined ? error : new OpenAgain(this.#stop.message)
    }
  }

  async process(records: readonly InRecord[], next: bigint, signal: AbortSignal): Promise<void> {
    if (records.length === 0) {
      await this.#commit(emptyOutput(), next)
      return
    }
    const { topics, now } = this.#options
    const items = records.map((record) => ({
      bytes: record.value?.length ?? 0,
      paymentKey: record.key && keyOf(record),
    }))
    const assertInPlace = (key: Buffer, offset: bigint) => this.#assertInPlace(key, topics.events, offset)
    await this.#inPortions(items, signal, async (from, until, known) => {
      const portion = records.slice(from, until)
      // 1. Read the states and the marker. Their sizes are known and their share of the memory budget is held.
      const states = await this.#readStates(keysIn(items.slice(from, until)), known)
      await prepareEvents(portion, this.#options)
      this.#options.crashPoint?.('processor:after-read')

      // 2. Fold. States stay bytes until the turn of their payment.
      const at = now()
      const { output, undecodable } = await this.#withStates(states, (stateOf) =>
        foldPortion(portion, stateOf, assertInPlace, this.#outputContext, at),
      )
      await confirmUndecodable(undecodable, this.#options)
      this.#options.crashPoint?.('processor:after-fold')

      // 3. Publish and commit in one transaction. 4. Update the view.
      const read = endOf(portion.at(-1)) ?? this.#read
      return this.#commit(output, records[until]?.offset ?? next, read)
    })
  }

  async idle(signal: AbortSignal): Promise<void> {
    const { partition, now } = this.#options
    const { store, view } = this.#opened()
    if (!(await store.isWhole(partition))) {
      // Without its indexes nothing would ever be due or be found by its reference. The next `open` rebuilds the view.
      throw new ViewLostError(partition)
    }
    const at = now()
    const due = await store.due(partition, at, DUE_MAX)
    if (due.length === 0) {
      // Without events, only this detects a view that Redis lost or rolled back.
      await view.read([])
      await this.#checkLastCommit()
      return
    }
    const items = due.map((paymentKey) => ({ bytes: 0, paymentKey }))
    await this.#inPortions(items, signal, async (from, until, known) => {
      const keys = due.slice(from, until)
      const output = await this.#withStates(await this.#readStates(keys, known), (stateOf) =>
        outputOfTimers(keys, stateOf, this.#outputContext, at),
      )
      return this.#commit(output, view.marker.next)
    })
  }

  async drained(): Promise<void> {
    // Every chunk was committed with its transaction.
  }

  async close(): Promise<void> {
    const transactions = this.#transactions
    this.#transactions = undefined
    this.#store = undefined
    this.#view = undefined
    this.#uncheckedSince = undefined
    await transactions?.close()
  }

  async #restore(settled: SettledCommit, next: bigint, onProgress: () => void, signal: AbortSignal): Promise<void> {
    const { partition, topics, logger } = this.#options
    const startedAt = performance.now()
    const { view, decision, records } = await restoreView({
      ...this.#options,
      store: this.#store as LaneStore,
      assertInPlace: (key, offset) => this.#assertInPlace(key, topics.current, offset),
      metadata: settled.metadata,
      committed: settled.committed.offset >= 0n,
      next,
      distrusted: this.#distrustView,
      token: this.#options.newToken(),
      onProgress,
      signal,
    })
    this.#view = view
    this.#distrustView = false
    this.#options.onRestored(decision.kind, records, performance.now() - startedAt)
    if (decision.kind === 'rebuild' && settled.committed.offset >= 0n) {
      logger.warn({ partition, records, why: decision.why }, 'view rebuilt from payments.status.current')
    }
  }

  /**
   * The group's offsets were deleted or have expired, or the input topic was deleted. Without a promise, a half-ended
   * transaction could not be distinguished from earlier records, so the first commit contains only the promise.
   */
  async #promisePublished(next: bigint): Promise<void> {
    const { partition, logger } = this.#options
    logger.warn(
      { partition },
      'the group has no committed offset, but the outputs are not empty: reads all events again and recognises those already recorded',
    )
    await this.#commit(emptyOutput(), next)
  }

  /**
   * Handles a batch in portions. Each fits into memory together with the states it needs, and holds its share of the budget
   * while it is processed. Sizes are read before any state; nothing else changes them.
   *
   * `work` gets the range of items, and what was read with the sizes if that is all it needs. It resolves with what it wrote into
   * the view.
   */
  async #inPortions(
    items: readonly Needed[],
    signal: AbortSignal,
    work: (from: number, until: number, known: ViewRead | null) => Promise<readonly StateWrite[]>,
  ): Promise<void> {
    const { partition, budget, portionBytesMax } = this.#options
    const keys = keysIn(items)
    const found = await this.#opened().store.sizes(partition, keys, READ_WITH_SIZES_BYTES_MAX)
    const sizes = new Map(keys.map((key, index) => [key, found.sizes[index] ?? 0]))
    for (let from = 0; from < items.length; ) {
      const { until, bytes } = portionOf(items, from, (key) => sizes.get(key) ?? 0, portionBytesMax)
      const known = from === 0 && until === items.length ? found.read : null
      const writes = await budget.use(partition, bytes, signal, () => work(from, until, known))
      for (const { paymentKey, state } of writes) {
        sizes.set(paymentKey, state?.length ?? 0)
      }
      from = until
    }
  }

  /**
   * The states of these payments, as bytes that can be decoded without the registry. Rejects with ViewLostError unless the
   * view is as this task left it.
   */
  async #readStates(keys: readonly string[], known: ViewRead | null): Promise<ReadonlyMap<string, Buffer>> {
    const { state } = this.#options.codecs
    const states = await this.#opened().view.read(keys, known)
    for (const bytes of states.values()) {
      const id = state.unpreparedIdIn(bytes)
      if (id !== null) {
        await state.prepare(id, this.#placeOfStates)
      }
    }
    return states
  }

  /**
   * Runs `work`, which decodes each state when it needs it. If the bytes cannot be decoded as a state, something else wrote
   * to Redis; `current` has the correct bytes.
   */
  async #withStates<T>(
    states: ReadonlyMap<string, Buffer>,
    work: (stateOf: (paymentKey: string) => PaymentState | undefined) => T,
  ): Promise<T> {
    const { codecs, partition } = this.#options
    try {
      return work((paymentKey) => {
        const bytes = states.get(paymentKey)
        return bytes && codecs.state.decode(bytes)
      })
    } catch (error) {
      if (!(error instanceof AvroDecodeError)) {
        throw error
      }
      if (error.schemaId !== null) {
        await codecs.state.confirm(error.schemaId, this.#placeOfStates)
      }
      this.#distrustView = true
      throw new ViewLostError(partition)
    }
  }

  get #placeOfStates(): ValuePlace {
    const { topics, partition } = this.#options
    return { topic: topics.current, partition, offset: null, inView: true }
  }

  /** Steps 3 and 4 of a batch. Resolves with what was written into the view. */
  async #commit(output: BatchOutput, next: bigint, read = this.#read): Promise<readonly StateWrite[]> {
    const { partition, topics, environment, transactionalId, now, onCommitted } = this.#options
    const { transactions, view } = this.#opened()
    const { token: committedBy } = view.marker
    const totals = addTotals(view.marker.totals, output.totals)
    const completeAt = now()
    const origin = { environment, topics: this.#facts, read, transactionalId, namespaces: new Map<string, string>() }
    const metadata = { committedBy, former: this.#former, totals, origin }

    // 3. One transaction: `current`, `changes`, dead letters, and the offset with what it promises.
    this.#promised = await publishOutput(transactions, output, next, {
      partition,
      topics,
      before: this.#promised,
      metadata,
      crashPoint: this.#options.crashPoint,
    })
    this.#options.crashPoint?.('processor:after-commit')
    this.#read = read
    this.#uncheckedSince = now()
    onCommitted({ totals: output.totals, seen: output.seen, advanced: next - view.marker.next })

    // 4. One write: states, due times, references and the new marker; refused unless the marker is still ours.
    const viewNext = this.#promised.ends.current
    await view.advance({ next, totals, completeAt, viewNext, committedBy }, output.writes)
    this.#options.crashPoint?.('processor:after-view')
    return output.writes
  }

  /**
   * An acknowledged commit can still be half-ended (see settle-outputs.ts). The next commit would end it; if none follows,
   * the next `open` does.
   */
  async #checkLastCommit(): Promise<void> {
    const { partition, topics, group, reader, offsets, now } = this.#options
    if (this.#uncheckedSince === undefined || now() - this.#uncheckedSince < CHECK_COMMIT_AFTER_MS) {
      return
    }
    const committed = await offsets.committed(group, topics.events, partition)
    const { ends: promised, inexact } = this.#promised
    const found = fromMetadataText(committed.metadata)?.ends
    if (
      committed.offset !== this.#opened().view.marker.next ||
      // A commit for timers changes only the promise.
      OUTPUTS.some((output) => found?.[output] !== promised[output]) ||
      !(await outputsDecided({ partition, topics, reader, promised, inexact }))
    ) {
      throw new Error(`the last commit of partition ${partition} is still not visible`)
    }
    this.#uncheckedSince = undefined
  }

  async #assertSameOrigin(): Promise<void> {
    const { group, topics, offsets, environment, seenTopics } = this.#options
    const committed = await offsets.committedAll(group, topics.events)
    const facts = this.#facts
    seenTopics.assertSame({ group, topic: topics.events, facts })
    assertSameOrigin({ group, topic: topics.events, committed, facts, environment, namespaces: new Map() })
  }

  get #input(): InputLog {
    const { group, topics, partition, reader, logs } = this.#options
    return { group, topic: topics.events, partition, reader, logs, facts: this.#facts }
  }

  #assertInPlace(key: Buffer, topic: string, offset: bigint): void {
    const { keys, topics, partition } = this.#options
    keys.assert(key, topic, partition, offset, this.#facts.get(topics.events)?.partitions ?? 0)
  }

  #opened(): {
    readonly transactions: PartitionTransactions
    readonly store: LaneStore
    readonly view: OwnedView
  } {
    if (this.#transactions === undefined || this.#store === undefined || this.#view === undefined) {
      throw new Error('the partition is not open')
    }
    return { transactions: this.#transactions, store: this.#store, view: this.#view }
  }
}

/** The payments whose states these items need, each once. */
function keysIn(items: readonly Needed[]): readonly string[] {
  return [...new Set(items.flatMap(({ paymentKey }) => paymentKey ?? []))]
}
