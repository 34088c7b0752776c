import type { PaymentCodecs } from '../../avro/payment-codecs.ts'
import type { PaymentState } from '../../payment/apply-event.ts'
import type { StatusChangeRecord } from '../../payment/status-change.ts'
import { totalsFrom } from '../../payment/totals.ts'
import { CHANGE_HEADERS, StepHeaders, versionHeaders } from '../../processor/step-headers.ts'
import {
  type CommitMetadata,
  fromMetadataText,
  mapOutputs,
  OUTPUTS,
  type OutputEnds,
  toMetadataText,
} from '../../processor/view-marker.ts'
import type { GroupOffsets } from '../../stream/group-offsets.ts'
import type { Origin } from '../../stream/origin.ts'
import type { PartitionReader } from '../../stream/partition-reader.ts'
import { DefinedStop } from '../../stream/partition-task.ts'
import type { InRecord, OutRecord } from '../../stream/record.ts'
import { recordBytes } from '../../stream/record.ts'
import type { TopicFacts, TopicLogs } from '../../stream/topic-logs.ts'
import type { PartitionTransactions } from '../../stream/transactions.ts'
import type { TopicNames } from '../../topics.ts'
import { decodeOrNull } from '../verify/decode-or-null.ts'
import { type RepairCircumstances, repairPayment } from './repair-payment.ts'

export interface RepairPartitionOptions {
  readonly partition: number
  readonly topics: TopicNames
  readonly group: string
  readonly codecs: Pick<PaymentCodecs, 'change' | 'state'>
  readonly reader: PartitionReader
  readonly offsets: Pick<GroupOffsets, 'committed'>
  readonly logs: Pick<TopicLogs, 'facts'>
  readonly forgetAfterMs: number
  /** The clock, ms since the epoch. */
  readonly now: () => number
  /** Null for a dry run. Opening it fenced the partition's processor; the caller closes it. */
  readonly transactions: PartitionTransactions | null
  /** A token that no assignment of the partition ever used. */
  readonly token: string
  readonly signal?: AbortSignal | undefined
}

export interface PartitionRepair {
  readonly partition: number
  /** The end of each output, and its end according to the metadata of the committed offset; null without metadata. */
  readonly ends: Readonly<Record<keyof OutputEnds, { readonly found: string; readonly promised: string | null }>>
  /** Output topics that were recreated since the committed offset, whose present ids were, or would be, committed. */
  readonly recreated: readonly string[]
  /** Number of records that were, or in a dry run would be, republished. */
  readonly changes: number
  readonly current: number
  readonly inexact: readonly string[]
  readonly unrepairable: readonly string[]
}

/** Limits of one transaction; a single state can have almost 2 MiB. */
const PORTION_BYTES_MAX = 4 * 1024 * 1024
const PORTION_RECORDS_MAX = 1_000

/**
 * Republishes what one output of a partition lost and the other still has, and commits the present ends of the outputs.
 *
 * Every append is committed together with the new ends, in a transaction of the partition's own producer. A processor that
 * still runs is therefore fenced. After a crash the next run repairs the rest, because what was republished is no longer
 * missing.
 *
 * The view is rebuilt when the partition is next opened: no view ends with the token committed here.
 */
