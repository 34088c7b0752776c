import { AvroDecodeError } from '../avro/errors.ts'
import type { PaymentCodecs } from '../avro/payment-codecs.ts'
import type { Logger } from '../observability/log.ts'
import type { PaymentState } from '../payment/apply-event.ts'
import { overdueChange, toStatusChange } from '../payment/status-change.ts'
import { addTotals, noTotals, type TotalsDelta } from '../payment/totals.ts'
import { crashPoint } from '../stream/crash-point.ts'
import { toDeadLetter } from '../stream/dead-letter.ts'
import type { CommittedOffset, GroupOffsets } from '../stream/group-offsets.ts'
import { assertLogHolds, type InputLog, openInputLog } from '../stream/input-log.ts'
import type { KeysInPlace } from '../stream/keys-in-place.ts'
import { assertSameOrigin, assertSameTopics, type Origin, originIn, partitionsChanged } from '../stream/origin.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import {
  type DefinedStop,
  definedStopOf,
  OpenAgain,
  type PartitionStart,
  type PartitionTask,
} from '../stream/partition-task.ts'
import type { InRecord, OutRecord } from '../stream/record.ts'
import { endOf, type LogPlace, type TopicFacts, type TopicLogs } from '../stream/topic-logs.ts'
import type { PartitionTransactions } from '../stream/transactions.ts'
import type { TopicNames } from '../topics.ts'
import type { ByteBudget } from './byte-budget.ts'
import { decodePrepared } from './decode-prepared.ts'
import { type DuePolicy, dueAction, dueAt, markOverdue } from './due.ts'
import { type BatchInput, type BatchOutcome, EVENT_DEAD_LETTER_REASONS, foldBatch } from './fold-batch.ts'
import { type Needed, portionOf } from './portion.ts'
import { type RestoreDecision, restoreView, ViewLostError } from './restore-view.ts'
import { outputsDecided, outputTruncated, settleOutputs } from './settle-outputs.ts'
import type { StateStore, StateWrite } from './state-store.ts'
import {
  type CommitMetadata,
  fromMetadataText,
  OUTPUTS,
  type OutputEnds,
  toMarkerText,
  toMetadataText,
  type ViewMarker,
} from './view-marker.ts'
import { type WaitReport, waitForStore } from './wait-for-store.ts'

export interface StatusTaskOptions {
  readonly partition: number
  readonly group: string
  readonly topics: TopicNames
  readonly clusterId: string
  readonly codecs: PaymentCodecs
  readonly store: StateStore
  readonly reader: PartitionReader
  readonly offsets: GroupOffsets
  readonly logs: TopicLogs
  /** Connects a transactional producer for this partition and fences every older one. */
  readonly openTransactions: () => Promise<PartitionTransactions>
  readonly transactionalId: string
  /** Ids under which earlier releases may still work for this partition. */
  readonly formerTransactionalIds: readonly string[]
  readonly environment: string
  /** Of `current`. */
  readonly keys: KeysInPlace
  readonly duePolicy: DuePolicy
  /** Events and states of one transaction, bytes; what is beyond it is another transaction's (I10). */
  readonly portionBytesMax: number
  /** Of all partitions of the process together: what is worked at, and what is replayed into a view. */
  readonly budget: ByteBudget
  readonly restoreBudget: ByteBudget
  /** The clock, ms since the epoch. */
  readonly now: () => number
  /** A name that no other assignment of the partition ever had. */
  readonly newToken: () => string
  readonly report: WaitReport
  /** Called after every commit with what it added. */
  readonly onCommitted: (delta: TotalsDelta) => void
  readonly onRestored: (kind: RestoreDecision['kind'], records: number, durationMs: number) => void
  readonly logger: Logger
}

/**
 * Largest event, bytes. A payment keeps at most 256 events, so its state, children included, stays below the 2 MiB that
 * the topics accept, whatever comes in which order.
 */
export const EVENT_BYTES_MAX = 7_000

const NOTHING_YET: OutputEnds = { current: 0n, changes: 0n, eventDeadLetters: 0n }

/** How long after the last commit its outputs are looked at, when nothing follows, ms. */
const CHECK_COMMIT_AFTER_MS = 5_000

/** Most payments that one act of the clock touches in one transaction. */
const DUE_MAX = 500

