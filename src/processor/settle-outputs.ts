import type { Logger } from '../observability/log.ts'
import type { PartitionReader, Standing } from '../stream/partition-reader.ts'
import { DefinedStop } from '../stream/partition-task.ts'
import type { PartitionTransactions } from '../stream/transactions.ts'
import { mapOutputs, OUTPUTS, type OutputEnds } from './view-marker.ts'

/** One output partition, after every former owner was fenced. */
export interface OutputFacts {
  /** Where the last commit says the partition ends; null if it says nothing. */
  readonly promised: bigint | null
  /** Offset up to which a read_committed reader can read. */
  readonly visibleEnd: bigint
  /** Offset after the last record, decided or not. */
  readonly highWatermark: bigint
  /** Whether a reader can see a record at or after `promised`. */
  readonly publishedMore: boolean
  /** What is found at the offset of the last promised record; null if nothing is promised or it is still undecided. */
  readonly lastPromised: Standing | null
}

/**
 * The outcome to impose on a transaction its coordinator left half-ended; null if there is none.
 *
 * Its records are in the outputs and its input offset is in the offsets topic; each partition is decided or not. If a
 * reader may have seen part of the transaction, or the committed offset relies on it, it cannot be undone: the rest is
 * committed, too. Otherwise it is aborted and its events are processed again.
 */
export function outcomeOfHalfEnded(outputs: readonly OutputFacts[]): 'commit' | 'abort' | null {
  const isCommitted = ({ promised, visibleEnd, highWatermark, publishedMore }: OutputFacts) =>
    publishedMore || (promised !== null && visibleEnd < promised && promised <= highWatermark)
  if (outputs.some(isCommitted)) {
    return 'commit'
  }
  return outputs.some(isUndecided) ? 'abort' : null
}

export interface SettleOptions {
  readonly partition: number
  readonly topics: Readonly<Record<keyof OutputEnds, string>>
  /** Where the last commit says the outputs end; null if it says nothing. */
  readonly promised: OutputEnds | null
  /** Outputs whose promised end is only the end of the topic, not that of a record. */
  readonly inexact: readonly (keyof OutputEnds)[]
  readonly reader: PartitionReader
  readonly transactions: PartitionTransactions
  readonly logger: Logger
}

export interface SettledOutputs {
  readonly ends: OutputEnds
  /** Whether a transaction was ended here; then the committed offset may have changed. */
  readonly settled: boolean
}

/**
 * Ensures that the outputs of a partition contain no undecided transaction. Must run after InitProducerId: then the
 * coordinator considers every former transaction ended, and no other producer writes to these partitions.
 *
 * But a coordinator that starts while a partition has no leader treats the partition as deleted and skips its marker
 * (KAFKA-20734; seen with Kafka 4.3.1 in 4 of 17 runs that killed a single broker twice under load). The records without a
 * marker stay invisible until the next transaction of the same producer, and then share its outcome: an event that was
 * processed again would appear in `changes` twice.
 *
 * The committed offset is also missing if the group's offsets were deleted or have expired. Then there is no transaction to
 * end: the settling transaction is empty, and the events are read again from the beginning.
 *
 * Rejects while a partition or the offset stays undecided; the caller opens again later. Rejects with DefinedStop if an
 * output lost promised records.
 */
export async function settleOutputs(options: SettleOptions): Promise<SettledOutputs> {
  const { partition, topics, transactions, logger } = options
  const facts = await factsOf(options)
  assertNothingLost(options, facts)
  const outcome = outcomeOfHalfEnded(Object.values(facts))
  if (outcome === null) {
    return { ends: endsOf(facts), settled: false }
  }
  logger.warn(
    { partition, outcome, outputs: describe(facts) },
    'ending a transaction that its coordinator left half-ended',
  )
  // Only the outputs: the caller's `topics` also names the inputs.
  await transactions.settle(
    OUTPUTS.map((name) => topics[name]),
    outcome,
  )
  const after = await factsOf(options)
  if (Object.values(after).some(isUndecided)) {
    throw new Error(`the outputs of partition ${partition} stay undecided: ${describe(after)}`)
  }
  assertNothingLost(options, after)
  // This transaction can be left half-ended, too. Continuing would then count published events again.
  if (!(await transactions.offsetDecided())) {
    throw new Error(`the input offset of partition ${partition} stays undecided`)
  }
  return { ends: endsOf(after), settled: true }
}