export async function repairPartition(options: RepairPartitionOptions): Promise<PartitionRepair> {
  const { partition, group, topics, offsets, transactions, codecs } = options
  if (transactions !== null) {
    await settle(options, transactions)
  }
  const committed = await offsets.committed(group, topics.events, partition)
  const metadata = fromMetadataText(committed.metadata)
  const ends = await endsOf(options)
  const recreated = await recreatedOutputs(options, metadata?.origin)
  const repairs = await findRepairs(options)
  const report: PartitionRepair = {
    partition,
    ends: mapOutputs((name) => {
      return { found: String(ends[name]), promised: metadata === null ? null : String(metadata.ends[name]) }
    }),
    recreated: [...recreated.keys()],
    changes: repairs.changes.length,
    current: repairs.current.length,
    inexact: repairs.inexact,
    unrepairable: repairs.unrepairable,
  }
  const isShort = metadata !== null && OUTPUTS.some((name) => metadata.ends[name] > ends[name])
  const isNothingToDo = !isShort && recreated.size === 0 && repairs.changes.length + repairs.current.length === 0
  if (transactions === null || isNothingToDo) {
    return report
  }
  if (committed.offset < 0n) {
    throw new DefinedStop(
      'NOTHING_COMMITTED',
      `group ${group} has no committed offset in ${topics.events}[${partition}], so there is none to keep. Nothing was changed. Start the processor: it reads all events again and recognises the recorded ones.`,
    )
  }
  const promise: Omit<CommitMetadata, 'ends'> = {
    totals: totalsFrom(committed.offset),
    ...metadata,
    ...(metadata?.origin !== undefined && {
      origin: { ...metadata.origin, topics: new Map([...metadata.origin.topics, ...recreated]) },
    }),
    committedBy: options.token,
    former: { committedBy: '', current: 0n },
  }
  const repairedAt = new Date(options.now()).toISOString()
  const stepHeaders = new StepHeaders(topics.changes)
  const writes = [
    ...repairs.changes.map((change) => ({
      output: 'changes' as const,
      record: {
        key: change.paymentKey,
        value: codecs.change.encode(change),
        headers: { ...stepHeaders.of(change), [CHANGE_HEADERS.repaired]: repairedAt },
      },
    })),
    ...repairs.current.map((state) => ({
      output: 'current' as const,
      record: { key: state.paymentKey, value: codecs.state.encode(state), headers: versionHeaders(state) },
    })),
  ]
  let promised = ends
  const appended = new Set<keyof OutputEnds>()
  // At least one transaction: even if no record is missing, the committed ends can be wrong.
  for (const portion of portionsOf(writes)) {
    options.signal?.throwIfAborted()
    await transactions.run(async (scope) => {
      for (const output of ['current', 'changes'] as const) {
        const records = portion.filter((write) => write.output === output).map(({ record }) => record)
        if (records.length > 0) {
          const { next } = await scope.append(topics[output], partition, records)
          promised = { ...promised, [output]: next }
          appended.add(output)
        }
      }
      // For the other outputs only the end of the topic is known, not its last records.
      const inexact = OUTPUTS.filter((name) => !appended.has(name))
      await scope.commitOffset(committed.offset, toMetadataText({ ...promise, ends: promised, inexact }))
    })
  }
  return report
}

/** The outputs that were recreated since the commit, as they are now, by topic. */
async function recreatedOutputs(
  { topics, logs }: RepairPartitionOptions,
  before: Origin | undefined,
): Promise<ReadonlyMap<string, TopicFacts>> {
  const facts = await logs.facts(OUTPUTS.map((name) => topics[name]))
  const isRecreated = (name: string, now: TopicFacts) => {
    const then = before?.topics.get(name)
    // A different partition count cannot be repaired; the processor reports it.
    return then !== undefined && then.id !== now.id && then.partitions === now.partitions
  }
  return new Map([...facts].filter(([name, now]) => isRecreated(name, now)))
}

/** Aborts an undecided transaction. No reader has seen its records; if any are missing afterwards, they are republished. */
async function settle({ partition, topics, reader }: RepairPartitionOptions, transactions: PartitionTransactions) {
  const isUndecided = async () => {
    const ranges = await Promise.all(OUTPUTS.map((name) => reader.range(topics[name], partition)))
    return ranges.some(({ end, highWatermark }) => end < highWatermark)
  }
  if (await isUndecided()) {
    await transactions.settle(
      OUTPUTS.map((name) => topics[name]),
      'abort',
    )
    if (await isUndecided()) {
      throw new Error(
        `the outputs of partition ${partition} still have an undecided transaction; try again in a moment`,
      )
    }
  }
}

async function endsOf({ partition, topics, reader }: RepairPartitionOptions): Promise<OutputEnds> {
  const [current, changes, eventDeadLetters] = await Promise.all(
    OUTPUTS.map(async (name) => (await reader.range(topics[name], partition)).end),
  )
  return { current: current as bigint, changes: changes as bigint, eventDeadLetters: eventDeadLetters as bigint }
}

interface Repairs {
  readonly changes: readonly StatusChangeRecord[]
  readonly current: readonly PaymentState[]
  readonly inexact: readonly string[]
  readonly unrepairable: readonly string[]
}

/**
 * Reads `changes` for the versions of every payment, then `current`, then `changes` again for the payments where the two
 * disagree: only those are held in memory completely.
 */
async function findRepairs(options: RepairPartitionOptions): Promise<Repairs> {
  const { partition, topics, reader } = options
  const { versions, reachBackTo } = await readVersions(options)
  const suspects = new Map<string, PaymentState | null>()
  for (const paymentKey of versions.keys()) {
    // Suspect until `current` agrees.
    suspects.set(paymentKey, null)
  }
  await reader.read(
    topics.current,
    partition,
    0n,
    async (records) => {
      for (const record of records) {
        const state = await decodedState(options, record)
        const paymentKey = String(record.key)
        if (state !== null && agree(state, versions.get(paymentKey), reachBackTo)) {
          suspects.delete(paymentKey)
        } else {
          suspects.set(paymentKey, state)
        }
      }
    },
    options.signal,
  )
  const steps = await readSteps(options, suspects)
  const circumstances = { changesReachBackTo: reachBackTo, forgetAfterMs: options.forgetAfterMs, now: options.now() }
  return repairsOf(suspects, steps, circumstances)
}