/**
 * The status processor of one partition: events in, changes and current states out, exactly once.
 *
 * Open, before any output:
 *   1. InitProducerId: every former owner is fenced, its open transaction is ended; also one with the id that committed last
 *   2. the outputs are those into which the group committed (origin.ts)
 *   3. nothing is left undecided in them, and nothing lost (settle-outputs.ts)
 *   4. the committed offset and its metadata, which are final now; settings and input are those under which it was committed,
 *      and the input still holds what was read (input-log.ts)
 *   5. the view in Redis made equal to `current`, with this assignment's marker on it
 *
 * Then per batch, each arrow only after the one before it:
 *   read states and marker -> fold (pure) -> transaction {current, changes, dead letters, offset + metadata} -> commit
 *   -> view and marker
 *
 * A crash between any two arrows loses and repeats nothing: before the commit nothing is visible and the next owner
 * does it again; after the commit the metadata says what the view lacks, and the next owner replays it from `current`.
 */
export class StatusTask implements PartitionTask {
  readonly #options: StatusTaskOptions
  #transactions: PartitionTransactions | undefined
  #marker: { readonly marker: ViewMarker; readonly text: string } | undefined
  #ends = NOTHING_YET
  /** Outputs whose end is only that of the topic (see CommitMetadata). */
  #inexact: readonly (keyof OutputEnds)[] = []
  /** Who committed last before this assignment, and where `current` ended then. */
  #former: CommitMetadata['former'] = { committedBy: '', current: 0n }
  /** As they were when the partition was opened. */
  #facts: ReadonlyMap<string, TopicFacts> = new Map()
  /**
   * Why the process has to end, once what was begun is settled: whoever then sets the offset takes away the promise that tells
   * how a transaction has to end that was ended half-way.
   */
  #stop: DefinedStop | undefined
  /** Up to where the input was read, as of the last commit. */
  #read: LogPlace | null = null
  /** When the last commit was answered that nobody looked at yet, ms since the epoch. */
  #uncheckedSince: number | undefined
  /** The view holds what cannot be read: the next open builds it anew, whatever its marker says. */
  #distrustView = false

  constructor(options: StatusTaskOptions) {
    this.#options = options
  }