/** Whether everything in the outputs of a partition is decided. Rejects with DefinedStop if they lost promised records. */
export async function outputsDecided(
  options: Pick<SettleOptions, 'partition' | 'topics' | 'inexact' | 'reader'> & { readonly promised: OutputEnds },
): Promise<boolean> {
  const facts = await factsOf(options)
  assertNothingLost(options, facts)
  return !Object.values(facts).some(isUndecided)
}

/** Everything that was committed must still be there; only retention and compaction may remove it. */
function assertNothingLost(
  { partition, topics, inexact }: Pick<SettleOptions, 'partition' | 'topics' | 'inexact'>,
  facts: Facts,
): void {
  for (const name of OUTPUTS) {
    const { promised, highWatermark, lastPromised } = facts[name]
    // In `current`, the last promised record may be missing: compaction removes tombstones.
    const isGone =
      !inexact.includes(name) && (lastPromised === 'hidden' || (lastPromised === 'nothing' && name !== 'current'))
    if (promised !== null && (highWatermark < promised || isGone)) {
      throw outputTruncated(name, topics[name], partition, promised, highWatermark)
    }
  }
}

const TRUNCATED = {
  current: 'CURRENT_TRUNCATED',
  changes: 'CHANGES_TRUNCATED',
  eventDeadLetters: 'EVENT_DEAD_LETTERS_TRUNCATED',
} as const satisfies Record<keyof OutputEnds, string>

/**
 * An output ends before the offset that the last commit promised, or lost its last records and has grown again since.
 *
 * @param found Where it ends, or the offset of a new record that should have come after what was promised.
 */
export function outputTruncated(
  output: keyof OutputEnds,
  topic: string,
  partition: number,
  promised: bigint,
  found: bigint,
): DefinedStop {
  return new DefinedStop(
    TRUNCATED[output],
    `${topic}[${partition}] lost records: the last commit reaches offset ${promised}, but the topic continues at ${found}. Probably a broker without all records was elected leader, or a broker lost its disk. Nothing was skipped, and nothing has been committed since. ` +
      'Run `paystatus repair`, which publishes again whatever the other topics can restore, then start again.',
  )
}

type Facts = Readonly<Record<keyof OutputEnds, OutputFacts>>

async function factsOf(options: Pick<SettleOptions, 'partition' | 'topics' | 'promised' | 'reader'>): Promise<Facts> {
  const { topics, promised } = options
  const [current, changes, eventDeadLetters] = await Promise.all([
    factsOfOne(options, topics.current, promised?.current ?? null),
    factsOfOne(options, topics.changes, promised?.changes ?? null),
    factsOfOne(options, topics.eventDeadLetters, promised?.eventDeadLetters ?? null),
  ])
  return { current, changes, eventDeadLetters }
}

async function factsOfOne(
  { partition, reader }: Pick<SettleOptions, 'partition' | 'reader'>,
  topic: string,
  promised: bigint | null,
): Promise<OutputFacts> {
  const { start, end, highWatermark } = await reader.range(topic, partition)
  let publishedMore = false
  let lastPromised: Standing | null = null
  if (promised !== null && promised > start && end >= promised) {
    // The end alone proves nothing: a topic that lost records may have grown again, even if only by aborted records.
    lastPromised = await reader.at(topic, partition, promised - 1n)
  }
  // The promised end is the offset of that transaction's marker. Another record and its marker take two more offsets.
  if (promised !== null && end > promised + 1n) {
    await reader.read(topic, partition, promised, () => {
      publishedMore = true
    })
  }
  return { promised, visibleEnd: end, highWatermark, publishedMore, lastPromised }
}

function isUndecided({ visibleEnd, highWatermark }: OutputFacts): boolean {
  return visibleEnd < highWatermark
}

function endsOf(facts: Facts): OutputEnds {
  return mapOutputs((name) => facts[name].visibleEnd)
}

function describe(facts: Facts): string {
  return Object.entries(facts)
    .map(
      ([name, { promised, visibleEnd, highWatermark }]) => `${name} ${promised ?? '?'}/${visibleEnd}/${highWatermark}`,
    )
    .join(', ')
}