function repairsOf(
  suspects: ReadonlyMap<string, PaymentState | null>,
  steps: ReadonlyMap<string, readonly StatusChangeRecord[]>,
  circumstances: RepairCircumstances,
): Repairs {
  const found = [...suspects].map(([paymentKey, current]) =>
    repairPayment({ paymentKey, changes: steps.get(paymentKey) ?? [], current }, circumstances),
  )
  return {
    // In the order of first publication, as far as it is known.
    changes: found.flatMap(({ changes }) => changes).toSorted((a, b) => a.recordedAt - b.recordedAt),
    current: found.flatMap(({ current }) => (current === null ? [] : [current])),
    inexact: found.flatMap(({ inexact }) => inexact),
    unrepairable: found.flatMap(({ unrepairable }) => unrepairable),
  }
}

interface Versions {
  incarnation: number
  readonly seen: Set<number>
}

/** The versions in `changes` of each payment's newest life, and the time since which `changes` is complete. */
async function readVersions(
  options: RepairPartitionOptions,
): Promise<{ readonly versions: ReadonlyMap<string, Versions>; readonly reachBackTo: number | null }> {
  const versions = new Map<string, Versions>()
  let first: StatusChangeRecord | undefined
  const { start } = await readChanges(options, (change) => {
    first ??= change
    const { paymentKey, incarnation, statusVersion } = change
    let known = versions.get(paymentKey)
    if (known === undefined || known.incarnation < incarnation) {
      known = { incarnation, seen: new Set() }
      versions.set(paymentKey, known)
    }
    if (known.incarnation === incarnation) {
      known.seen.add(statusVersion)
    }
  })
  return { versions, reachBackTo: start === 0n ? null : (first?.recordedAt ?? options.now()) }
}

async function readSteps(options: RepairPartitionOptions, wanted: ReadonlyMap<string, unknown>) {
  const steps = new Map<string, StatusChangeRecord[]>()
  if (wanted.size > 0) {
    await readChanges(options, (change) => {
      if (wanted.has(change.paymentKey)) {
        const known = steps.get(change.paymentKey)
        if (known === undefined) {
          steps.set(change.paymentKey, [change])
        } else {
          known.push(change)
        }
      }
    })
  }
  return steps
}

async function readChanges(options: RepairPartitionOptions, onChange: (change: StatusChangeRecord) => void) {
  const { partition, topics, reader, codecs, signal } = options
  return reader.read(
    topics.changes,
    partition,
    0n,
    async (records) => {
      for (const { value, offset } of records) {
        const change = await decodeOrNull(codecs.change, value, { topic: topics.changes, partition, offset })
        if (change !== null) {
          onChange(change)
        }
      }
    },
    signal,
  )
}

async function decodedState({ topics, partition, codecs }: RepairPartitionOptions, { value, offset }: InRecord) {
  return decodeOrNull(codecs.state, value, { topic: topics.current, partition, offset })
}

/** Whether nothing can be missing in either: `changes` has every version up to that of `current`, as far back as it reaches. */
function agree(state: PaymentState, versions: Versions | undefined, reachBackTo: number | null): boolean {
  if (versions === undefined) {
    return reachBackTo !== null && state.touchedAt < reachBackTo
  }
  const { incarnation, seen } = versions
  const first = least(seen)
  return (
    incarnation === state.incarnation &&
    seen.has(state.statusVersion) &&
    !seen.has(state.statusVersion + 1) &&
    seen.size === state.statusVersion - first + 1 &&
    (first === 1 || reachBackTo !== null)
  )
}

function least(numbers: Iterable<number>): number {
  let found = Number.POSITIVE_INFINITY
  for (const number of numbers) {
    found = Math.min(found, number)
  }
  return found
}

interface Write {
  readonly output: 'changes' | 'current'
  readonly record: OutRecord
}

function* portionsOf(writes: readonly Write[]): Iterable<readonly Write[]> {
  let portion: Write[] = []
  let bytes = 0
  for (const write of writes) {
    const size = recordBytes(write.record)
    if (portion.length > 0 && (bytes + size > PORTION_BYTES_MAX || portion.length >= PORTION_RECORDS_MAX)) {
      yield portion
      portion = []
      bytes = 0
    }
    portion.push(write)
    bytes += size
  }
  yield portion
}