  async open(signal: AbortSignal, onProgress = () => {}): Promise<PartitionStart> {
    const { partition, topics, reader, store, codecs, clusterId, duePolicy, now, report } = this.#options
    await this.close()
    signal.throwIfAborted()
    this.#transactions = await this.#options.openTransactions()
    crashPoint('processor:after-init')
    await this.#fenceOthers(this.#transactions)
    await this.#assertSameOutputs()

    const { committed, metadata, ends, inexact } = await this.#settle(this.#transactions)
    crashPoint('processor:after-settle')
    await this.#assertSameOrigin()
    const { next, read, range } = await openInputLog(this.#input, committed)
    if (this.#stop !== undefined) {
      throw this.#stop
    }

    const startedAt = performance.now()
    const restored = await restoreView({
      partition,
      currentTopic: topics.current,
      store,
      reader,
      codec: codecs.state,
      assertInPlace: (key, offset) => this.#assertInPlace(key, topics.current, offset),
      duePolicy,
      clusterId,
      metadata,
      committed: committed.offset >= 0n,
      next,
      distrusted: this.#distrustView,
      token: this.#options.newToken(),
      now,
      report,
      budget: this.#options.restoreBudget,
      onProgress,
      signal,
    })
    crashPoint('processor:after-restore')
    this.#marker = { marker: restored.marker, text: restored.markerText }
    this.#ends = ends
    this.#inexact = inexact
    this.#read = read
    this.#former = { committedBy: metadata?.committedBy ?? '', current: ends.current }
    this.#distrustView = false
    const durationMs = performance.now() - startedAt
    this.#options.onRestored(restored.decision.kind, restored.records, durationMs)
    if (restored.decision.kind === 'rebuild' && committed.offset >= 0n) {
      this.#options.logger.warn(
        { partition, records: restored.records, why: restored.decision.why },
        'view rebuilt from payments.status.current',
      )
    }
    if (committed.offset < 0n && Object.values(ends).some((end) => end > 0n)) {
      this.#options.logger.warn(
        { partition },
        'the group has no committed offset, but something was published: reads the events from their beginning, and recognises what it knows',
      )
      // Somebody deleted the offsets or the topic, or they expired. Without a promise of its own, a transaction that is ended half-way
      // could not be told from what is published already.
      await this.#commit(emptyOutput(), next, signal)
    }
    return { offset: next, highWatermark: range.end, read }
  }

  async verify(next: bigint, read: LogPlace | null): Promise<void> {
    const { group, topics, logs } = this.#options
    try {
      assertSameTopics({ group, topic: topics.events, facts: await logs.facts([...this.#facts.keys()]) }, this.#facts)
      await assertLogHolds(this.#input, next, read, this.#owned().marker.next)
    } catch (error) {
      this.#stop = definedStopOf(error)
      throw this.#stop === undefined ? error : new OpenAgain(this.#stop.message)
    }
  }

  async process(records: readonly InRecord[], next: bigint, signal: AbortSignal): Promise<void> {
    if (records.length === 0) {
      await this.#commit(emptyOutput(), next, signal)
      return
    }
    const items = records.map(({ key, value }) => ({ bytes: value?.length ?? 0, paymentKey: key && String(key) }))
    await this.#inPortions(items, signal, async (from, until) => {
      const inputs = await this.#decode(records.slice(from, until))
      const keys = inputs.flatMap((input) => ('event' in input ? [input.event.paymentKey] : []))
      const states = await this.#readStates([...new Set(keys)], signal)
      crashPoint('processor:after-read')
      const outcome = foldBatch(inputs, (key) => states.get(key), this.#options.now())
      crashPoint('processor:after-fold')
      const read = endOf(records[until - 1]) ?? this.#read
      return this.#commit(this.#toOutput(outcome), records[until]?.offset ?? next, signal, read)
    })
  }

  async idle(signal: AbortSignal): Promise<void> {
    const { partition, store, now, report } = this.#options
    if (!(await waitForStore(() => store.isWhole(partition), report, signal))) {
      // Nothing would ever be due, or be found by its reference. Opening again builds the view anew, and says so.
      throw new ViewLostError(partition)
    }
    const at = now()
    const due = await waitForStore(() => store.due(partition, at, DUE_MAX), report, signal)
    if (due.length === 0) {
      // A view that Redis lost or rolled back is noticed here when no event comes.
      await this.#readStates([], signal)
      await this.#checkLastCommit()
      return
    }
    const items = due.map((paymentKey) => ({ bytes: 0, paymentKey }))
    await this.#inPortions(items, signal, async (from, until) => {
      const keys = due.slice(from, until)
      const output = this.#dueOutput(keys, await this.#readStates(keys, signal), at)
      return this.#commit(output, this.#owned().marker.next, signal)
    })
  }

  /** What the clock does to payments whose time has come. */
  #dueOutput(keys: readonly string[], states: ReadonlyMap<string, PaymentState>, at: number): Output {
    const { codecs, duePolicy } = this.#options
    const output = emptyOutput()
    for (const paymentKey of keys) {
      const state = states.get(paymentKey)
      const action = state === undefined ? 'gone' : dueAction(state, at, duePolicy)
      if (state === undefined || action === 'forget') {
        output.writes.push({ paymentKey, state: null, dueAt: 0, endToEndId: null })
        if (state !== undefined) {
          output.current.push({ key: paymentKey, value: null })
          output.totals.forgotten += 1
        }
      } else if (action === 'overdue') {
        const marked = markOverdue(state, at)
        output.changes.push({ key: paymentKey, value: codecs.change.encode(overdueChange(marked)) })
        this.#addState(output, marked)
        output.totals.overdue += 1
      } else {
        this.#addState(output, state, { unchanged: true })
      }
    }
    return output
  }

  async drained(): Promise<void> {
    // Every chunk was committed with its transaction.
  }

  async close(): Promise<void> {
    const transactions = this.#transactions
    this.#transactions = undefined
    this.#marker = undefined
    this.#uncheckedSince = undefined
    await transactions?.close()
  }

  /**
   * Does a batch in portions, each of which fits into memory together with the states that it needs, and holds its share
   * of the budget while it is worked at. The sizes are asked for before anything is read; nobody else changes them.
   * `work` is told which items it is about and resolves with what it wrote into the view.
   */
  async #inPortions(
    items: readonly Needed[],
    signal: AbortSignal,
    work: (from: number, until: number) => Promise<readonly StateWrite[]>,
  ): Promise<void> {
    const { partition, store, report, budget, portionBytesMax } = this.#options
    const keys = [...new Set(items.flatMap(({ paymentKey }) => (paymentKey === null ? [] : [paymentKey])))]
    const lengths = await waitForStore(() => store.sizes(partition, keys), report, signal)
    const sizes = new Map(keys.map((key, index) => [key, lengths[index] ?? 0]))
    for (let from = 0; from < items.length; ) {
      const { until, bytes } = portionOf(items, from, (key) => sizes.get(key) ?? 0, portionBytesMax)
      const writes = await budget.use(partition, bytes, signal, () => work(from, until))
      for (const { paymentKey, state } of writes) {
        sizes.set(paymentKey, state?.length ?? 0)
      }
      from = until
    }
  }

  /** The marker read with the states must be the one this task left, else nothing is known. */
  async #readStates(keys: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, PaymentState>> {
    const { partition, store, report } = this.#options
    const view = await waitForStore(() => store.read(partition, keys), report, signal)
    if (view.marker !== this.#owned().text) {
      throw new ViewLostError(partition)
    }
    const states = new Map<string, PaymentState>()
    for (const [index, bytes] of view.states.entries()) {
      if (bytes !== null) {
        states.set(keys[index] as string, await this.#decodeState(bytes))
      }
    }
    return states
  }

  /** Bytes of the view that are no state: something else wrote into Redis. `current` has the right ones. */
  async #decodeState(bytes: Buffer): Promise<PaymentState> {
    const { codecs, topics, partition } = this.#options
    try {
      return await decodePrepared(codecs.state, bytes, { topic: topics.current, partition, offset: null, inView: true })
    } catch (error) {
      if (error instanceof AvroDecodeError) {
        this.#distrustView = true
        throw new ViewLostError(partition)
      }
      throw error
    }
  }

  /** What was committed, once nothing is undecided any more. */
  async #settle(transactions: PartitionTransactions): Promise<Committed> {
    const { partition, group, topics, offsets, reader, logger } = this.#options
    const readCommitted = async () => {
      const committed = await offsets.committed(group, topics.events, partition)
      return { committed, metadata: fromMetadataText(committed.metadata) }
    }
    const before = await readCommitted()
    const promised = before.metadata?.ends ?? (before.committed.offset === -1n ? NOTHING_YET : null)
    const inexact = inexactOf(before.metadata)
    const { ends, settled } = await settleOutputs({
      partition,
      topics,
      promised,
      inexact,
      reader,
      transactions,
      logger,
    })
    const { committed, metadata } = settled ? await readCommitted() : before
    return { committed, metadata, ends: metadata?.ends ?? ends, inexact: inexactOf(metadata) }
  }

  /**
   * A commit that was answered can still be half-ended (see settle-outputs.ts). The next one would end it; when none
   * comes, opening again does.
   */
  async #checkLastCommit(): Promise<void> {
    const { partition, topics, group, reader, offsets, now } = this.#options
    if (this.#uncheckedSince !== undefined && now() - this.#uncheckedSince >= CHECK_COMMIT_AFTER_MS) {
      const committed = await offsets.committed(group, topics.events, partition)
      const [promised, inexact] = [this.#ends, this.#inexact]
      if (
        committed.offset !== this.#owned().marker.next ||
        !(await outputsDecided({ partition, topics, reader, promised, inexact }))
      ) {
        throw new Error(`the last commit of partition ${partition} is still not to be seen`)
      }
      this.#uncheckedSince = undefined
    }
  }

  get #input(): InputLog {
    const { group, topics, partition, reader, logs } = this.#options
    return { group, topic: topics.events, partition, reader, logs }
  }

  /** Whoever committed last may have another id than ours: then it is not fenced yet, and what it committed is not final. */
  async #fenceOthers(transactions: PartitionTransactions): Promise<void> {
    const { group, topics, partition, offsets, transactionalId, formerTransactionalIds } = this.#options
    const fenced = new Set([transactionalId])
    const fence = async (id: string) => {
      fenced.add(id)
      await transactions.fence(id)
    }
    for (const id of formerTransactionalIds) {
      await fence(id)
    }
    for (;;) {
      const { metadata } = await offsets.committed(group, topics.events, partition)
      const id = originIn(metadata)?.transactionalId ?? transactionalId
      if (fenced.has(id)) {
        return
      }
      await fence(id)
    }
  }

  /** Before anything is written: also the numbers of partitions, whichever partition wrote them down. */
  async #assertSameOutputs(): Promise<void> {
    const { group, topics, offsets, logs, keys } = this.#options
    const named = [topics.events, topics.current, topics.changes, topics.eventDeadLetters]
    const [facts, committed] = await Promise.all([logs.facts(named), offsets.committedAll(group, topics.events)])
    this.#facts = facts
    for (const { metadata } of committed.values()) {
      const before = originIn(metadata)?.topics ?? new Map<string, TopicFacts>()
      // An input that was made anew does not keep from settling the outputs.
      const input = before.get(topics.events)
      const isAnew = input !== undefined && input.id !== facts.get(topics.events)?.id
      const outputs = isAnew ? new Map([...before].filter(([name]) => name !== topics.events)) : before
      assertSameTopics({ group, topic: topics.events, facts }, outputs)
    }
    const partitions = facts.get(topics.events)?.partitions ?? 0
    for (const [name, { partitions: other }] of facts) {
      if (name !== topics.eventDeadLetters && other !== partitions) {
        throw partitionsChanged(group, name, partitions, other)
      }
    }
    if ([...committed.values()].every(({ metadata }) => originIn(metadata) === null)) {
      // Nobody wrote down how many there were: then the keys of what was published tell.
      await keys.assertAll(facts.get(topics.current) as TopicFacts)
    }
  }

  async #assertSameOrigin(): Promise<void> {
    const { group, topics, offsets, environment } = this.#options
    const committed = await offsets.committedAll(group, topics.events)
    const facts = this.#facts
    assertSameOrigin({ group, topic: topics.events, committed, facts, environment, namespaces: new Map() })
  }

  /** One transaction, its commit, then the view. Resolves with what was written into the view. */
  async #commit(output: Output, next: bigint, signal: AbortSignal, read = this.#read): Promise<readonly StateWrite[]> {
    const { partition, topics, store, now, report, onCommitted } = this.#options
    const before = this.#owned()
    let ends = this.#ends
    let inexact = this.#inexact
    const transactions = this.#transactions as PartitionTransactions
    const marker: ViewMarker = {
      ...before.marker,
      writes: before.marker.writes + 1,
      next,
      totals: addTotals(before.marker.totals, output.totals),
      completeAt: now(),
    }
    await transactions.run(async (scope) => {
      const append = (topic: string, records: readonly OutRecord[]) =>
        records.length === 0 ? undefined : scope.append(topic, partition, records)
      const [current, changes, deadLetters] = await Promise.all([
        append(topics.current, output.current),
        append(topics.changes, output.changes),
        append(topics.eventDeadLetters, output.deadLetters),
      ])
      ends = {
        current: current?.next ?? ends.current,
        changes: changes?.next ?? ends.changes,
        eventDeadLetters: deadLetters?.next ?? ends.eventDeadLetters,
      }
      const appended = { current, changes, eventDeadLetters: deadLetters }
      inexact = inexact.filter((name) => appended[name] === undefined)
      crashPoint('processor:after-append')
      assertAfter('current', topics.current, partition, this.#ends, current)
      assertAfter('changes', topics.changes, partition, this.#ends, changes)
      assertAfter('eventDeadLetters', topics.eventDeadLetters, partition, this.#ends, deadLetters)
      const metadata = {
        ends,
        committedBy: marker.token,
        former: this.#former,
        totals: marker.totals,
        inexact,
        origin: this.#originOf(read),
      }
      await scope.commitOffset(next, toMetadataText(metadata))
      crashPoint('processor:after-offset')
    })
    crashPoint('processor:after-commit')
    this.#ends = ends
    this.#inexact = inexact
    this.#read = read
    this.#uncheckedSince = now()
    onCommitted(output.totals)

    const after: ViewMarker = { ...marker, viewNext: ends.current, committedBy: marker.token }
    const text = toMarkerText(after)
    const written = await waitForStore(() => store.write(partition, before.text, text, output.writes), report, signal)
    if (written === 'refused') {
      throw new ViewLostError(partition)
    }
    crashPoint('processor:after-view')
    this.#marker = { marker: after, text }
    return output.writes
  }

  #originOf(read: LogPlace | null): Origin {
    const { environment, transactionalId } = this.#options
    return { environment, topics: this.#facts, read, transactionalId, namespaces: new Map() }
  }

  #assertInPlace(key: Buffer, topic: string, offset: bigint): void {
    const { keys, topics, partition } = this.#options
    keys.assert(key, topic, partition, offset, this.#facts.get(topics.events)?.partitions ?? 0)
  }

  #toOutput(outcome: BatchOutcome<InRecord>): Output {
    const { codecs, partition, topics, now } = this.#options
    const output: Output = { ...emptyOutput(), totals: outcome.totals }
    for (const change of outcome.changes) {
      output.changes.push({ key: change.state.paymentKey, value: codecs.change.encode(toStatusChange(change)) })
    }
    for (const state of outcome.states.values()) {
      this.#addState(output, state)
    }
    for (const { record, reason } of outcome.deadLetters) {
      output.deadLetters.push(
        toDeadLetter(record, {
          reason,
          message: EVENT_DEAD_LETTER_REASONS[reason],
          stage: 'processor',
          topic: topics.events,
          partition,
          offset: record.offset,
          element: null,
          at: now(),
        }),
      )
    }
    return output
  }

  /** A state goes to the topic and to the view as the same bytes. */
  #addState(output: Output, state: PaymentState, { unchanged = false } = {}): void {
    const { codecs, duePolicy } = this.#options
    const value = codecs.state.encode(state)
    if (!unchanged) {
      output.current.push({ key: state.paymentKey, value })
    }
    output.writes.push({
      paymentKey: state.paymentKey,
      state: value,
      dueAt: dueAt(state, duePolicy),
      endToEndId: state.details.endToEndId,
    })
  }

  async #decode(records: readonly InRecord[]): Promise<readonly BatchInput<InRecord>[]> {
    const inputs: BatchInput<InRecord>[] = []
    for (const record of records) {
      inputs.push(await this.#decodeOne(record))
    }
    return inputs
  }

  async #decodeOne(record: InRecord): Promise<BatchInput<InRecord>> {
    if (record.value === null) {
      return { record, rejected: 'undecodable' }
    }
    if (record.value.length > EVENT_BYTES_MAX) {
      return { record, rejected: 'too-large' }
    }
    try {
      const { codecs, topics, partition, group } = this.#options
      const place = { topic: topics.events, partition, offset: record.offset, group }
      const event = await decodePrepared(codecs.event, record.value, place)
      if (record.key?.toString() !== event.paymentKey) {
        return { record, rejected: 'key-mismatch' }
      }
      // Not before it is known to be one of ours: what a stranger wrote is a dead letter.
      this.#assertInPlace(record.key, topics.events, record.offset)
      return { record, event }
    } catch (error) {
      if (error instanceof AvroDecodeError) {
        return { record, rejected: 'undecodable' }
      }
      throw error
    }
  }

  #owned(): { readonly marker: ViewMarker; readonly text: string } {
    if (this.#marker === undefined) {
      throw new Error('the partition is not open')
    }
    return this.#marker
  }
}

/** Without a promise, or with that of an older release, only the ends of the topics are known. */
function inexactOf(metadata: CommitMetadata | null): readonly (keyof OutputEnds)[] {
  return metadata?.inexact ?? OUTPUTS
}

/** What is appended stands after everything that was committed before, or the topic lost that. */
function assertAfter(
  output: keyof OutputEnds,
  topic: string,
  partition: number,
  promised: OutputEnds,
  appended: { readonly first: bigint } | undefined,
): void {
  if (appended !== undefined && appended.first < promised[output]) {
    throw outputTruncated(output, topic, partition, promised[output], appended.first)
  }
}

interface Committed {
  readonly committed: CommittedOffset
  /** Null if the offset was not committed by this stage. */
  readonly metadata: CommitMetadata | null
  readonly ends: OutputEnds
  readonly inexact: readonly (keyof OutputEnds)[]
}

interface Output {
  readonly current: OutRecord[]
  readonly changes: OutRecord[]
  readonly deadLetters: OutRecord[]
  readonly writes: StateWrite[]
  readonly totals: TotalsDelta
}

function emptyOutput(): Output {
  return { current: [], changes: [], deadLetters: [], writes: [], totals: noTotals() }
}
