import type { Logger } from '../observability/log.ts'
import type { PartitionReader } from '../stream/partition-reader.ts'
import type { PartitionTransactions } from '../stream/transactions.ts'
import type { OutputEnds } from './view-marker.ts'

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
 * Rejects while a partition or the offset stays undecided; the caller opens again later.
 */
export async function settleOutputs(options: SettleOptions): Promise<SettledOutputs> {
  const { partition, topics, transactions, logger } = options
  const facts = await factsOf(options)
  const outcome = outcomeOfHalfEnded(Object.values(facts))
  if (outcome === null) {
    return { ends: endsOf(facts), settled: false }
  }
  logger.warn(
    { partition, outcome, outputs: describe(facts) },
    'a transaction was ended half-way by its coordinator: ends it',
  )
  await transactions.settle(Object.values(topics), outcome)
  const after = await factsOf(options)
  if (Object.values(after).some(isUndecided)) {
    throw new Error(`the outputs of partition ${partition} stay undecided: ${describe(after)}`)
  }
  // Its own end can be half-way, too. Whoever went on would count again what is published.
  if (!(await transactions.offsetDecided())) {
    throw new Error(`the offset of what partition ${partition} has published stays undecided`)
  }
  return { ends: endsOf(after), settled: true }
}

/** Whether everything in the outputs of a partition is decided. */
export async function outputsDecided(
  options: Pick<SettleOptions, 'partition' | 'topics' | 'reader'>,
): Promise<boolean> {
  const facts = await factsOf({ ...options, promised: null })
  return !Object.values(facts).some(isUndecided)
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
  const { end, highWatermark } = await reader.range(topic, partition)
  let publishedMore = false
  // Right after what was promised stands its own marker; a record and its marker take two places more.
  if (promised !== null && end > promised + 1n) {
    await reader.read(topic, partition, promised, () => {
      publishedMore = true
    })
  }
  return { promised, visibleEnd: end, highWatermark, publishedMore }
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
