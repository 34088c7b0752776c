import type { Logger } from '../observability/log.ts'
import type { PartitionReader, Standing } from '../stream/partition-reader.ts'
import { DefinedStop } from '../stream/partition-task.ts'
import type { PartitionTransactions } from '../stream/transactions.ts'
import { OUTPUTS, type OutputEnds } from './view-marker.ts'

/** What one output partition looks like after every former owner was fenced. */
export interface OutputFacts {
  /** Where the committed offset says that it ends; null if it says nothing. */
  readonly promised: bigint | null
  /** Offset up to which a read_committed reader sees it. */
  readonly visibleEnd: bigint
  /** Offset after the last record, decided or not. */
  readonly highWatermark: bigint
  /** Whether a reader sees a record at or after `promised`. */
  readonly publishedMore: boolean
  /** What stands where the last promised record has to be; null if nothing is promised, or it is not decided yet. */
  readonly lastPromised: Standing | null
}

/**
 * How the last transaction has to end that its coordinator gave up half-way; null if there is none.
 *
 * Its records stand in the outputs, its input offset in the offsets topic, each decided or not. What a reader saw, or
 * what the committed offset counts on, cannot be taken back: then all of it is committed. If nobody saw anything, it is
 * aborted, and its events are processed again.
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
  /** Where the committed offset says that the outputs end; null if it says nothing. */
  readonly promised: OutputEnds | null
  /** Outputs of which the promise names the end of the topic, not that of a record. */
  readonly inexact: readonly (keyof OutputEnds)[]
  readonly reader: PartitionReader
  readonly transactions: PartitionTransactions
  readonly logger: Logger
}

export interface SettledOutputs {
  readonly ends: OutputEnds
  /** Whether a transaction was ended here, so that the committed offset may have changed. */
  readonly settled: boolean
}

/**
 * Makes sure that nothing is undecided in the outputs of a partition. Must run after InitProducerId: then every former
 * transaction is over, says the coordinator, and nobody else writes into these partitions.
 *
 * But a coordinator that starts while a partition has no leader takes the partition for deleted and skips its marker
 * (KAFKA-20734; seen with Kafka 4.3.1 in 4 of 17 runs that killed a lone broker twice under load). What stands there
 * stays invisible until the next transaction of the same producer, and then shares its outcome: an event that was
 * processed again would be in `changes` twice.
 *
 * Published and not committed is also what is left when somebody deleted the group's offsets, or they expired. Then there is
 * nothing to end, the transaction that looks for it is empty, and the events are read again from the beginning.
 *
 * Rejects while a partition or the offset stays undecided; the caller opens again later. Rejects with DefinedStop if an output
 * lost what was promised.
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
    'a transaction was ended half-way by its coordinator: ends it',
  )
  // Not all that `topics` may name: the caller has the inputs in it, too.
  await transactions.settle(
    OUTPUTS.map((name) => topics[name]),
    outcome,
  )
  const after = await factsOf(options)
  if (Object.values(after).some(isUndecided)) {
    throw new Error(`the outputs of partition ${partition} stay undecided: ${describe(after)}`)
  }
  assertNothingLost(options, after)
  // Its own end can be half-way, too. Whoever went on would count again what is published.
  if (!(await transactions.offsetDecided())) {
    throw new Error(`the offset of what partition ${partition} has published stays undecided`)
  }
  return { ends: endsOf(after), settled: true }
}

/** Whether everything in the outputs of a partition is decided. Rejects with DefinedStop if they lost what was promised. */
export async function outputsDecided(
  options: Pick<SettleOptions, 'partition' | 'topics' | 'inexact' | 'reader'> & { readonly promised: OutputEnds },
): Promise<boolean> {
  const facts = await factsOf(options)
  assertNothingLost(options, facts)
  return !Object.values(facts).some(isUndecided)
}

/** Everything that was committed must still be there: nobody but retention and compaction may take it away. */
function assertNothingLost(
  { partition, topics, inexact }: Pick<SettleOptions, 'partition' | 'topics' | 'inexact'>,
  facts: Facts,
): void {
  for (const name of OUTPUTS) {
    const { promised, highWatermark, lastPromised } = facts[name]
    // Compaction may have removed the last record of `current`, if it was a tombstone.
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
 * An output ends before what the last commit promised, or has grown again over what it lost.
 *
 * @param found Where it ends, or where the first record was put that should have come after what was promised.
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
    `${topic}[${partition}] lost records: what was committed reaches offset ${promised}, the topic goes on at ${found}. Probably a broker was elected that did not have them all, or lost its disk. Nothing was skipped, and nothing was committed since. ` +
      'Run `paystatus repair`, which publishes again what can be told from the other topics, then start again.',
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
    // Its end alone does not tell: a topic that lost records has grown again, if only by what was aborted since.
    lastPromised = await reader.at(topic, partition, promised - 1n)
  }
  // Right after what was promised stands its own marker; a record and its marker take two places more.
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

function endsOf({ current, changes, eventDeadLetters }: Facts): OutputEnds {
  return {
    current: current.visibleEnd,
    changes: changes.visibleEnd,
    eventDeadLetters: eventDeadLetters.visibleEnd,
  }
}

function describe(facts: Facts): string {
  return Object.entries(facts)
    .map(
      ([name, { promised, visibleEnd, highWatermark }]) => `${name} ${promised ?? '?'}/${visibleEnd}/${highWatermark}`,
    )
    .join(', ')
}
